"""The inbox on the real PostgreSQL: an acknowledged event is wholly in, once, and marks whom it concerns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, Row, text

from service.store.database import make_engine
from webhooks.events import StripeEvent
from webhooks.inbox import Inbox, NotStored, Stored
from webhooks.taking_in import ForgottenSql

Make = Callable[..., StripeEvent]


@pytest.fixture(params=[False, True], ids=["in a transaction", "committing by itself"])
def inbox(request: pytest.FixtureRequest, database_url: str, clock: Any, queue: Any) -> Iterator[Inbox]:
    """An inbox on either kind of engine."""
    engine = make_engine(database_url, pool_size=10, autocommit=request.param)
    yield Inbox(engine, livemode=False, wall_clock=clock, queue=queue.sql)
    engine.dispose()


def rows(engine: Engine, query: str) -> list[Row[Any]]:
    with engine.connect() as connection:
        return list(connection.execute(text(query)))


def test_an_event_is_stored_and_its_customer_marked(
    inbox: Inbox, engine: Engine, queue: Any, clock: Any, customer_event: Make
) -> None:
    """The row keeps the raw bytes and the mark; the customer is dirty, and a job waits."""
    event = customer_event("cus_1")
    assert inbox.store(event) is Stored.MARKED
    stored = rows(engine, "select * from events")[0]
    assert (stored.id, stored.type, bytes(stored.body)) == (event.id, event.type, event.body)
    assert (stored.customer_id, stored.mark, stored.status, stored.reason) == ("cus_1", 1, "pending", None)
    assert (stored.received_at, stored.created_at) == (clock(), event.created_at)
    assert (stored.livemode, stored.api_version, stored.account) == (False, "2026-10-28.endive", None)
    assert [(row.customer_id, row.dirty) for row in rows(engine, "select * from customer_syncs")] == [("cus_1", 1)]
    assert queue.jobs() == [("sync", "cus_1")]


def test_a_duplicate_changes_nothing(inbox: Inbox, engine: Engine, queue: Any, customer_event: Make) -> None:
    """A second delivery of an event id neither marks nor defers."""
    event = customer_event("cus_1")
    inbox.store(event)
    assert inbox.store(event) is Stored.DUPLICATE
    assert rows(engine, "select dirty from customer_syncs")[0].dirty == 1
    assert len(queue.jobs()) == 1


def test_of_the_forgotten_an_events_id_alone_is_kept(
    engine: Engine, queue: Any, clock: Any, customer_event: Make
) -> None:
    """Nobody is marked, nothing queued; a second delivery is a duplicate, so it never has to be looked at again."""
    forgotten = ForgottenSql("%(known_as)s::text = 'once cus_1'", known_as=lambda customer: f"once {customer}")
    inbox = Inbox(engine, livemode=False, wall_clock=clock, queue=queue.sql, forgotten=forgotten)
    event = customer_event("cus_1")
    assert [inbox.store(event), inbox.store(event)] == [Stored.IGNORED, Stored.DUPLICATE]
    stored = rows(engine, "select * from events")[0]
    assert (stored.id, bytes(stored.body), stored.customer_id) == (event.id, b"{}", None)
    assert (stored.status, stored.reason) == ("ignored", "customer_erased")
    assert (rows(engine, "select * from customer_syncs"), queue.jobs()) == ([], [])
    assert inbox.store(customer_event("cus_2")) is Stored.MARKED


def test_what_names_nobody_waits_to_be_routed(inbox: Inbox, engine: Engine, queue: Any, snapshot_event: Make) -> None:
    """A dispute is stored without a customer, and a routing job waits."""
    event = snapshot_event("charge.dispute.created", {"object": "dispute", "id": "dp_1", "charge": "ch_1"})
    assert inbox.store(event) is Stored.TO_ROUTE
    stored = rows(engine, "select * from events")[0]
    assert (stored.customer_id, stored.mark, stored.status) == (None, None, "pending")
    assert queue.jobs() == [("route", event.id)]


def test_what_does_not_concern_us_is_kept_with_its_reason(
    inbox: Inbox, engine: Engine, queue: Any, snapshot_event: Make
) -> None:
    """A connected account's event is stored, flagged, and touches no customer."""
    about = {"object": "invoice", "customer": "cus_1"}
    assert inbox.store(snapshot_event("invoice.paid", about, account="acct_1")) is Stored.IGNORED
    stored = rows(engine, "select * from events")[0]
    assert (stored.status, stored.reason, stored.account, stored.customer_id) == (
        "ignored", "connected_account", "acct_1", None,
    )  # fmt: skip
    assert rows(engine, "select * from customer_syncs") == []
    assert queue.jobs() == []


def test_an_event_of_the_other_mode_is_kept_with_whom_it_names(
    inbox: Inbox, engine: Engine, queue: Any, snapshot_event: Make
) -> None:
    """Support finds it on the account; nothing is marked, and nothing synced."""
    event = snapshot_event("invoice.paid", {"object": "invoice", "customer": "cus_1"}, livemode=True)
    assert inbox.store(event) is Stored.IGNORED
    stored = rows(engine, "select * from events")[0]
    assert (stored.status, stored.reason, stored.customer_id, stored.mark) == (
        "ignored",
        "wrong_livemode",
        "cus_1",
        None,
    )
    assert rows(engine, "select * from customer_syncs") == []
    assert queue.jobs() == []


def test_an_event_is_wholly_in_or_not_at_all(engine: Engine, clock: Any, queue: Any, customer_event: Make) -> None:
    """If the job cannot be queued, neither the event nor the mark stays, and the sender is to come again."""

    broken = queue.sql + " / 0"  # fails once the job is queued
    with pytest.raises(NotStored, match="DataError"):
        Inbox(engine, livemode=False, wall_clock=clock, queue=broken).store(customer_event("cus_1"))
    assert rows(engine, "select * from events") == rows(engine, "select * from customer_syncs") == queue.jobs() == []


def test_an_unreachable_database_is_told(clock: Any, queue: Any, customer_event: Make) -> None:
    """No database, no acknowledgement."""
    nowhere = make_engine("postgresql://newsstand@127.0.0.1:1/none", deadline_seconds=1)
    inbox = Inbox(nowhere, livemode=False, wall_clock=clock, queue=queue.sql)
    with pytest.raises(NotStored, match="OperationalError"):
        inbox.store(customer_event("cus_1"))


def test_a_thousand_events_at_once_lose_nothing(inbox: Inbox, engine: Engine, queue: Any, customer_event: Make) -> None:
    """Eight threads store 1,000 events of 50 customers, each twice: every one once, and one job a customer."""
    events = [customer_event(f"cus_{n % 50}") for n in range(1000)]
    start = threading.Barrier(8, timeout=10)

    def store(share: int) -> list[Stored]:
        start.wait()
        return [inbox.store(event) for event in (events + events)[share::8]]

    with ThreadPoolExecutor(8) as pool:
        outcomes = [outcome for each in pool.map(store, range(8)) for outcome in each]
    assert (outcomes.count(Stored.MARKED), outcomes.count(Stored.DUPLICATE)) == (1000, 1000)
    assert {row.dirty for row in rows(engine, "select dirty from customer_syncs")} == {20}
    marks = rows(engine, "select count(*) as n, count(distinct (customer_id, mark)) as marks from events")[0]
    assert (marks.n, marks.marks, len(queue.jobs())) == (1000, 1000, 50)


def test_one_event_delivered_by_many_at_once_is_stored_once(inbox: Inbox, engine: Engine, customer_event: Make) -> None:
    """Sixteen simultaneous deliveries of one id leave one mark."""
    event = customer_event("cus_1")
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(inbox.store, [event] * 16))
    assert (outcomes.count(Stored.MARKED), outcomes.count(Stored.DUPLICATE)) == (1, 15)
    assert rows(engine, "select dirty from customer_syncs")[0].dirty == 1


class Gate:
    """A guard that a test opens and shuts."""

    def __init__(self) -> None:
        self.open = True
        self.learned: list[str] = []

    def allows(self) -> bool:
        return self.open

    def succeeded(self) -> None:
        self.learned.append("succeeded")

    def failed(self) -> None:
        self.learned.append("failed")


def test_a_guard_learns_whether_postgresql_answers_and_keeps_threads_from_waiting(
    engine: Engine, clock: Any, queue: Any, customer_event: Make
) -> None:
    """Only silence counts against PostgreSQL; while the guard is shut nothing waits, and Stripe is told to repeat."""

    gate = Gate()
    settings: dict[str, Any] = {"livemode": False, "wall_clock": clock, "guard": gate}
    Inbox(engine, queue=queue.sql, **settings).store(customer_event("cus_1"))
    with pytest.raises(NotStored):
        Inbox(engine, queue="1 / 0", **settings).store(customer_event("cus_2"))
    away = make_engine("postgresql://newsstand@127.0.0.1:1/nowhere", deadline_seconds=1)
    with pytest.raises(NotStored):
        Inbox(away, queue=queue.sql, **settings).store(customer_event("cus_3"))
    assert gate.learned == ["succeeded", "succeeded", "failed"]
    gate.open = False
    with pytest.raises(NotStored, match="LeftAlone"):
        Inbox(away, queue=queue.sql, **settings).store(customer_event("cus_4"))
