"""Stuck events are listed with their reason, and replayed one by one or all together."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from service.cli import main
from service.clocks import wall_clock
from service.jobs import Dispatcher
from service.support.events import Events, EventState, Replay
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
    inbox = Inbox(engine, livemode=False, wall_clock=wall_clock, defer=Dispatcher())
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
    return {each.id: each.state.value for each in events.list()}


def test_every_event_is_listed_with_what_became_of_it(events: Events) -> None:
    """State, and the reason why it is stuck or without effect."""
    found = {each.id: (each.state, each.reason) for each in events.list()}
    assert found == {
        "evt_done": ("done", None),
        "evt_poison": ("quarantined", "InvalidRequestError"),
        "evt_poison_too": ("quarantined", "InvalidRequestError"),
        "evt_lost": ("quarantined", "AuthenticationError"),
        "evt_foreign": ("ignored", "concerns_no_customer"),
    }
    assert {each.id for each in events.list(EventState.DONE)} == {"evt_done"}
    assert len(events.list(limit=2)) == 2


def test_a_poisoned_customers_event_is_replayed(events: Events, engine: Engine, syncs: Syncs, stripe: Stripe) -> None:
    """At once, however long its backoff; after the repair both of the customer's events are done."""
    assert events.replay("evt_poison") is Replay.RESUMED
    assert jobs(engine) == [("sync_customer", "cus_2")]
    assert states(events)["evt_poison"] == "pending"
    stripe.broken.clear()
    syncs.sync("cus_2")
    assert (states(events)["evt_poison"], states(events)["evt_poison_too"]) == ("done", "done")


def test_an_event_that_could_not_be_routed_is_replayed(
    events: Events, engine: Engine, router: Router, stripe: Stripe
) -> None:
    """Routing begins anew, and finds the customer now."""
    assert events.replay("evt_lost") is Replay.RESUMED
    assert jobs(engine) == [("route_event", "evt_lost")]
    stripe.away = False
    router.route("evt_lost")
    assert {each.id: each.customer_id for each in events.list()}["evt_lost"] == "cus_3"


def test_all_that_is_stuck_is_replayed_together(events: Events, engine: Engine) -> None:
    """Three events, but one sync for the customer whom two of them concern."""
    assert events.replay_all(EventState.QUARANTINED) == 3
    assert jobs(engine) == [("sync_customer", "cus_2"), ("route_event", "evt_lost")]
    assert {each.id for each in events.list(EventState.QUARANTINED)} == set()
    assert events.replay_all(EventState.QUARANTINED) == 0


def test_what_has_no_effect_or_is_not_there_is_told(events: Events, engine: Engine) -> None:
    """Nothing is queued for an ignored or an unknown event; one that is done may be done again."""
    assert (events.replay("evt_foreign"), events.replay("evt_none")) == (Replay.IGNORED, Replay.UNKNOWN)
    assert jobs(engine) == []
    assert events.replay("evt_done") is Replay.RESUMED
    assert jobs(engine) == [("sync_customer", "cus_1")]


@pytest.fixture
def run(events: Events, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setattr("service.commands._events", lambda: events)
    return lambda *words: CliRunner().invoke(main, ["events", *words])


def test_the_command_line_lists_and_replays(run: Callable[..., Any], engine: Engine) -> None:
    """By state, by id, or all of a state; exactly one of the last two."""
    listed = run("list", "--status", "quarantined").output
    assert [each in listed for each in ("evt_poison", "evt_lost", "AuthenticationError", "evt_done")] == [True] * 3 + [
        False
    ]
    assert run("replay", "evt_poison").output == "evt_poison will be tried again.\n"
    assert run("replay", "--status", "quarantined").output == "1 events will be tried again.\n"
    assert jobs(engine) == [("sync_customer", "cus_2"), ("route_event", "evt_lost")]
    assert "no effect" in run("replay", "evt_foreign").output
    assert [
        run(*words).exit_code for words in (["replay"], ["replay", "x", "--status", "pending"], ["replay", "x"])
    ] == [2, 2, 1]


def test_the_words_of_the_command_line_are_the_states(run: Callable[..., Any]) -> None:
    """The choices are written out, so that `--help` imports nothing; they must stay the same."""
    for state in EventState:
        assert run("list", "--status", state.value).exit_code == 0
