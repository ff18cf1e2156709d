"""Background work: procrastinate only dispatches; that nothing is lost or done twice rests on our own rows.

`sync_customer` and `route_event` may run twice, late, or never: the sweeper finds whatever is still dirty and due.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import procrastinate
import psycopg
import structlog
from sqlalchemy import Connection, Engine, text

from service import metrics
from service.access.passes import Publisher
from service.billing.errands import Errands
from service.clocks import Clock
from service.convergence.progress import Stopped
from service.convergence.work import Convergence
from service.journal.paid_but_refused import Checks
from service.journal.upkeep import Upkeep
from service.numbers.counting import Counting
from service.store import derived, staff
from service.store.idempotency import IdempotencyStore
from service.support.anchors import Anchor
from webhooks.failures import StripeFailure
from webhooks.routing import Router
from webhooks.rows import Defer, Work
from webhooks.syncs import Syncs

log = structlog.get_logger(__name__)

SWEEP_BATCH = 500
SWEPT = -1
"""The priority of what a sweep defers: behind what has just happened, however long the backlog."""
QUEUE_SECONDS = 5.0
"""How long the queue's pool waits for a connection."""
ERRANDS_BATCH = 20
"""Each costs two calls to Stripe, which may be slow to refuse them."""


TASKS = {Work.SYNC: "sync_customer", Work.ROUTE: "route_event"}


class Dispatcher:
    """Defers jobs inside the caller's transaction: the job exists exactly when the rows it is about do."""

    SQL = (
        "procrastinate_defer_jobs_v1(array[row('default', case {{work}} {tasks} end, 0, null, null, "
        "jsonb_build_object('subject_id', {{subject}}), null)::procrastinate_job_to_defer_v1])"
    ).format(tasks=" ".join(f"when '{work}' then '{task}'" for work, task in TASKS.items()))
    """The same as an expression, to be part of somebody's statement: of `{work}` and `{subject}`."""

    def __init__(self, *, priority: int = 0) -> None:
        self._priority = priority
        # A connector that never opens a pool: every job is written on the connection it is given.
        self._app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())

    def __call__(self, connection: Connection, work: Work, subject_id: str) -> None:
        """Defer `work` on a customer's or an event's id."""
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)  # noqa: S101 - the engine makes no other
        task = self._app.configure_task(TASKS[work], allow_unknown=True, connection=driver, priority=self._priority)
        task.defer(subject_id=subject_id)


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """What the jobs call."""

    engine: Engine
    syncs: Syncs
    router: Router
    publisher: Publisher
    errands: Sequence[Errands]
    idempotency: IdempotencyStore
    convergence: Convergence
    journal: Upkeep
    refusals: Checks
    anchor: Anchor
    numbers: Counting
    defer: Defer
    business_clock: Clock
    wall_clock: Clock

    def sync_customer(self, customer_id: str) -> None:
        """Sync once; hints that came meanwhile are deferred again by the sync itself."""
        outcome = self.syncs.sync(customer_id)
        metrics.count_sync(outcome)
        log.info("customer_synced", customer_id=customer_id, outcome=outcome)

    def route_event(self, event_id: str) -> None:
        """Find out whom the event concerns."""
        self.router.route(event_id)

    def sweep(self) -> None:
        """Defer what is dirty, due and unleased; look again where a boundary passed in silence; empty the outboxes."""
        self._mark_passed_boundaries()
        due = self.syncs.due(SWEEP_BATCH)
        unrouted = self.router.due(SWEEP_BATCH)
        with self.engine.begin() as connection:
            for work, subjects in ((Work.SYNC, due), (Work.ROUTE, unrouted)):
                waiting = _queued(connection, work, subjects)
                for subject_id in subjects:
                    if subject_id not in waiting:
                        self.defer(connection, work, subject_id)
        published = self.publisher.publish_outbox()
        for kind in self.errands:
            kind.settle(limit=ERRANDS_BATCH)
        self.refusals.make(SWEEP_BATCH)
        if due or unrouted or published:
            log.info("swept", customers=len(due), events=len(unrouted), passes=published)

    def tidy(self) -> None:
        """Forget old idempotency keys, staff sessions, killed workers' jobs, and what the journal need not remember."""
        self.idempotency.prune(self.wall_clock())
        with self.engine.begin() as connection:
            forget_orphaned_jobs(connection)
            sessions = staff.prune(connection, self.wall_clock())
        if sessions:
            log.info("staff_sessions_forgotten", sessions=sessions)
        forgotten = self.journal.tend(self.wall_clock())
        if forgotten:
            log.info("journal_forgotten", days=forgotten)

    def note_audit_head(self) -> None:
        """Note outside the database how far the audit log goes; a disk that refuses is told of, and tried again."""
        try:
            self.anchor.note()
        except OSError as error:
            log.critical("audit_head_not_noted", error=error.strerror)

    def count_numbers(self) -> None:
        """Count what the publication wants to know, unless another worker is at it."""
        if self.numbers.count():
            log.info("numbers_counted")

    def backfill(self, stopped: Stopped) -> None:
        """Take in the events that no webhook has brought; what Stripe's absence leaves undone is done next time."""
        with _unless_stripe_is_away("backfill"):
            found = self.convergence.follow(stopped=stopped)
            if found is not None:
                metrics.count_backfilled(found.new)

    def reconcile(self, stopped: Stopped) -> None:
        """Compare all with Stripe's, and then sync the customers that differ, unless that is too many to be true."""
        with _unless_stripe_is_away("reconcile"):
            found = self.convergence.reconcile(repair=True, stopped=stopped)
            if found is not None and found.refused:
                metrics.count_refused_reconcile()

    def _mark_passed_boundaries(self) -> None:
        with self.engine.begin() as connection:
            passed = derived.due_for_resync(connection, self.business_clock(), SWEEP_BATCH)
            for customer_id in passed:
                self.syncs.mark(connection, customer_id)
            if passed:
                derived.resync_marked(connection, passed)


def _queued(connection: Connection, work: Work, subjects: Sequence[str]) -> set[str]:
    """Return those of the subjects for whom a job waits that no worker has taken."""
    query = text(
        "select args->>'subject_id' from procrastinate_jobs "
        "where status = 'todo' and task_name = :task and args->>'subject_id' = any(:subjects)"
    )
    return set(connection.scalars(query, {"task": TASKS[work], "subjects": list(subjects)})) if subjects else set()


@contextlib.contextmanager
def _unless_stripe_is_away(work: str) -> Iterator[None]:
    try:
        yield
    except StripeFailure as failure:
        log.warning("long_work_postponed", work=work, error=str(failure))


def build_worker(jobs: Jobs, database_url: str) -> procrastinate.App:
    """Return the procrastinate app with every task; see working.py for who runs it.

    Its pool gives up early: one that is made anew finds a PostgreSQL that is back sooner than one that backs off.
    """
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=database_url, timeout=QUEUE_SECONDS))

    @app.task(name=TASKS[Work.SYNC])
    def sync_customer(subject_id: str) -> None:
        jobs.sync_customer(subject_id)

    @app.task(name=TASKS[Work.ROUTE])
    def route_event(subject_id: str) -> None:
        jobs.route_event(subject_id)

    @app.periodic(cron="* * * * * */10")  # croniter's seconds come last: the other way round is a minute in ten
    @app.task(name="sweep")
    def sweep(timestamp: int) -> None:  # noqa: ARG001 - procrastinate says when it was due
        jobs.sweep()

    @app.periodic(cron="17 * * * *")
    @app.task(name="tidy")
    def tidy(timestamp: int) -> None:  # noqa: ARG001 - procrastinate says when it was due
        jobs.tidy()

    @app.periodic(cron="* * * * *")
    @app.task(name="note_audit_head")
    def note_audit_head(timestamp: int) -> None:  # noqa: ARG001 - procrastinate says when it was due
        jobs.note_audit_head()

    @app.periodic(cron="*/10 * * * *")
    @app.task(name="count_numbers")
    def count_numbers(timestamp: int) -> None:  # noqa: ARG001 - procrastinate says when it was due
        jobs.count_numbers()

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="backfill", pass_context=True)
    def backfill(context: procrastinate.JobContext, timestamp: int) -> None:  # noqa: ARG001 - as above
        jobs.backfill(context.should_abort)

    @app.periodic(cron="23 3 * * *")
    @app.task(name="reconcile", pass_context=True)
    def reconcile(context: procrastinate.JobContext, timestamp: int) -> None:  # noqa: ARG001 - as above
        jobs.reconcile(context.should_abort)

    return app


def worker_is_alive(connection: Connection) -> bool:
    """Tell whether any worker has given a sign of life within a minute."""
    query = text("select exists (select 1 from procrastinate_workers where last_heartbeat > now() - interval '60 s')")
    return bool(connection.scalar(query))


def forget_orphaned_jobs(connection: Connection) -> int:
    """Delete the jobs that workers were at when they were killed, and return how many: nobody would ever end them.

    What they were about is in our own rows, and was deferred anew by a sweep long ago.
    """
    alive = "select id from procrastinate_workers where last_heartbeat > now() - interval '10 minutes'"
    query = f"delete from procrastinate_jobs where status = 'doing' and (worker_id in ({alive})) is not true"  # noqa: S608 - no input
    return connection.execute(text(query)).rowcount
