"""Decisions never wait for the journal; what a process wrote down survives its end, whatever ended it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine

from sandbox.processes import Child, free_port
from sandbox.servers import Postgres
from service import metrics
from service.catalog.load import load_catalog
from service.clocks import wall_clock
from service.domain.decision import Article
from service.journal.journal import Journal
from service.store.database import make_engine
from service.store.migrate import migrate

ROOT = Path(__file__).parents[3]
CATALOG = load_catalog(ROOT / "plans.yaml")
NOTING = """
import os, signal, sys
from datetime import UTC, datetime
from service.catalog.load import load_catalog
from service.clocks import wall_clock
from service.domain.decision import Article, Decision, Reason, Wall
from service.journal.journal import Journal
from service.store.database import make_engine

refusal = Decision(granted=False, reason=Reason.SUBSCRIBERS_ONLY, counted=False, reading=None, entitlement=None,
                   wall=Wall(kind="subscribe", offers=("monthly",), trial_eligible=True),
                   decided_at=datetime.now(UTC))
journal = Journal(lambda: make_engine(sys.argv[1], deadline_seconds=5), catalog=load_catalog("plans.yaml"),
                  bound=1000, day_bytes=10**9, wall_clock=wall_clock, every_seconds=float(sys.argv[2]))

def note(visitor_id, times):
    for number in range(times):
        journal.note(Article(id=f"a-{number}"), refusal, reader_id=None, visitor_id=visitor_id, consume=True,
                     degraded=None, outage=None)
"""


def noting(url: str, script: str, *, every_seconds: float = 3600) -> int:
    """Run a process of its own that notes decisions; return how it ended."""
    command = [sys.executable, "-c", NOTING + script, url, str(every_seconds)]
    return subprocess.run(command, check=False, timeout=60, cwd=ROOT).returncode


def noted(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("select visitor_id, count(*) from decisions group by 1")
        return {row.visitor_id: row.count for row in rows}


def test_a_process_that_ends_writes_what_it_has(database_url: str, engine: Engine) -> None:
    """A deployment loses nothing: the last copy is made on the way out."""
    assert noting(database_url, "note('v-1', 5)") == 0
    assert noted(engine) == {"v-1": 5}


def test_a_forked_process_has_a_journal_of_its_own(database_url: str, engine: Engine) -> None:
    """Parent and child both note on; neither's entries are lost, nor written by the other too."""
    forking = """
note('parent', 3)
child = os.fork()
note('child' if child == 0 else 'parent', 4)
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    assert noting(database_url, forking) == 0
    assert noted(engine) == {"parent": 7, "child": 4}


def test_a_killed_process_loses_only_what_was_not_copied_yet(database_url: str, engine: Engine) -> None:
    """kill -9: what the last copy took is there, at most the entries since (a second's) are gone."""
    dying = """
note('copied', 50)
while len(journal._copier.buffer) or not journal._copier._writer.written:
    signal.sigtimedwait([], 0.01)
note('late', 50)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert noting(database_url, dying, every_seconds=0.05) == -signal.SIGKILL
    found = noted(engine)
    assert found["copied"] == 50
    assert found.get("late", 0) <= 50


@pytest.fixture
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Postgres, Child]]:
    """A PostgreSQL that a test may freeze and kill."""
    server = Postgres(tmp_path_factory.mktemp("own") / "postgres", free_port())
    child = server.start()
    engine = make_engine(server.url)
    migrate(engine)
    engine.dispose()
    yield server, child
    _signal_all(child.pid, signal.SIGCONT)
    child.stop()


def _signal_all(parent: int, number: int) -> None:
    """Signal a server and its backends."""
    for pid in [parent, *_children(parent)]:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _children(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in tasks.read_text().split()] if tasks.exists() else []


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds PostgreSQL's processes through Linux's /proc")
def test_decisions_go_on_while_postgresql_is_frozen_then_killed(
    own_postgres: tuple[Postgres, Child], make_refusal: Any, tmp_path: Path
) -> None:
    """Noting never waits for a copy that hangs; all is written once, when a new PostgreSQL answers."""
    server, child = own_postgres
    journal = Journal(
        lambda: make_engine(server.url, deadline_seconds=0.5, pool_size=1), catalog=CATALOG, bound=10**6,
        day_bytes=10**9, wall_clock=wall_clock, every_seconds=0.02,
    )  # fmt: skip
    note = _note(journal, make_refusal())
    note("before")
    _wait_for(server.url, 1)
    _signal_all(child.pid, signal.SIGSTOP)
    copier = journal._copier
    assert copier is not None
    noted = 1
    while noted <= 300 or not copier._failing:  # a copy has given up on the frozen server meanwhile
        note(f"frozen-{noted}")
        noted += 1
        signal.sigtimedwait([], 0.001)
    for pid in _children(child.pid):
        os.kill(pid, signal.SIGKILL)
    child.process.kill()
    child.process.wait()
    note("down")
    (server.directory / "data" / "postmaster.pid").unlink()
    again = server.start()
    try:
        journal.close()
        assert _count(server.url) == noted + 1
    finally:
        again.stop()


def test_past_the_bound_the_oldest_are_dropped_and_counted(make_refusal: Any) -> None:
    """A PostgreSQL that stays away costs memory up to the bound; the metrics say what was lost, and what waits."""
    nowhere = make_engine(f"postgresql://newsstand@127.0.0.1:{free_port()}/newsstand", deadline_seconds=0.3)
    journal = Journal(
        lambda: nowhere, catalog=CATALOG, bound=10, day_bytes=10**9, wall_clock=wall_clock, every_seconds=3600
    )  # fmt: skip
    note = _note(journal, make_refusal())
    before = _sample("newsstand_journal_entries_total", outcome="dropped")
    for number in range(25):
        note(f"a-{number}")
    assert journal._copier is not None
    journal._copier._copy()
    assert _sample("newsstand_journal_entries_total", outcome="dropped") - before == 15
    assert _sample("newsstand_journal_waiting_entries") == 10
    assert _sample("newsstand_journal_lag_seconds") >= 0
    journal.close()
    assert _sample("newsstand_journal_entries_total", outcome="dropped") - before == 25, "nobody writes them any more"
    assert _sample("newsstand_journal_waiting_entries") == 0


def test_a_journal_that_cannot_begin_stops_no_decision(make_refusal: Any) -> None:
    """No thread, no address, no memory: the entry is dropped and counted, and the answer goes out."""

    def connect() -> Engine:
        raise RuntimeError("can't start new thread")

    journal = Journal(connect, catalog=CATALOG, bound=10, day_bytes=10**9, wall_clock=wall_clock)
    before = _sample("newsstand_journal_entries_total", outcome="dropped")
    _note(journal, make_refusal())("a-1")
    assert _sample("newsstand_journal_entries_total", outcome="dropped") - before == 1
    journal.close()


def test_what_was_written_is_counted(engine: Engine, make_refusal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each entry; nothing waits afterwards."""
    shown = dict[str, tuple[int, float]]()  # by thread: the gauges are the process's, and other journals show theirs

    def show(*, waiting: int, lag_seconds: float) -> None:
        shown[threading.current_thread().name] = waiting, lag_seconds

    monkeypatch.setattr(metrics, "show_journal", show)
    journal = Journal(
        lambda: engine, catalog=CATALOG, bound=10, day_bytes=10**9, wall_clock=wall_clock, every_seconds=3600
    )
    note = _note(journal, make_refusal())
    before = _sample("newsstand_journal_entries_total", outcome="written")
    note("a-1")
    note("a-2")
    journal.close()
    assert _sample("newsstand_journal_entries_total", outcome="written") - before == 2
    assert shown[threading.current_thread().name] == (0, 0.0)
    journal.close()


def _note(journal: Journal, decision: Any) -> Callable[[str], None]:
    def note(article_id: str) -> None:
        journal.note(Article(id=article_id), decision, reader_id=None, visitor_id="v-1", consume=True,
                     degraded=None, outage=None)  # fmt: skip

    return note


def _sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def _count(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("select count(*) from decisions").fetchone()
    assert row is not None
    return int(row[0])


def _wait_for(url: str, rows: int) -> None:
    while _count(url) < rows:
        signal.sigtimedwait([], 0.01)
