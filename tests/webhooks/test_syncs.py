"""One customer at a time, on the real PostgreSQL: leases, tickets, failures, waiting."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Row, text

import webhooks.syncs
from webhooks.events import StripeEvent
from webhooks.failures import Backoff, PermanentFailure, TransientFailure
from webhooks.inbox import Inbox
from webhooks.snapshot import CustomerSnapshot
from webhooks.syncs import Syncs
from webhooks.turn import SyncOutcome, Turn


class Record:
    """The projected record: one state per customer, in a table, so that it is committed or undone with the sync."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with engine.begin() as connection:
            connection.execute(text("create table projected (n serial, customer text, state text)"))

    def project(self, connection: Connection, snapshot: CustomerSnapshot) -> None:
        connection.execute(
            text("insert into projected (customer, state) values (:customer, :state)"),
            {"customer": snapshot.customer_id, "state": snapshot.email},
        )

    def states(self, customer_id: str = "cus_1") -> list[str]:
        with self._engine.connect() as connection:
            query = text("select state from projected where customer = :customer order by n")
            return list(connection.scalars(query, {"customer": customer_id}))


class World:
    """Syncs whose Stripe is a dictionary, and whose fetch can be made to wait or fail."""

    def __init__(self, engine: Engine, clock: Any, queue: Any) -> None:
        self.engine, self.clock, self.queue = engine, clock, queue
        self.record = Record(engine)
        self.at_stripe: dict[str, str] = {}
        self.before_fetch: Callable[[str], None] = lambda _: None
        self.after_fetch: Callable[[str], None] = lambda _: None
        self.published: list[str] = []
        self.connections_in_fetch: list[int] = []
        self.inbox = Inbox(engine, livemode=False, wall_clock=clock, queue=queue.sql)
        self.syncs = self.make()

    def make(self, **options: Any) -> Syncs:
        ours = {"after_commit": self.publish, "wall_clock": self.clock, "defer": self.queue.defer}
        project = options.pop("project", self.record.project)
        backoff = Backoff(park_after=3, chance=lambda: 0.0)
        return Syncs(self.engine, self.fetch, project, backoff=backoff, **(ours | options))

    def snapshot(self, customer_id: str) -> CustomerSnapshot:
        return CustomerSnapshot(
            customer_id=customer_id, deleted=False, email=self.at_stripe.get(customer_id, "new"), reader_id=None,
            fetched_at=self.clock(), card=None, subscriptions=(), invoices=(),
        )  # fmt: skip

    def fetch(self, customer_id: str) -> CustomerSnapshot:
        self.connections_in_fetch.append(self.engine.pool.checkedout())  # type: ignore[attr-defined]
        self.before_fetch(customer_id)
        snapshot = self.snapshot(customer_id)
        self.after_fetch(customer_id)
        return snapshot

    def publish(self, snapshot: CustomerSnapshot) -> None:
        self.published.append(snapshot.customer_id)

    def mark(self, customer_id: str = "cus_1") -> int:
        with self.engine.begin() as connection:
            return self.syncs.mark(connection, customer_id)

    def row(self, customer_id: str = "cus_1") -> Row[Any]:
        with self.engine.connect() as connection:
            query = text("select * from customer_syncs where customer_id = :id")
            return connection.execute(query, {"id": customer_id}).one()


@pytest.fixture
def world(engine: Engine, clock: Any, queue: Any) -> World:
    return World(engine, clock, queue)


def test_a_dirty_customer_is_fetched_projected_and_published(world: World) -> None:
    """A sync ends with the record in step, the row clean, and the pass told; it fetches with no connection held."""
    world.mark()
    world.at_stripe["cus_1"] = "paid"
    assert world.syncs.sync("cus_1") is SyncOutcome.SYNCED
    assert world.record.states() == ["paid"]
    assert world.published == ["cus_1"]
    assert world.connections_in_fetch == [0]
    row = world.row()
    assert (row.dirty, row.synced, row.ticket, row.leased_until, row.dirty_since) == (1, 1, 1, None, None)
    assert row.synced_at == world.clock()
    assert world.queue.jobs() == []


def test_there_is_nothing_to_do_for_the_clean_and_the_unknown(world: World) -> None:
    """Neither is fetched."""
    assert world.syncs.sync("cus_1") is SyncOutcome.CLEAN
    world.mark()
    world.syncs.sync("cus_1")
    assert world.syncs.sync("cus_1") is SyncOutcome.CLEAN
    assert len(world.connections_in_fetch) == 1


def test_marks_grow_and_the_oldest_hint_keeps_its_age(world: World) -> None:
    """Every hint gives a higher mark; `dirty_since` stays with the first one until a sync, and then starts anew."""
    start = world.clock.now
    assert world.mark() == 1
    world.clock.move(5)
    assert world.mark() == 2
    assert world.row().dirty_since == start
    world.syncs.sync("cus_1")
    world.clock.move(5)
    assert world.mark() == 3
    assert world.row().dirty_since == world.clock.now


def test_a_hint_during_a_fetch_is_not_lost(world: World) -> None:
    """The sync counts only what it had read, stays dirty, and defers another in the same transaction."""
    world.mark()
    world.after_fetch = lambda customer_id: world.mark(customer_id) and None
    assert world.syncs.sync("cus_1") is SyncOutcome.SYNCED
    assert (world.row().dirty, world.row().synced) == (2, 1)
    assert world.row().dirty_since is not None
    assert world.queue.jobs() == [("sync", "cus_1")]


def test_one_holder_at_a_time(world: World) -> None:
    """While one holds the lease, another is told BUSY and asks Stripe nothing."""
    world.mark()
    outcomes: list[SyncOutcome] = []
    world.before_fetch = lambda customer_id: outcomes.append(world.syncs.sync(customer_id))
    assert world.syncs.sync("cus_1") is SyncOutcome.SYNCED
    assert outcomes == [SyncOutcome.BUSY]
    assert len(world.connections_in_fetch) == 1


def overtake(world: World) -> list[SyncOutcome]:
    """Run two syncs in threads: the first has fetched `old`, its lease lapses, the second fetches and commits `new`."""
    world.mark()
    world.at_stripe["cus_1"] = "old"
    fetched, overtaken = threading.Barrier(2, timeout=10), threading.Barrier(2, timeout=10)

    def hold(_: str) -> None:
        world.after_fetch = lambda _: None
        fetched.wait()
        overtaken.wait()

    world.after_fetch = hold
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(world.syncs.sync, "cus_1")
        fetched.wait()
        world.clock.move(60)
        world.at_stripe["cus_1"] = "new"
        quick = world.syncs.sync("cus_1")
        overtaken.wait()
        return [quick, slow.result(10)]


def test_only_the_newest_ticket_commits(world: World) -> None:
    """A slow holder whose lease lapsed cannot overwrite what a later fetch found."""
    assert overtake(world) == [SyncOutcome.SYNCED, SyncOutcome.SUPERSEDED]
    assert world.record.states() == ["new"]
    assert world.published == ["cus_1"]
    assert (world.row().dirty, world.row().synced, world.row().ticket) == (1, 1, 2)


def test_without_the_ticket_check_the_old_state_wins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above has teeth."""
    monkeypatch.setattr(webhooks.syncs, "is_current", lambda *_: True)
    overtake(world)
    assert world.record.states() == ["new", "old"]


def test_a_superseded_failure_writes_nothing(world: World) -> None:
    """A slow holder that fails in the end does not disturb the newer one's lease."""
    world.mark()

    def lapse_and_fail(_: str) -> None:
        world.clock.move(60)
        assert isinstance(world.syncs.take("cus_1"), Turn)
        raise TransientFailure("APIConnectionError")

    world.before_fetch = lapse_and_fail
    assert world.syncs.sync("cus_1") is SyncOutcome.SUPERSEDED
    row = world.row()
    assert (row.attempts, row.error, row.ticket) == (0, None, 2)
    assert row.leased_until == world.clock() + timedelta(seconds=60)


def test_a_dead_holders_lease_runs_out(world: World) -> None:
    """A worker killed in mid-sync loses nothing: the row stays dirty, and is due when the lease ends."""
    world.mark()
    assert isinstance(world.syncs.take("cus_1"), Turn)
    world.clock.move(59)
    assert world.syncs.due(10) == []
    assert world.syncs.sync("cus_1") is SyncOutcome.BUSY
    world.clock.move(1)
    assert world.syncs.due(10) == ["cus_1"]
    assert world.syncs.sync("cus_1") is SyncOutcome.SYNCED


def test_an_event_stored_by_a_process_that_dies_is_found_by_the_sweeper(
    world: World, customer_event: Callable[[str], StripeEvent], queue: Any
) -> None:
    """Were every queued job lost, the row alone brings the sync."""
    world.inbox.store(customer_event("cus_1"))
    with world.engine.begin() as connection:
        connection.execute(text("delete from queued"))
    assert [world.syncs.sync(each) for each in world.syncs.due(10)] == [SyncOutcome.SYNCED]
    assert world.syncs.due(10) == []


def fail(error: Exception) -> Callable[[str], None]:
    def raises(_: str) -> None:
        raise error

    return raises


def test_a_failure_backs_off_and_ends_normally(world: World) -> None:
    """FAILED is written with its class and code alone, doubles its wait, and a success clears it."""
    world.mark()
    world.before_fetch = fail(PermanentFailure("InvalidRequestError:resource_missing"))
    assert world.syncs.sync("cus_1") is SyncOutcome.FAILED
    row = world.row()
    assert (row.attempts, row.error, row.leased_until) == (1, "InvalidRequestError:resource_missing", None)
    assert row.not_before == world.clock() + timedelta(seconds=2)
    assert world.syncs.sync("cus_1") is SyncOutcome.BACKING_OFF
    assert world.syncs.due(10) == []
    world.clock.move(2)
    assert world.syncs.due(10) == ["cus_1"]
    assert world.syncs.sync("cus_1") is SyncOutcome.FAILED
    assert world.row().not_before == world.clock() + timedelta(seconds=4)
    world.before_fetch = lambda _: None
    world.clock.move(4)
    assert world.syncs.sync("cus_1") is SyncOutcome.SYNCED
    assert (world.row().attempts, world.row().error, world.row().not_before) == (0, None, None)


def test_a_failing_projection_leaves_no_trace(world: World) -> None:
    """What the projection wrote is undone, nothing is published, and only the error's class is kept."""

    def project(connection: Connection, snapshot: CustomerSnapshot) -> None:
        world.record.project(connection, snapshot)
        raise ValueError("canary@example.com")

    world.mark()
    assert world.make(project=project).sync("cus_1") is SyncOutcome.FAILED
    assert (world.record.states(), world.published, world.row().error) == ([], [], "ValueError")
    assert (world.row().dirty, world.row().synced) == (1, 0)


def test_a_failing_publication_is_still_a_sync(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Redis may be down: the record is committed and the outbox publishes later. The log has ids alone."""

    def after_commit(_: CustomerSnapshot) -> None:
        raise ConnectionError("canary@example.com")

    world.mark()
    assert world.make(after_commit=after_commit).sync("cus_1") is SyncOutcome.SYNCED
    assert world.record.states() == ["new"]
    [told] = [each for each in caplog.records if each.message == "sync.after_commit_failed"]
    assert (told.customer_id, told.error) == ("cus_1", "ConnectionError")
    assert "canary" not in caplog.text


def test_a_failure_is_told_by_its_customer_its_class_and_its_count(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Who operates the service finds the customer by id, and reads how often it failed and with what."""
    world.mark()
    world.before_fetch = fail(ValueError("canary@example.com"))
    world.syncs.sync("cus_1")
    [told] = [each for each in caplog.records if each.message == "sync.failed"]
    assert (told.customer_id, told.error, told.attempts) == ("cus_1", "ValueError", 1)
    assert "canary" not in caplog.text


def test_a_failure_of_stripes_own_never_parks_a_customer(world: World) -> None:
    """However long Stripe is out of reach, the customer stays short of quarantine."""
    world.mark()
    world.before_fetch = fail(TransientFailure("APIConnectionError"))
    for _ in range(6):
        world.syncs.sync("cus_1")
        world.clock.move(3600)
    assert world.row().attempts == 2


def test_a_poison_customer_delays_nobody(world: World) -> None:
    """One customer that always fails is parked, retried ever more slowly, while all others sync at once."""
    world.before_fetch = lambda customer_id: fail(KeyError("items"))(customer_id) if customer_id == "cus_bad" else None
    others = [f"cus_{n}" for n in range(20)]
    for customer_id in ("cus_bad", *others):
        world.mark(customer_id)
    for _ in range(4):
        for customer_id in world.syncs.due(100):
            world.syncs.sync(customer_id)
        world.clock.move(16)
    assert [world.record.states(each) for each in others] == [["new"]] * 20
    assert (world.row("cus_bad").attempts, world.row("cus_bad").error) == (4, "KeyError")


def test_the_longest_waiting_are_due_first(world: World) -> None:
    """`due` is bounded and fair."""
    for customer_id in ("cus_3", "cus_1", "cus_2"):
        world.mark(customer_id)
        world.clock.move(1)
    with world.engine.begin() as connection:  # so that the order of writing is not the order of waiting
        connection.execute(text("update customer_syncs set attempts = 0 where customer_id = 'cus_3'"))
    assert world.syncs.due(2) == ["cus_3", "cus_1"]


def test_resuming_makes_a_customer_due_with_a_clean_slate(world: World) -> None:
    """Staff's replay, and a customer bound after its events came: due now, its failures forgotten, a job deferred."""
    world.mark()
    world.before_fetch = fail(PermanentFailure("x"))
    world.syncs.sync("cus_1")
    with world.engine.begin() as connection:
        world.syncs.resume(connection, "cus_1")
    row = world.row()
    assert (row.dirty, row.attempts, row.error, row.not_before) == (2, 0, None, None)
    assert world.queue.jobs() == [("sync", "cus_1")]
    assert world.syncs.due(10) == ["cus_1"]


def test_sync_now_overrules_backoff(world: World) -> None:
    """Who waits at the return page is served at once, even if nothing had been heard or the last try failed."""
    assert world.syncs.sync_now("cus_1", 1) is SyncOutcome.SYNCED
    world.mark()
    world.before_fetch = fail(PermanentFailure("x"))
    world.syncs.sync("cus_1")
    assert world.syncs.sync_now("cus_1", 1) is SyncOutcome.FAILED
    world.before_fetch = lambda _: None
    assert world.syncs.sync_now("cus_1", 1) is SyncOutcome.SYNCED


def test_sync_now_waits_for_another_holder_and_then_looks_again(world: World) -> None:
    """The other's fetch began before our mark, so its end is not enough: we sync after it."""
    world.mark()
    other = world.syncs.take("cus_1")
    assert isinstance(other, Turn)
    early = world.snapshot("cus_1")
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            world.at_stripe["cus_1"] = "paid"
            assert world.syncs.settle(other, early) is SyncOutcome.SYNCED

    assert world.make(sleep=nap).sync_now("cus_1", 60) is SyncOutcome.SYNCED
    assert world.record.states() == ["new", "paid"]
    assert naps == [0.05, 0.05]


def test_sync_now_is_content_with_anothers_sync_of_its_mark(world: World) -> None:
    """Once someone's sync has passed our mark we are up to date, though later hints keep the customer dirty."""

    def someone_else(_: float) -> None:
        world.clock.move(60)
        world.syncs.sync("cus_1")
        world.mark()
        world.syncs.take("cus_1")

    world.mark()
    world.syncs.take("cus_1")
    outcome = world.make(sleep=someone_else).sync_now("cus_1", 60)
    assert outcome is SyncOutcome.CLEAN
    assert outcome.up_to_date
    assert world.row().leased_until is not None


def test_sync_now_gives_up_in_time(world: World) -> None:
    """Past the timeout it says BUSY; the mark stays, so the sweeper finishes the work."""
    world.mark()
    world.syncs.take("cus_1")
    ticks = itertools.count()
    waiting = world.make(sleep=lambda _: None, monotonic=lambda: float(next(ticks)))
    assert waiting.sync_now("cus_1", 3) is SyncOutcome.BUSY
    assert next(ticks) == 4
    assert world.row().dirty == 2
