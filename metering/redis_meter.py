"""The free-article meter on Redis: who may read one more, who carries a pass, which browser belongs to whom."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from metering.connections import Connections, Script
from metering.keys import ARTICLE_BYTES, SUBJECT_BYTES, Keys, Place, buckets_for
from metering.layout import is_settled, micros, pack_instant, pack_link, pack_pass, unpack_pass
from metering.meter import Outcome, Pass, Reading, Subject, SubjectKind
from metering.window import Window

SLACK_SECONDS = 86_400
"""What a counter outlives its window by, so that no clock's error ends it early."""
ABSENT_SECONDS = 180
"""What a minute's notes of absent readers live; they are believed for 60 s (admit.lua) and read for two minutes."""

_ADMIT, _PUBLISH, _ABSENT = Script("admit"), Script("publish"), Script("absent")
_LINK, _UNITE, _SETTLE = Script("link"), Script("unite"), Script("settle")
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class _Question:
    """What one call asks, whoever and whichever articles it is about."""

    limit: int
    window: Window
    consume: bool
    now: datetime
    wall_now: datetime

    def arguments(self) -> tuple[int, ...]:
        """Return admit.lua's arguments from `now` to `ttl`."""
        ttl = _ttl_seconds(self.window, self.now)
        return micros(self.now), micros(self.wall_now), self.limit, int(self.consume), ttl

    def reading(self, outcome: Outcome, count: int = 0, carried: Pass | None = None) -> Reading:
        used = min(count, self.limit)
        return Reading(outcome=outcome, used=used, limit=self.limit, window=self.window, carried=carried)


class RedisMeter:
    """Counts distinct articles and keeps passes. Every method raises MeterUnavailable when Redis cannot answer in time.

    Safe to share between threads, and to make before a fork. `now` is business time, `wall_now` wall time; both
    aware. `expected_readers` sizes the buckets: another power of two starts every count and pass afresh.
    """

    def __init__(
        self,
        url: str,
        *,
        subject_key: str,
        expected_readers: int,
        timeout_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = Connections(url, timeout_seconds=timeout_seconds, monotonic=monotonic)
        self._keys = Keys(subject_key, buckets_for(expected_readers))

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
    ) -> Reading:
        """Return what the meter says about one article; `consume` adds it when there is room, a peek writes nothing.

        With `metered=False` (an article that only a pass opens) nothing is counted: `PASS`, `UNKNOWN` or `NO_PASS`.
        One round trip; two for an aliased visitor, who shares the reader's reads but never the reader's pass.
        """
        question = _Question(limit=limit, window=window, consume=consume, now=now, wall_now=wall_now)
        return self._answers(subject, question, [article_id] if metered else [])[0]

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
    ) -> list[Reading]:
        """Return a reading for each article, in order, as `ask` one by one would, in one call's round trips."""
        question = _Question(limit=limit, window=window, consume=consume, now=now, wall_now=wall_now)
        answers = self._answers(subject, question, article_ids) if article_ids else []
        return answers if len(answers) == len(article_ids) else answers * len(article_ids)

    def usage(self, subject: Subject, *, limit: int, window: Window) -> Reading:
        """Return how much of the allowance is used, pass or not: `ROOM` while one more article fits, else `FULL`."""
        owner = self._owner(subject)
        reads = self._redis.command("HGET", owner.meter(window.id), owner.field) or b""
        count = len(reads) // ARTICLE_BYTES
        outcome = Outcome.ROOM if count < limit else Outcome.FULL
        return Reading(outcome=outcome, used=min(count, limit), limit=limit, window=window)

    def publish(self, reader_id: str, published: Pass) -> bool:
        """Copy a pass or tombstone to Redis; return whether it stands now, False when a newer one already does.

        The highest version wins, in whatever order they arrive; the same version may be refreshed. Version 0 with
        `absent` says only that the record knows nothing: it never takes the place of a pass, and goes by itself.
        """
        if published.absent and published.version == 0:
            self.publish_absent(reader_id, published.refreshed_at)
            return True
        place = self._reader(reader_id)
        return bool(self._redis.run(_PUBLISH, [place.passes], place.field, pack_pass(published)))

    def publish_absent(self, reader_id: str, wall_now: datetime) -> None:
        """Note that the record knows nothing of this reader, who is then metered for the next 60 s."""
        place = self._reader(reader_id)
        key = place.absent(_minute(wall_now))
        self._redis.run(_ABSENT, [key], place.field, pack_instant(wall_now), ABSENT_SECONDS)

    def link(self, visitor_id: str, reader_id: str, *, linked_at: datetime, window: Window, now: datetime) -> None:
        """Make a browser share a reader's reads from now on; the link with the newest `linked_at` (wall time) wins.

        The visitor's own reads of `window` move to the reader, each article once; nothing undoes that. Repeat it
        until it succeeds: every step may be done twice, and `linked_reader_is` stays False until all are.
        """
        visitor, reader = self._visitor(visitor_id), self._reader(reader_id)
        keys, alias = [visitor.aliases, visitor.meter(window.id)], pack_link(reader.field, linked_at)
        reads = self._redis.run(_LINK, keys, visitor.field, alias)
        if reads:
            self._redis.run(_UNITE, [reader.meter(window.id)], reader.field, reads, _ttl_seconds(window, now))
            self._redis.run(_SETTLE, keys, visitor.field, alias)

    def linked_reader_is(self, visitor_id: str, reader_id: str) -> bool:
        """Tell whether `link` has nothing left to do for these two (one round trip, writes nothing)."""
        visitor, reader = self._visitor(visitor_id), self._reader(reader_id)
        alias = self._redis.command("HGET", visitor.aliases, visitor.field)
        return alias is not None and is_settled(alias, reader.field)

    def reset(self, subject: Subject, *, window: Window) -> None:
        """Forget what the subject read in `window`; for an aliased visitor, what the reader read."""
        for place in {self._keys.place(subject), self._owner(subject)}:
            self._redis.command("HDEL", place.meter(window.id), place.field)

    def forget(self, subject: Subject, *, windows: Iterable[Window]) -> None:
        """Erase a subject: pass, alias, and reads of `windows` (older ones have expired).

        The record must have forgotten the subject first, or a late publisher brings the pass back. A reader's
        browsers are subjects of their own. What remains, a note that the reader is absent, goes within 3 minutes.
        """
        place = self._keys.place(subject)
        for key in [place.passes, place.aliases, *(place.meter(window.id) for window in windows)]:
            self._redis.command("HDEL", key, place.field)

    def ping(self) -> None:
        """Return when Redis answers; raise MeterUnavailable when it does not."""
        self._redis.command("PING")

    def close(self) -> None:
        """Close every connection; the next call opens a new one."""
        self._redis.close()

    def _answers(self, subject: Subject, question: _Question, article_ids: Sequence[str]) -> list[Reading]:
        articles = [self._keys.article(article_id) for article_id in article_ids]
        place = self._keys.place(subject)
        role = subject.kind.value
        reply = self._admit(role, place, _admission_keys(subject.kind, place, question.wall_now), question, articles)
        if reply[0] == b"alias":
            reply = self._admit("reads", self._keys.place_of(reply[1]), [], question, articles)
        return _readings(reply, question)

    def _admit(self, role: str, place: Place, keys: list[str], question: _Question, articles: list[bytes]) -> list[Any]:
        meter = place.meter(question.window.id)
        reply = self._redis.run(_ADMIT, [*keys, meter], role, place.field, *question.arguments(), *articles)
        return list(reply)

    def _owner(self, subject: Subject) -> Place:
        """Return where the subject's reads are counted: its own place, or that of the reader it is linked to."""
        place = self._keys.place(subject)
        if subject.kind is SubjectKind.READER:
            return place
        alias = self._redis.command("HGET", place.aliases, place.field)
        return self._keys.place_of(alias[:SUBJECT_BYTES]) if alias else place

    def _reader(self, reader_id: str) -> Place:
        return self._keys.place(Subject(SubjectKind.READER, reader_id))

    def _visitor(self, visitor_id: str) -> Place:
        return self._keys.place(Subject(SubjectKind.VISITOR, visitor_id))


def _admission_keys(kind: SubjectKind, place: Place, wall_now: datetime) -> list[str]:
    """Return the keys admit.lua reads before the meter."""
    if kind is SubjectKind.VISITOR:
        return [place.aliases]
    minute = _minute(wall_now)
    return [place.passes, place.absent(minute), place.absent(minute - 1)]


def _readings(reply: list[Any], question: _Question) -> list[Reading]:
    """Return admit.lua's reply as one reading for each article, or the one that answers for all of them."""
    if reply[0] == b"pass":
        return [question.reading(Outcome.PASS, carried=unpack_pass(reply[1]))]
    if reply[0] == b"unknown":
        return [question.reading(Outcome.UNKNOWN)]
    count, *words = reply[1:]
    if not words:
        return [question.reading(Outcome.NO_PASS, count)]
    readings = []
    for word in words:
        outcome = Outcome(word.decode())
        count += outcome is Outcome.ROOM and question.consume
        readings.append(question.reading(outcome, count))
    return readings


def _minute(wall_now: datetime) -> int:
    return int(wall_now.timestamp()) // 60


def _ttl_seconds(window: Window, now: datetime) -> int:
    return max(0, (window.ends_at - now) // _SECOND) + SLACK_SECONDS
