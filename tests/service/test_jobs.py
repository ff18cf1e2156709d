"""Jobs dispatch; the rows decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import procrastinate
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, text
from stripe import StripeClient

from service.billing.repeated_cards import RepeatedCards
from service.clocks import wall_clock
from service.convergence.progress import Progress, Stopped, never, unseen
from service.convergence.reconcile import Reconciled
from service.convergence.work import Convergence
from service.jobs import SWEPT, Dispatcher, Jobs, build_worker, worker_is_alive
from service.journal.paid_but_refused import Checks
from service.journal.upkeep import Upkeep
from service.numbers.counting import Counting
from service.store import staff
from service.store.idempotency import IdempotencyStore
from service.support.anchors import Anchor
from service.support.audit import Audit
from webhooks.backfill import Found
from webhooks.failures import TransientFailure
from webhooks.routing import Router
from webhooks.rows import Work, hint
from webhooks.syncs import Syncs


def queued(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text("select task_name, args from procrastinate_jobs order by id")).all())


class Convergences(Convergence):
    """Remembers what it was asked to do."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failure: Exception | None = None
        self.reconciled: Reconciled | None = None

    def follow(self, *, stopped: Stopped = never) -> Found | None:
        self.asked.append("follow")
        assert not stopped()
        if self.failure is not None:
            raise self.failure
        return Found(listed=3, new=1, finished=True)

    def reconcile(
        self, *, repair: bool, anew: bool = False, anyway: bool = False, progress: Progress = unseen,
        stopped: Stopped = never,
    ) -> Reconciled | None:  # fmt: skip
        self.asked.append("reconcile and repair" if repair else "reconcile")
        assert not stopped()
        return self.reconciled


@pytest.fixture
def jobs(parts: Any, tmp_path: Path, make_snapshot: Any, make_subscription: Any) -> Jobs:
    """Jobs whose Stripe answers the same snapshot for everybody."""
    defer = Dispatcher()

    def fetch(customer_id: str) -> Any:
        return make_snapshot(make_subscription(), customer_id=customer_id, fetched_at=parts.clock())

    def nobody(_reference: object) -> dict[str, object]:
        return {}

    syncs = Syncs(
        parts.engine, fetch, parts.projection.project, wall_clock=wall_clock, after_commit=lambda _: None, defer=defer
    )
    return Jobs(
        engine=parts.engine,
        convergence=Convergences(),
        journal=Upkeep(parts.engine, parts.catalog, tail_days=30),
        refusals=Checks(parts.engine, parts.catalog),
        syncs=syncs,
        router=Router(parts.engine, nobody, wall_clock=wall_clock, defer=defer),
        publisher=parts.publisher,
        errands=[
            RepeatedCards(parts.engine, StripeClient("sk_test_unused"), mark=lambda _, __: None, wall_clock=wall_clock)
        ],
        idempotency=IdempotencyStore(parts.engine),
        numbers=Counting(
            lambda: parts.engine, zone=parts.catalog.zone, business_clock=parts.clock, wall_clock=wall_clock
        ),
        anchor=Anchor(Audit(parts.engine, wall_clock), tmp_path / "heads", wall_clock),
        defer=defer,
        business_clock=parts.clock,
        wall_clock=wall_clock,
    )


def test_a_job_exists_exactly_when_its_transaction_commits(engine: Engine) -> None:
    """A rolled-back transaction leaves no job, a committed one leaves it with its rows."""
    defer = Dispatcher()
    with engine.connect() as connection:
        defer(connection, Work.SYNC, "cus_rolled_back")
        connection.rollback()
    with engine.begin() as connection:
        defer(connection, Work.SYNC, "cus_1")
    assert queued(engine) == [("sync_customer", {"subject_id": "cus_1"})]


def test_a_job_queued_in_somebodys_statement_is_the_same(engine: Engine) -> None:
    """The webhook's one statement queues what the dispatcher would, to the last column, and wakes the worker alike."""
    dispatch = Dispatcher()
    queue = text("select " + Dispatcher.SQL.format(work=":work", subject="cast(:subject as text)"))
    with engine.begin() as connection:
        for work, subject in ((Work.SYNC, "cus_1"), (Work.ROUTE, "evt_1")):
            dispatch(connection, work, subject)
            connection.execute(queue, {"work": work, "subject": subject})
        jobs = connection.scalars(text("select to_jsonb(j) - 'id' from procrastinate_jobs j order by id")).all()
    assert (jobs[0], jobs[2]) == (jobs[1], jobs[3])
    assert jobs[1]["args"] == {"subject_id": "cus_1"}


def test_the_sweeper_finds_what_no_job_was_left_for(jobs: Jobs) -> None:
    """A dirty customer whose job was lost is deferred again."""
    with jobs.engine.begin() as connection:
        jobs.syncs.mark(connection, "cus_1")
    jobs.sweep()
    assert queued(jobs.engine) == [("sync_customer", {"subject_id": "cus_1"})]


def test_a_backlog_keeps_nobody_waiting(jobs: Jobs, database_url: str) -> None:
    """Claim: a second sweep adds nothing to what the first has left; a new hint, and the next sweep, go first."""
    jobs = replace(jobs, defer=Dispatcher(priority=SWEPT))
    with jobs.engine.begin() as connection:
        for number in range(3):
            jobs.syncs.mark(connection, f"cus_{number}")
    jobs.sweep()
    jobs.sweep()
    with jobs.engine.begin() as connection:
        hint(connection, "cus_live", wall_clock(), Dispatcher())
        ahead = text("select args->>'subject_id' from procrastinate_jobs order by priority desc, id")
        assert connection.scalars(ahead).all() == ["cus_live", "cus_0", "cus_1", "cus_2"]
    assert build_worker(jobs, database_url).tasks["sweep"].priority > SWEPT


def test_a_boundary_that_passed_in_silence_is_looked_at(jobs: Jobs, parts: Any) -> None:
    """No event came at the period's end: the sweeper marks the customer dirty by itself, once."""
    with jobs.engine.begin() as connection:
        jobs.syncs.mark(connection, "cus_1")
    jobs.sync_customer("cus_1")
    jobs.sweep()
    assert queued(jobs.engine) == []
    with jobs.engine.connect() as connection:
        due = connection.execute(text("select resync_at from customer_snapshots")).scalar_one()
    parts.clock.instant = due
    jobs.sweep()
    assert queued(jobs.engine) == [("sync_customer", {"subject_id": "cus_1"})]
    jobs.sync_customer("cus_1")
    assert jobs.syncs.due(10) == []


def test_a_real_worker_runs_what_was_deferred(jobs: Jobs, database_url: str) -> None:
    """procrastinate, on PostgreSQL, calls our function and keeps nothing of a job that ended."""
    with jobs.engine.begin() as connection:
        jobs.syncs.mark(connection, "cus_1")
        jobs.defer(connection, Work.SYNC, "cus_1")
    worker: procrastinate.App = build_worker(jobs, database_url)
    worker.run_worker(wait=False, delete_jobs="always", install_signal_handlers=False)
    assert jobs.syncs.due(10) == []
    assert not [each for each in queued(jobs.engine) if each.task_name == "sync_customer"]


def test_a_real_worker_runs_the_periodic_convergence(jobs: Jobs, database_url: str, engine: Engine) -> None:
    """Backfill and nightly repair are tasks that may be told to stop, and a worker knows when they are due."""
    worker = build_worker(jobs, database_url)
    schedule = {periodic.task.name: periodic.cron for periodic in worker.periodic_registry.periodic_tasks.values()}
    assert (schedule["backfill"], schedule["reconcile"]) == ("*/5 * * * *", "23 3 * * *")
    connector = procrastinate.SyncPsycopgConnector(conninfo=database_url)
    with worker.replace_connector(connector) as deferring, deferring.open():
        for task in ("backfill", "reconcile"):
            deferring.configure_task(task).defer(timestamp=1)
    worker.run_worker(wait=False, delete_jobs="always", install_signal_handlers=False)
    assert isinstance(jobs.convergence, Convergences)
    assert set(jobs.convergence.asked) == {"follow", "reconcile and repair"}  # a worker also defers what fell due


def test_the_sweeper_comes_every_ten_seconds(jobs: Jobs, database_url: str) -> None:
    """All hour long: what a killed worker leaves waits for it."""
    worker = build_worker(jobs, database_url)
    (sweep,) = (each for each in worker.periodic_registry.periodic_tasks.values() if each.task.name == "sweep")
    schedule = sweep.croniter
    schedule.set_current(start_time=0.0)
    assert [schedule.get_next(ret_type=float) for _ in range(400)] == [10.0 * n for n in range(1, 401)]


def test_a_comparison_that_repaired_nothing_is_counted(jobs: Jobs) -> None:
    """So that somebody is woken: too much differed to be true."""
    assert isinstance(jobs.convergence, Convergences)
    before = refused_reconciles()
    jobs.convergence.reconciled = Reconciled(refused=True)
    jobs.reconcile(never)
    jobs.convergence.reconciled = Reconciled()
    jobs.reconcile(never)
    assert refused_reconciles() == before + 1


def refused_reconciles() -> float:
    return REGISTRY.get_sample_value("newsstand_refused_reconciles_total") or 0


def test_stripes_absence_fails_no_job(jobs: Jobs) -> None:
    """The next tick goes on where this one stopped; any other failure is a failure."""
    assert isinstance(jobs.convergence, Convergences)
    jobs.convergence.failure = TransientFailure("APIConnectionError")
    jobs.backfill(never)
    jobs.convergence.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        jobs.backfill(never)


def test_a_silent_worker_is_noticed(engine: Engine) -> None:
    """Readiness in the sandbox waits for a worker's sign of life."""
    with engine.begin() as connection:
        assert not worker_is_alive(connection)
        connection.execute(text("insert into procrastinate_workers default values"))
        assert worker_is_alive(connection)
        connection.execute(text("update procrastinate_workers set last_heartbeat = now() - interval '2 minutes'"))
        assert not worker_is_alive(connection)


def test_what_killed_workers_were_at_is_forgotten(jobs: Jobs) -> None:
    """Each kill leaves a job that nobody will end; a living worker's job stays."""
    with jobs.engine.begin() as connection:
        for subject, seconds in (("cus_dead", 3600), ("cus_living", 5)):
            jobs.defer(connection, Work.SYNC, subject)
            worker = connection.scalar(
                text("insert into procrastinate_workers (last_heartbeat) "
                     "values (now() - make_interval(secs => :s)) returning id"), {"s": seconds},
            )  # fmt: skip
            connection.execute(
                text("update procrastinate_jobs set status = 'doing', worker_id = :w where args->>'subject_id' = :c"),
                {"w": worker, "c": subject},
            )
        jobs.defer(connection, Work.SYNC, "cus_pruned")
        connection.execute(
            text("update procrastinate_jobs set status = 'doing' where args->>'subject_id' = 'cus_pruned'")
        )
        jobs.defer(connection, Work.SYNC, "cus_waiting")
    jobs.tidy()
    assert [each.args["subject_id"] for each in queued(jobs.engine)] == ["cus_living", "cus_waiting"]


def test_staff_sessions_are_forgotten_once_they_are_over(jobs: Jobs) -> None:
    """A day after their end, and sign-ins nobody came back from at once; what is in force stays."""
    now = jobs.wall_clock()
    with jobs.engine.begin() as connection:
        somebody = staff.welcome(connection, "https://id.example", "ada", now, role="agent").id
        for token, begun in {"over": now - timedelta(hours=33), "shown": now - timedelta(hours=31), "new": now}.items():
            staff.open_session(connection, token, somebody, begun)
        for token, ends_at in {"left": now, "begun": now + timedelta(minutes=1)}.items():
            sign_in = staff.SignIn(state="s", nonce="n", code_verifier="c", return_to="/support", ends_at=ends_at)
            staff.begin_sign_in(connection, token, sign_in)
    jobs.tidy()
    with jobs.engine.connect() as connection:
        kept = set(
            connection.scalars(text("select digest from staff_sessions union select digest from staff_sign_ins"))
        )
    assert kept == {staff.digest_of(token) for token in ("shown", "new", "begun")}


def test_the_audit_logs_head_is_noted_outside(jobs: Jobs, tmp_path: Path) -> None:
    """A line when the log has moved, none when not; a disk that refuses ends no worker."""
    jobs.note_audit_head()
    jobs.note_audit_head()
    assert (tmp_path / "heads").read_text().count("\n") == 1
    full = Anchor(Audit(jobs.engine, wall_clock), tmp_path / "nowhere" / "heads", wall_clock)
    replace(jobs, anchor=full).note_audit_head()
