"""The worker outlives PostgreSQL's outages, and leaves soon when told to, whoever else has left before."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import procrastinate
import psycopg
import pytest

from sandbox.newsroom import ROOT, machine
from sandbox.processes import Child, free_port
from sandbox.servers import Postgres
from service.store.database import make_engine
from service.store.migrate import migrate
from service.working import run_worker

pytestmark = pytest.mark.slow

SOON_SECONDS = 12
"""A machine may be busy; half a minute is what it must not take."""


class Desk:
    """`newsstand worker` and a PostgreSQL of its own."""

    def __init__(self, folder: Path) -> None:
        self._server = Postgres(folder / "postgres", free_port())
        self.postgres = self._server.start()
        engine = make_engine(self._server.url)
        migrate(engine)
        engine.dispose()
        settings = machine(os.environ) | {"PYTHONPATH": str(ROOT)} | {
            "DATABASE_URL": self._server.url, "REDIS_URL": "redis://127.0.0.1:1", "SUBJECT_KEY": "5f1c8e07" * 4,
            "STRIPE_SECRET_KEY": "sk_test_5f1c8e07", "STRIPE_WEBHOOK_SECRETS": "whsec_5f1c8e07aa",
            "STRIPE_API_BASE": "http://127.0.0.1:1", "SITE_ORIGINS": "https://www.your-daily.example",
        }  # fmt: skip
        command = [str(Path(sys.executable).with_name("newsstand")), "worker"]
        self._newest = 0
        self.worker = Child("worker", command, log=folder / "worker.log", env=settings, cwd=ROOT)

    def wait_for_work(self) -> None:
        """Return once the worker has signed on in this PostgreSQL, and once more at each later call."""
        self.worker.wait_until(self._has_signed_on, timeout_seconds=40)

    def restart_postgres(self) -> None:
        self.postgres.stop()
        self.postgres = self._server.start()

    def strike_off_with_work_waiting(self) -> None:
        """Do what another worker does to one that gave no sign of life, while a job waits."""
        with psycopg.connect(self._server.url) as connection:
            connection.execute("delete from procrastinate_workers")
            connection.execute(
                "select procrastinate_defer_jobs_v1(array[row('default', 'no_task', 0, null, null, '{}', null)"
                "::procrastinate_job_to_defer_v1])"
            )

    def _has_signed_on(self) -> bool:
        with psycopg.connect(self._server.url) as connection:
            row = connection.execute("select coalesce(max(id), 0) from procrastinate_workers").fetchone()
        before, self._newest = self._newest, max(int(row[0]) if row else 0, self._newest)
        return self._newest > before

    def stop(self) -> None:
        self.worker.stop(timeout_seconds=1)
        self.postgres.stop()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.stop()


def test_a_worker_leaves_soon_when_postgresql_went_first(desk: Desk) -> None:
    """There is nobody to say goodbye to, and nothing that could still be finished."""
    desk.wait_for_work()
    desk.postgres.process.kill()
    desk.postgres.process.wait(10)
    desk.worker.process.send_signal(signal.SIGTERM)
    assert desk.worker.process.wait(SOON_SECONDS) == 0


def test_a_worker_works_on_when_postgresql_is_back(desk: Desk) -> None:
    """An outage ends no process; and a stop then is an ordinary one."""
    desk.wait_for_work()
    desk.restart_postgres()
    desk.wait_for_work()
    desk.worker.process.send_signal(signal.SIGTERM)
    assert desk.worker.process.wait(SOON_SECONDS) == 0
    assert "worker_left_at_once" not in desk.worker.log.read_text()


def test_a_worker_taken_for_dead_signs_on_again(desk: Desk) -> None:
    """A machine that was paused for a minute comes back to an entry struck off and to waiting jobs."""
    desk.wait_for_work()
    desk.strike_off_with_work_waiting()
    desk.wait_for_work()
    assert "ForeignKeyViolation" in desk.worker.log.read_text()


def test_what_is_no_outage_ends_the_worker(postgres: Postgres) -> None:
    """A database without the tables will not get them by waiting: whoever supervises is told."""
    bare = procrastinate.App(
        connector=procrastinate.PsycopgConnector(conninfo=f"{postgres.url.rpartition('/')[0]}/postgres")
    )
    with pytest.raises(procrastinate.exceptions.ConnectorException):
        run_worker(bare, concurrency=1, record_answers=lambda: True)
