"""The meter in plain Python, within one process: the plainest statement of what every backend does.

Tests that need no server use it, and property tests hold the one on Redis to it. Nothing is packed, hashed or expires.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from metering.meter import Guarding, Outcome, Pass, Reading, Readings, Subject, SubjectKind
from metering.window import Window

BELIEF = timedelta(seconds=60)


@dataclass
class _Reads:
    """Distinct articles in the order read, and when the first of them was (matters to rolling windows)."""

    begun_at: datetime
    articles: dict[str, None] = field(default_factory=dict)


@dataclass
class _Alias:
    reader: Subject
    linked_at: datetime


class MemoryMeter:
    """Answers as RedisMeter does, and never raises MeterUnavailable. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._passes: dict[str, Pass] = {}
        self._absences: dict[tuple[str, int], datetime] = {}
        self._aliases: dict[str, _Alias] = {}
        self._reads: dict[tuple[Subject, object], _Reads] = {}
        self._seen: set[tuple[Subject, str]] = set()

    def one_decision(self) -> AbstractContextManager[None]:
        """Return a context: nothing here waits."""
        return nullcontext()

    def ask(
        self,
        subject: Subject,
        article_id: str,
        *,
        limit: int,
        window: Window,
        consume: bool,
        now: datetime,
        wall_now: datetime,
        metered: bool = True,
        guarding: Guarding = Guarding.OFF,
    ) -> Reading:
        """Return what the meter says about one article."""
        articles = [article_id] if metered else []
        found = self.ask_many(
            subject, articles, limit=limit, window=window, consume=consume,
            now=now, wall_now=wall_now, guarding=guarding,
        )  # fmt: skip
        return found.each[0] if metered else found.standing

    def ask_many(
        self,
        subject: Subject,
        article_ids: Sequence[str],
        *,
        limit: int,
        window: Window,
        consume: bool,
        now: datetime,
        wall_now: datetime,
        guarding: Guarding = Guarding.OFF,
        published: Pass | None = None,
    ) -> Readings:
        """Return a reading for each article, in order."""
        with self._lock:
            if published is not None:
                self.publish(subject.id, published)
            standing = self._standing(subject, limit, window, now, wall_now)
            if published is not None and published.absent and standing.outcome is Outcome.UNKNOWN:
                reads = self._running(subject, window)  # a record set back cannot outbid what stands; reads decide
                standing = self._reading(Outcome.NO_PASS, limit + published.extra, window, reads)
            if standing.outcome is not Outcome.NO_PASS:
                return Readings(standing, [standing] * len(article_ids))
            owner, limit = self._owner(subject), standing.limit
            is_first = (
                subject.kind is SubjectKind.VISITOR and owner == subject and self._running(subject, window) is None
            )
            if guarding is Guarding.ASK and is_first and not self._is_seen(subject, window):
                newcomer = Reading(outcome=Outcome.NEWCOMER, used=0, limit=limit, window=window)
                return Readings(newcomer, [newcomer] * len(article_ids))
            each = [self._one(owner, article_id, limit, window, consume) for article_id in article_ids]
            has_read = consume and any(reading.outcome is Outcome.ROOM for reading in each)
            if guarding is not Guarding.OFF and has_read and owner == subject:
                self._seen.add((subject, window.marked_in))
            return Readings(standing, each)

    def usage(self, subject: Subject, *, limit: int, window: Window) -> Reading:
        """Return how much of the allowance is used, pass or not."""
        with self._lock:
            reads = self._running(self._owner(subject), window)
            used = len(reads.articles) if reads else 0
            return self._reading(Outcome.ROOM if used < limit else Outcome.FULL, limit, window, reads)

    def publish(self, reader_id: str, published: Pass) -> bool:
        """Keep a pass or tombstone unless a newer one stands; version 0 with `absent` is only a note."""
        with self._lock:
            if published.absent and published.version == 0:
                self.publish_absent(reader_id, published.refreshed_at)
                return True
            standing = self._passes.get(reader_id)
            if standing is not None and published.version < standing.version:
                return False
            self._passes[reader_id] = published
            return True

    def publish_absent(self, reader_id: str, wall_now: datetime) -> None:
        """Note that the record knows nothing of this reader."""
        with self._lock:
            self._absences[reader_id, _minute(wall_now)] = wall_now

    def link(self, visitor_id: str, reader_id: str, *, linked_at: datetime, window: Window, now: datetime) -> None:  # noqa: ARG002
        """Make a browser share a reader's reads; the newest link wins."""
        with self._lock:
            standing = self._aliases.get(visitor_id)
            if standing is not None and standing.linked_at > linked_at:
                return
            visitor, reader = Subject(SubjectKind.VISITOR, visitor_id), Subject(SubjectKind.READER, reader_id)
            self._aliases[visitor_id] = _Alias(reader, linked_at)
            reads = self._running(visitor, window)
            if reads is not None:
                united = self._running(reader, window) or _Reads(reads.begun_at)
                united.articles.update(reads.articles)
                self._reads[reader, _place(window)] = united
                del self._reads[visitor, _place(window)]

    def linked_reader_is(self, visitor_id: str, reader_id: str, *, wall_now: datetime) -> bool:  # noqa: ARG002
        """Tell whether these two are linked."""
        alias = self._aliases.get(visitor_id)
        return alias is not None and alias.reader.id == reader_id

    def reset(self, subject: Subject, *, window: Window) -> None:
        """Forget what the subject read in `window`, and the reader it is linked to."""
        with self._lock:
            for each in (subject, self._owner(subject)):
                self._reads.pop((each, _place(window)), None)

    def forget(self, subject: Subject, *, windows: Iterable[Window]) -> None:
        """Erase a subject: pass, alias and reads."""
        with self._lock:
            self._passes.pop(subject.id, None) if subject.kind is SubjectKind.READER else None
            self._aliases.pop(subject.id, None) if subject.kind is SubjectKind.VISITOR else None
            for window in windows:
                self._reads.pop((subject, _place(window)), None)
                self._seen -= {(subject, window.marked_in), (subject, window.marked_before)}

    def ping(self) -> None:
        """Return: it is always there."""

    def close(self) -> None:
        """Keep everything: there is nothing to close."""

    def _is_seen(self, visitor: Subject, window: Window) -> bool:
        return any((visitor, period) in self._seen for period in (window.marked_in, window.marked_before))

    def _standing(self, subject: Subject, limit: int, window: Window, now: datetime, wall_now: datetime) -> Reading:
        carried = self._passes.get(subject.id) if subject.kind is SubjectKind.READER else None
        if carried is not None and not carried.absent and carried.valid_until > now:
            return Reading(outcome=Outcome.PASS, used=0, limit=limit, window=window, carried=carried)
        if subject.kind is SubjectKind.READER and not self._is_known_without(subject.id, carried, wall_now):
            return Reading(outcome=Outcome.UNKNOWN, used=0, limit=limit, window=window)
        given = carried is not None and self._is_fresh(carried, wall_now) and carried.valid_until > now
        limit += carried.extra if carried is not None and given else 0
        return self._reading(Outcome.NO_PASS, limit, window, self._running(self._owner(subject), window))

    def _is_known_without(self, reader_id: str, carried: Pass | None, wall_now: datetime) -> bool:
        if carried is not None and self._is_fresh(carried, wall_now):
            return True
        notes = [self._absences.get((reader_id, _minute(wall_now) - ago)) for ago in (0, 1)]
        return any(
            note is not None and abs(wall_now - note) < BELIEF and (carried is None or note > carried.refreshed_at)
            for note in notes
        )

    @staticmethod
    def _is_fresh(carried: Pass, wall_now: datetime) -> bool:
        return carried.absent and abs(wall_now - carried.refreshed_at) < BELIEF

    def _one(self, owner: Subject, article_id: str, limit: int, window: Window, consume: bool) -> Reading:
        reads = self._running(owner, window)
        if reads is not None and article_id in reads.articles:
            return self._reading(Outcome.SEEN, limit, window, reads)
        if len(reads.articles if reads else ()) >= limit:
            return self._reading(Outcome.FULL, limit, window, reads)
        if consume:
            reads = self._reads[owner, _place(window)] = reads or _Reads(window.starts_at)
            reads.articles[article_id] = None
        return self._reading(Outcome.ROOM, limit, window, reads)

    def _running(self, owner: Subject, window: Window) -> _Reads | None:
        """Return the reads that count now; a rolling window of the same length may have ended."""
        reads = self._reads.get((owner, _place(window)))
        if reads is None or (window.earlier_id is not None and reads.begun_at <= window.reaches_back_to):
            return None
        return reads

    def _owner(self, subject: Subject) -> Subject:
        alias = self._aliases.get(subject.id) if subject.kind is SubjectKind.VISITOR else None
        return alias.reader if alias else subject

    def _reading(self, outcome: Outcome, limit: int, window: Window, reads: _Reads | None) -> Reading:
        used = len(reads.articles) if reads else 0
        if reads is not None and window.earlier_id is not None:
            window = window.begun_at(reads.begun_at)
        return Reading(outcome=outcome, used=used, limit=limit, window=window)


def _place(window: Window) -> object:
    """Return where a window's reads are kept: a calendar's have its name, rolling ones their length."""
    return window.id if window.earlier_id is None else window.length


def _minute(wall_now: datetime) -> int:
    return int(wall_now.timestamp()) // 60
