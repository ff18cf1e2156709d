"""Stuck events are listed with their reason, and replayed one by one or all together."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from service.clocks import wall_clock
from service.jobs import Dispatcher
from service.store.audit import AuditQuery
from service.store.event_search import stuck
from service.support.audit import Audit, Entry, Trail
from service.support.events import EventQuery, Events, EventState, Replay
from service.support.inbox_health import InboxReport
from webhooks.events import StripeEvent, parse
from webhooks.failures import PermanentFailure
from webhooks.inbox import Inbox
from webhooks.routing import Router
from webhooks.syncs import Syncs


class Stripe:
    """Fails for the customers named in `broken`, and for every look-up while `away`."""

    def __init__(self, make_snapshot: Callable[..., Any]) -> None:
        self.broken: set[str] = set()
        self.away = True
        self._make_snapshot = make_snapshot

    def fetch(self, customer_id: str) -> Any:
        if customer_id in self.broken:
            raise PermanentFailure("InvalidRequestError")
        return self._make_snapshot(customer_id=customer_id, reader_id=None)

    def ask(self, _reference: object) -> dict[str, Any]:
        if self.away:
            raise PermanentFailure("AuthenticationError")
        return {"object": "charge", "customer": "cus_3"}


@pytest.fixture
def stripe(make_snapshot: Any) -> Stripe:
    return Stripe(make_snapshot)


@pytest.fixture
def syncs(parts: Any, stripe: Stripe) -> Syncs:
    return Syncs(
        parts.engine, stripe.fetch, parts.projection.project, wall_clock=wall_clock, after_commit=lambda _: None,
        defer=Dispatcher(),
    )  # fmt: skip


@pytest.fixture
def router(engine: Engine, stripe: Stripe) -> Router:
    return Router(engine, stripe.ask, wall_clock=wall_clock, defer=Dispatcher())


@pytest.fixture
def events(engine: Engine, syncs: Syncs, router: Router, stripe: Stripe) -> Events:
    """One event of each fate: done, poisoned, unroutable, ignored; then nobody's job is left."""
    inbox = Inbox(engine, livemode=False, wall_clock=wall_clock, queue=Dispatcher.SQL)
    stripe.broken = {"cus_2"}
    inbox.store(event("evt_done", {"object": "customer", "id": "cus_1"}))
    inbox.store(event("evt_poison", {"object": "customer", "id": "cus_2"}))
    inbox.store(event("evt_poison_too", {"object": "customer", "id": "cus_2"}))
    inbox.store(event("evt_lost", {"object": "dispute", "id": "dp_1", "charge": "ch_1"}))
    inbox.store(event("evt_foreign", {"object": "product", "id": "prod_1"}, "product.created"))
    for _ in range(8):
        execute(engine, "update customer_syncs set not_before = null")
        execute(engine, "update events set not_before = null")
        for customer_id in syncs.due(9):
            syncs.sync(customer_id)
        router.route("evt_lost")
    execute(engine, "delete from procrastinate_jobs")
    return Events(engine, syncs, router)


def event(event_id: str, about: dict[str, Any], kind: str = "customer.updated") -> StripeEvent:
    value = {"id": event_id, "object": "event", "type": kind, "livemode": False, "data": {"object": about}}
    found = parse(json.dumps(value).encode())
    assert isinstance(found, StripeEvent)
    return found


def execute(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def jobs(engine: Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        query = text("select task_name, args ->> 'subject_id' from procrastinate_jobs order by 1 desc, 2")
        return [(row[0], row[1]) for row in connection.execute(query)]


def states(events: Events) -> dict[str, str]:
    return {each.id: each.state.value for each in events.page(EventQuery()).events}


@pytest.fixture
def audit(engine: Engine) -> Audit:
    return Audit(engine, wall_clock)


@pytest.fixture
def trail(audit: Audit) -> Trail:
    """What a request of an agent's leaves."""
    return Trail(audit, Entry(actor="staff:7", act="event.replay", reason="mended"))


def left(audit: Audit) -> list[tuple[str, str, str | None, Any]]:
    rows = audit.page(AuditQuery()).rows
    return [(row["actor"], row["act"], row["reason"], row["detail"]) for row in reversed(rows)]


def test_every_event_is_listed_with_what_became_of_it(events: Events) -> None:
    """State, and the reason why it is stuck or without effect."""
    found = {each.id: (each.state, each.reason) for each in events.page(EventQuery()).events}
    assert found == {
        "evt_done": ("done", None),
        "evt_poison": ("quarantined", "InvalidRequestError"),
        "evt_poison_too": ("quarantined", "InvalidRequestError"),
        "evt_lost": ("quarantined", "AuthenticationError"),
        "evt_foreign": ("ignored", "concerns_no_customer"),
    }


def ids(events: Events, **asked: Any) -> set[str]:
    return {each.id for each in events.page(EventQuery(**asked)).events}


def test_a_filter_finds_those_alone_and_every_state_its_own(events: Events, engine: Engine) -> None:
    """Each event is in the list of exactly the state that it has in the list of all."""
    execute(engine, "update customer_syncs set attempts = 1 where customer_id = 'cus_2'")
    by_state = {state: ids(events, state=state) for state in EventState}
    assert by_state == {
        "pending": set(),
        "failed": {"evt_poison", "evt_poison_too"},
        "quarantined": {"evt_lost"},
        "done": {"evt_done"},
        "ignored": {"evt_foreign"},
    }
    assert {each.id: each.state for each in events.page(EventQuery()).events} == {
        event_id: state for state, found in by_state.items() for event_id in found
    }
    assert ids(events, type="product.created") == {"evt_foreign"}
    assert ids(events, customer_id="cus_2") == {"evt_poison", "evt_poison_too"}
    assert ids(events, reason="AuthenticationError") == {"evt_lost"}
    assert ids(events, state=EventState.FAILED, type="customer.updated", customer_id="cus_1") == set()


def test_an_event_that_has_never_been_tried_is_pending(events: Events, engine: Engine) -> None:
    """Before any failure, with a customer and without; a failure of the routing moves it on."""
    execute(engine, "update customer_syncs set attempts = 0 where customer_id = 'cus_2'")
    execute(engine, "update events set status = 'pending', attempts = 0 where id = 'evt_lost'")
    assert ids(events, state=EventState.PENDING) == {"evt_poison", "evt_poison_too", "evt_lost"}
    execute(engine, "update events set attempts = 1 where id = 'evt_lost'")
    assert ids(events, state=EventState.FAILED) == {"evt_lost"}


def test_what_is_done_shows_no_failure_of_later(events: Events, engine: Engine) -> None:
    """The customer fails today: that says nothing of an event applied last month."""
    execute(engine, "update customer_syncs set dirty = 9, error = 'APIError' where customer_id = 'cus_1'")
    (done,) = events.page(EventQuery(state=EventState.DONE)).events
    assert (done.id, done.reason) == ("evt_done", None)


@pytest.mark.parametrize("state", [None, EventState.QUARANTINED])
def test_pages_follow_one_another(events: Events, state: EventState | None) -> None:
    """The newest first, none twice, none left out, also where several came at one instant; the last leads nowhere."""
    whole = [each.id for each in events.page(EventQuery(state=state)).events]
    walked, after = [], None
    while True:
        page = events.page(EventQuery(state=state, after=after), 2)
        walked += [each.id for each in page.events]
        if page.next_after is None:
            break
        after = page.next_after
    assert walked == whole
    received = [each.received_at for each in events.page(EventQuery(state=state)).events]
    assert received == sorted(received, reverse=True)


def test_an_event_is_shown_whole_but_masked(events: Events, engine: Engine) -> None:
    """What Stripe sent, without what is somebody's; one whose body was erased says so; whose customer it is."""
    body = json.dumps({"id": "evt_done", "object": "event", "data": {"object": {"email": "ada@example.com"}}})
    with engine.begin() as connection:
        connection.execute(text("update events set body = :body where id = 'evt_done'"), {"body": body.encode()})
        connection.execute(text("insert into accounts (reader_id, customer_id) values ('r-1', 'cus_1')"))
    found = events.detail("evt_done")
    assert found is not None
    assert found.payload == {"id": "evt_done", "object": "event", "data": {"object": {"email": "[masked]"}}}
    assert (found.event.reader_id, found.livemode) == ("r-1", False)
    execute(engine, "update events set body = ''")
    erased = events.detail("evt_done")
    assert erased is not None
    assert erased.payload is None
    assert events.detail("evt_none") is None


def test_a_poisoned_customers_event_is_replayed(
    events: Events, engine: Engine, syncs: Syncs, stripe: Stripe, audit: Audit, trail: Trail
) -> None:
    """At once, however long its backoff, and on record; after the repair both of the customer's events are done."""
    assert events.replay("evt_poison", trail) is Replay.RESUMED
    assert jobs(engine) == [("sync_customer", "cus_2")]
    assert left(audit) == [("staff:7", "event.replay", "mended", {"outcome": "resumed"})]
    assert states(events)["evt_poison"] == "pending"
    stripe.broken.clear()
    syncs.sync("cus_2")
    assert (states(events)["evt_poison"], states(events)["evt_poison_too"]) == ("done", "done")


def test_an_event_that_could_not_be_routed_is_replayed(
    events: Events, engine: Engine, router: Router, stripe: Stripe, trail: Trail
) -> None:
    """Routing begins anew, and finds the customer now."""
    assert events.replay("evt_lost", trail) is Replay.RESUMED
    assert jobs(engine) == [("route_event", "evt_lost")]
    stripe.away = False
    router.route("evt_lost")
    assert {each.id: each.customer_id for each in events.page(EventQuery()).events}["evt_lost"] == "cus_3"


def test_all_that_is_stuck_is_replayed_together(events: Events, engine: Engine, trail: Trail) -> None:
    """Three events, but one sync for the customer whom two of them concern; told before; the second time nothing."""
    stuck = EventQuery(state=EventState.QUARANTINED)
    expected = (3, 2, False)
    assert (events.stuck(stuck).events, events.stuck(stuck).customers, events.stuck(stuck).more) == expected
    assert jobs(engine) == []
    taken = events.replay_all(stuck, trail)
    assert (taken.events, taken.customers, taken.more) == expected
    assert jobs(engine) == [("sync_customer", "cus_2"), ("route_event", "evt_lost")]
    assert ids(events, state=EventState.QUARANTINED) == set()
    assert events.replay_all(stuck, trail).events == 0


def test_only_what_was_confirmed_is_replayed(
    events: Events, engine: Engine, trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what came later, nor what has another cause, nor more than one go takes: the oldest, and it is told."""
    execute(engine, "update events set received_at = '2026-11-01T09:00:00Z' where id = 'evt_lost'")
    early = EventQuery(state=EventState.QUARANTINED, until=datetime(2026, 11, 2, tzinfo=UTC))
    assert events.stuck(early).events == 1
    assert events.stuck(EventQuery(state=EventState.QUARANTINED, reason="InvalidRequestError")).events == 2
    monkeypatch.setattr("service.support.events.MOST_AT_ONCE", 1)
    taken = events.replay_all(EventQuery(state=EventState.QUARANTINED), trail)
    assert (taken.events, taken.more) == (1, True)
    assert jobs(engine) == [("route_event", "evt_lost")]


@pytest.mark.parametrize("state", [None, EventState.DONE, EventState.IGNORED])
def test_only_what_is_stuck_is_replayed_by_a_filter(events: Events, trail: Trail, state: EventState | None) -> None:
    """Nobody replays a year of events by leaving a field empty."""
    with pytest.raises(ValueError, match="not stuck"):
        events.replay_all(EventQuery(state=state), trail)


def test_what_has_no_effect_or_is_not_there_is_told(events: Events, engine: Engine, audit: Audit, trail: Trail) -> None:
    """Nothing is queued for an ignored or an unknown event; one that is done may be done again."""
    assert (events.replay("evt_foreign", trail), events.replay("evt_none", trail)) == (Replay.IGNORED, Replay.UNKNOWN)
    assert jobs(engine) == []
    assert [detail for *_, detail in left(audit)] == [{"outcome": "ignored"}]
    assert events.replay("evt_done", trail) is Replay.RESUMED
    assert jobs(engine) == [("sync_customer", "cus_1")]


def test_the_inboxs_health_is_told(events: Events, engine: Engine) -> None:
    """Counts of every state, of the newest too, the backlog's age, and how far Stripe's own list was compared."""
    execute(engine, "update customer_syncs set dirty_since = now() - interval '400 s' where customer_id = 'cus_2'")
    execute(engine, "insert into backfill_cursors values ('wall', '2026-11-10T09:00:00Z')")
    health = InboxReport(engine, wall_clock).health()
    assert dict(health.counts) == {"pending": 0, "failed": 0, "quarantined": 3, "ignored": 1}
    with engine.connect() as connection:
        assert stuck(connection, 100) == {"failed": 0, "quarantined": 3}
        assert stuck(connection, 2) == {"failed": 0, "quarantined": 2}
    assert dict(health.newest) == {"done": 1, "quarantined": 3, "ignored": 1}
    assert 400 <= health.oldest_seconds < 500
    assert health.behind
    assert health.followed_until == datetime(2026, 11, 10, 9, tzinfo=UTC)
    assert health.newest_since is not None
    assert health.last_received_at is not None
    assert health.newest_since <= health.last_received_at


def test_an_inbox_that_never_had_an_event_is_healthy(engine: Engine) -> None:
    """Nothing waits, nothing came; there is no division by it either."""
    health = InboxReport(engine, wall_clock).health()
    assert (health.oldest_seconds, health.behind, health.last_received_at, health.newest_since) == (
        0,
        False,
        None,
        None,
    )
    assert set(health.counts.values()) == {0}
