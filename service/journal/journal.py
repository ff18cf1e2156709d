"""The journal of one process: noting costs an append; a thread of its own copies each second to PostgreSQL."""

from __future__ import annotations

import atexit
import itertools
import secrets
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import structlog
from sqlalchemy import Engine

from metering.process import this_process
from service import metrics
from service.clocks import Clock
from service.domain.catalog import Catalog
from service.domain.decision import Article, Decision
from service.journal.buffer import Buffer
from service.journal.entry import Entry, OutageTerms, is_remembered
from service.journal.writer import Writer
from service.store import catalogs

log = structlog.get_logger(__name__)

EVERY_SECONDS = 1.0
"""How often entries are copied: with `SPREAD`, what a process that is killed outright may lose."""
SPREAD = 0.5
"""Over which part of that time they are copied."""


class Notes(Protocol):
    """Whatever remembers decisions."""

    def note(
        self,
        article: Article,
        decision: Decision,
        *,
        reader_id: str | None,
        visitor_id: str | None,
        consume: bool,
        degraded: str | None,
        outage: OutageTerms | None,
    ) -> None:
        """Remember the decision if it is worth it; never waits, never raises."""
        ...


class Journal:
    """Remembers decisions of this process, and of each one forked from it apart.

    `connect` makes the engine that the copying thread alone uses. At most `bound` entries wait; while PostgreSQL is
    away the oldest are dropped, and counted. So are those of a day that takes `day_bytes` on disk already.
    """

    def __init__(
        self,
        connect: Callable[[], Engine],
        *,
        catalog: Catalog,
        bound: int,
        day_bytes: int,
        wall_clock: Clock,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._connect = connect
        self._catalog = catalog
        self._bound = bound
        self._day_bytes = day_bytes
        self._wall_clock = wall_clock
        self._every_seconds = every_seconds
        self._ids = itertools.count(secrets.randbits(52))  # with `recorded_at` unique over all processes
        self._lock = threading.Lock()
        self._copier: _Copier | None = None

    def note(
        self,
        article: Article,
        decision: Decision,
        *,
        reader_id: str | None,
        visitor_id: str | None,
        consume: bool,
        degraded: str | None,
        outage: OutageTerms | None,
    ) -> None:
        """Remember the decision if it is worth it; never waits, never raises."""
        if not is_remembered(decision):
            return
        entry = Entry(
            next(self._ids), self._wall_clock(), reader_id, visitor_id, article, consume, decision, degraded, outage,
            self._catalog.version,
        )  # fmt: skip
        try:
            self._copier_of_this_process().buffer.add(entry)
        except Exception as error:  # such as no thread to be had: a reader must not pay for our memory
            log.warning("journal_failed", error=type(error).__name__)
            metrics.count_journal(written=0, dropped=1)

    def close(self) -> None:
        """Copy what waits, once, and stop; a later note starts afresh."""
        with self._lock:
            copier, self._copier = self._copier, None
        if copier is not None and copier.pid == this_process.pid:
            copier.close()

    def _copier_of_this_process(self) -> _Copier:
        copier = self._copier
        if copier is not None and copier.pid == this_process.pid:  # a fork takes the memory along, but no thread
            return copier
        with self._lock:
            if self._copier is None or self._copier.pid != this_process.pid:
                self._copier = _Copier(
                    Buffer(self._bound), self._connect(), self._catalog, day_bytes=self._day_bytes,
                    wall_clock=self._wall_clock, every_seconds=self._every_seconds,
                )  # fmt: skip
            return self._copier


class _Copier:
    """One process's buffer and the thread that empties it, beside the offer that it all was decided under."""

    def __init__(
        self,
        buffer: Buffer,
        engine: Engine,
        catalog: Catalog,
        *,
        day_bytes: int,
        wall_clock: Clock,
        every_seconds: float,
    ) -> None:
        self.pid = this_process.pid
        self.buffer = buffer
        self._engine = engine
        self._writer = Writer(engine, buffer, day_bytes=day_bytes)
        self._catalog: Catalog | None = catalog  # until it is kept
        self._wall_clock = wall_clock
        self._every_seconds = every_seconds
        self._closed = threading.Event()
        self._failing = False
        self._told = 0, 0
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def close(self) -> None:
        """Stop the thread, and copy what waits; what can't be written now never is, and counts as dropped."""
        atexit.unregister(self.close)
        self._closed.set()
        self._thread.join()  # its waits have deadlines
        self._copy()
        if lost := len(self.buffer.take(len(self.buffer))):
            log.error("journal_lost", entries=lost)
            metrics.count_journal(written=0, dropped=lost)
            metrics.show_journal(waiting=0, lag_seconds=0.0)
        self._engine.dispose()

    def _run(self) -> None:
        while not self._closed.wait(self._every_seconds):
            self._copy(SPREAD * self._every_seconds)

    def _copy(self, seconds: float = 0.0) -> None:
        try:
            self._keep_catalog()
            self._writer.flush(seconds)
            self._failing = False
        except Exception as error:  # whatever is wrong, the next second tries again
            if not self._failing:
                log.warning("journal_not_written", error=type(error).__name__)
            self._failing = True
        self._tell()

    def _keep_catalog(self) -> None:
        if self._catalog is not None and len(self.buffer):
            with self._engine.begin() as connection:
                catalogs.keep(connection, self._catalog.version, self._catalog.source)
            self._catalog = None

    def _tell(self) -> None:
        written, lost = self._writer.written, self._writer.lost
        metrics.count_journal(written=written - self._told[0], dropped=lost - self._told[1] + self.buffer.dropped())
        self._told = written, lost
        metrics.show_journal(waiting=len(self.buffer), lag_seconds=_age(self.buffer, self._wall_clock()))


def _age(buffer: Buffer, now: datetime) -> float:
    oldest = buffer.oldest_recorded_at()
    return 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
