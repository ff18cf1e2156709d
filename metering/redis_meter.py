"""The free-article meter on Redis: who may read one more, who carries a pass, which browser belongs to whom."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from metering.budget import Shared
from metering.connect import connect
from metering.connections import Connections
from metering.guard import Ticket
from metering.keys import ARTICLE_BYTES, SUBJECT_BYTES, Keys, Place, buckets_for
from metering.layout import begun_window, head_of, micros, over_at, pack_instant, pack_link, pack_pass, unpack_pass
from metering.linking import is_waiting, link_in, link_places
from metering.meter import Guarding, Outcome, Pass, Reading, Readings, Subject, SubjectKind
from metering.moving import SLACK_SECONDS, Moving
from metering.script import Argument, Call, Script
from metering.window import Window

ABSENT_SECONDS = 180
"""What a minute's notes of absent readers live; they are believed for 60 s (admit.lua) and read for two minutes."""

_BOTH = ("reads", "aliases")
_ADMIT, _PUBLISH, _ABSENT = Script("admit", after=(*_BOTH, "newcomers")), Script("publish"), Script("absent")
_LINKED = Script("linked", after=("aliases",))
_SEEN, _ROOM, _FULL = b"srf"
_OUTCOMES = {_SEEN: Outcome.SEEN, _ROOM: Outcome.ROOM, _FULL: Outcome.FULL}


class _Question(NamedTuple):
    """What one call asks, whoever and whichever articles it is about."""

    limit: int
    window: Window
    consume: bool
    ttl_seconds: int = 0

    def about_the_subject(self, outcome: Outcome, articles: bytes, carried: Pass | None = None) -> Readings:
        """Return the same reading for each of these articles, which stay uncounted."""
        reading = Reading(outcome, 0, self.limit, self.window, carried)
        return Readings(reading, [reading] * (len(articles) // ARTICLE_BYTES))


class RedisMeter:
    """Counts distinct articles and keeps passes. Every method raises MeterUnavailable when Redis cannot answer in time.

    Safe to share between threads, and to make before a fork. `now` is business time, `wall_now` wall time; both
    aware. `expected_readers` sizes the buckets: for another power of two everything lies elsewhere, and what lies where
    `expected_readers_before` put it is brought along when asked for. `on_fault` is told the name of each Redis fault.
    """

    def __init__(
        self,
        url: str,
        *,
        subject_key: str,
        expected_readers: int,
        timeout_seconds: float,
        expected_readers_before: int = 0,
        on_fault: Callable[[str], None] = lambda _name: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = connect(url, timeout_seconds=timeout_seconds, on_fault=on_fault, monotonic=monotonic)
        self.can_judge = self._redis.is_one_server
        """Whether a network's newcomers lie where visitors' reads do: not on a cluster."""
        self._keys = Keys(subject_key, buckets_for(expected_readers))
        before = buckets_for(expected_readers_before or expected_readers)
        moves = before != buckets_for(expected_readers)
        self._earlier = Keys(subject_key, before) if moves else None
        self._moving = Moving(self._redis, earlier=self._earlier, present=self._keys) if self._earlier else None

    @property
    def connections(self) -> Connections:
        """Return the way to Redis, for others who keep something there."""
        return self._redis

    def one_decision(self) -> Shared:
        """Return a context in which all calls of this thread together wait for Redis no longer than one may."""
        return self._redis.budget.shared()

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
        """Return what the meter says about one article; `consume` adds it when there is room, a peek writes nothing.

        With `metered=False` (an article that only a pass opens) nothing is counted: `PASS`, `UNKNOWN` or `NO_PASS`.
        One round trip; two for an aliased visitor, who shares the reader's reads but never the reader's pass.
        """
        asked = [article_id] if metered else []
        readings = self.ask_many(
            subject, asked, limit=limit, window=window, consume=consume, now=now, wall_now=wall_now, guarding=guarding
        )  # fmt: skip
        return readings.each[0] if metered else readings.standing

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
        ticket: Ticket | None = None,
    ) -> Readings:
        """Return a reading for each article, in order, as `ask` one by one would, in one call's round trips.

        `guarding` matters to visitors alone; `JUDGED` needs the guard's `ticket`, and a meter that `can_judge`. A
        visitor who is linked to a reader is no newcomer. `published` is a reader's pass, copied to Redis before the
        question and in the same round trip.
        """
        question = _Question(limit, window, consume, _ttl_seconds(window, now))
        articles = self._keys.articles(article_ids)
        place = self._keys.place(subject)
        if subject.kind is SubjectKind.VISITOR:
            return self._ask_visitor(place, question, articles, _day(wall_now), guarding, ticket)
        self._bring(place, window)
        minute = _minute(wall_now)
        before_meter = [place.passes, place.absent(minute), place.absent(minute - 1)]
        clocks = micros(now), micros(wall_now)
        admit = _admission("reader", place, before_meter, question, articles, *clocks)
        asked = (admit,) if published is None else (_publication(place, published), admit)
        reply = self._redis.run_all(asked)[-1]
        if published is not None and published.absent and reply[0] == b"unknown":
            # A record that was set back cannot outbid what Redis holds. Neither has a pass, so the reads decide.
            return self._read(place, question._replace(limit=limit + published.extra), articles)
        return _readings(reply, question, articles)

    def usage(self, subject: Subject, *, limit: int, window: Window) -> Reading:
        """Return how much of the allowance is used, pass or not: `ROOM` while one more article fits, else `FULL`."""
        question = _Question(limit, window, consume=False)
        place = self._keys.place(subject)
        if subject.kind is SubjectKind.VISITOR:
            reading = self._ask_visitor(place, question, b"", 0, Guarding.OFF).standing
        else:
            reading = self._read(place, question, b"").standing
        return reading._replace(outcome=Outcome.ROOM if reading.used < limit else Outcome.FULL)

    def publish(self, reader_id: str, published: Pass) -> bool:
        """Copy a pass or tombstone to Redis; return whether it stands now, False when a newer one already does.

        The highest version wins, in whatever order they arrive; the same version may be refreshed. Version 0 with
        `absent` says only that the record knows nothing: it never takes the place of a pass, and goes by itself.
        """
        [stands] = self._redis.run_all([_publication(self._reader(reader_id), published)])
        return bool(stands)

    def publish_absent(self, reader_id: str, wall_now: datetime) -> None:
        """Note that the record knows nothing of this reader, who is then metered for the next 60 s."""
        self._redis.run_all([_absence(self._reader(reader_id), wall_now)])

    def link(self, visitor_id: str, reader_id: str, *, linked_at: datetime, window: Window, now: datetime) -> None:
        """Make a browser share a reader's reads from now on; the link with the newest `linked_at` (wall time) wins.

        The visitor's own reads of `window` move to the reader, each article once; nothing undoes that. Repeat it
        until it succeeds: every step may be done twice, and `linked_reader_is` stays False until all are.
        """
        visitor, reader = self._visitor(visitor_id), self._reader(reader_id)
        for place in (visitor, reader):
            self._bring(place, window)
        link_places(
            self._redis, visitor, reader, pack_link(reader.hash, linked_at), window,
            today=_day(linked_at), ttl_seconds=_ttl_seconds(window, now),
        )  # fmt: skip

    def linked_reader_is(self, visitor_id: str, reader_id: str, *, wall_now: datetime) -> bool:
        """Tell whether `link` has nothing left to do for these two, and note that the link is used (one round trip)."""
        visitor, reader = self._visitor(visitor_id), self._reader(reader_id)
        found = self._redis.run(_LINKED, [visitor.aliases], visitor.field, reader.hash, _day(wall_now))
        return bool(found)

    def reset(self, subject: Subject, *, window: Window) -> None:
        """Forget what the subject read in `window`; for an aliased visitor, what the reader read."""
        self._bring(self._keys.place(subject), window)
        for place in {self._keys.place(subject), self._owner(subject)}:
            self._bring(place, window)
            for meter in place.meters(window):
                self._redis.command("HDEL", meter, place.field)

    def forget(self, subject: Subject, *, windows: Iterable[Window]) -> None:
        """Erase a subject: pass, alias, reads of `windows` (older ones have expired), and marks of those before.

        The record must have forgotten the subject first, or a late publisher brings the pass back. A reader's
        browsers are subjects of their own. What remains, a note that the reader is absent, goes within 3 minutes.
        """
        windows = list(windows)
        for keys in filter(None, (self._keys, self._earlier)):
            place = keys.place(subject)
            for key in place.hashes(windows):
                self._redis.command("HDEL", key, place.field)
            for key in place.all_marks(windows):
                self._redis.command("SREM", key, place.mark)

    def ping(self) -> None:
        """Return when Redis takes a write, or raise MeterUnavailable; a full one, or a replica, still says PONG."""
        self._redis.command("SET", "{health}", "1", "PX", "60000")

    def close(self) -> None:
        """Close every connection; the next call opens a new one."""
        self._redis.close()

    def _ask_visitor(
        self,
        place: Place,
        question: _Question,
        articles: bytes,
        today: int,
        guarding: Guarding,
        ticket: Ticket | None = None,
    ) -> Readings:
        window = question.window
        self._bring(place, window)
        keys: list[str] = [place.aliases]
        marks: list[Argument] = []
        if guarding is not Guarding.OFF:
            keys += [place.marks(window.marked_in), place.marks(window.marked_before)]
            marks = [_mark_seconds(window, question.ttl_seconds), place.mark]
        if ticket is not None:
            keys.append(ticket.key)
            marks += ticket.arguments
        admit = _admission(guarding, place, keys, question, articles, today, *marks)
        [reply] = self._redis.run_all((admit,))
        if reply[0] == b"alias":
            return self._read(self._linked_to(place, reply[1], question, today), question, articles)
        return _readings(reply, question, articles)

    def _linked_to(self, visitor: Place, alias: bytes, question: _Question, today: int) -> Place:
        """Return whose reads this browser shares; a link that got stuck half-way is made good first."""
        reader = self._keys.place_of(alias[:SUBJECT_BYTES])
        if question.consume and is_waiting(alias):
            link, window, ttl_seconds = link_in(alias)[0], question.window, question.ttl_seconds
            link_places(self._redis, visitor, reader, link, window, today=today, ttl_seconds=ttl_seconds)
        return reader

    def _read(self, place: Place, question: _Question, articles: bytes) -> Readings:
        """Ask about the reads at this place, whatever pass may lie beside them."""
        self._bring(place, question.window)
        [reply] = self._redis.run_all((_admission("reads", place, [], question, articles),))
        return _readings(reply, question, articles)

    def _bring(self, place: Place, window: Window) -> None:
        if self._moving is not None:
            self._moving.bring(place.hash, window)

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


def _admission(
    role: str, place: Place, before_meter: list[str], question: _Question, articles: bytes, *more: Argument
) -> Call:
    limit, window, consume, ttl_seconds = question
    arguments = role, place.field, limit, int(consume), ttl_seconds, head_of(window), over_at(window), articles, *more
    return Call(_ADMIT, [*before_meter, *place.meters(window)], arguments)


def _publication(place: Place, published: Pass) -> Call:
    """Return what copies a pass; version 0 with `absent` says only that the record knows nothing."""
    if published.absent and published.version == 0:
        return _absence(place, published.refreshed_at)
    return Call(_PUBLISH, [place.passes], (place.field, pack_pass(published)))


def _absence(place: Place, wall_now: datetime) -> Call:
    return Call(_ABSENT, [place.absent(_minute(wall_now))], (place.field, pack_instant(wall_now), ABSENT_SECONDS))


def _readings(reply: Any, question: _Question, articles: bytes) -> Readings:
    """Return admit.lua's reply as one reading for each article, and one for an article that only a pass opens."""
    kind = reply[0]
    if kind == b"reads":
        return _counted(reply, question)
    if kind == b"pass":
        return question.about_the_subject(Outcome.PASS, articles, carried=unpack_pass(reply[1]))
    return question.about_the_subject(Outcome.UNKNOWN if kind == b"unknown" else Outcome.NEWCOMER, articles)


def _counted(reply: Any, question: _Question) -> Readings:
    _, count, head, letters, extra, *let_in = reply
    limit, window = question.limit + extra, begun_window(head, question.window)
    standing = Reading(Outcome.NO_PASS, count, limit, window)
    counted, each = question.consume, []
    # Few differ in a long batch, and making one costs more than finding one; each that counts begins a new count.
    made: dict[int, Reading] = {}
    for letter in letters:
        if letter == _ROOM and counted:
            count += 1
            made = {}
        reading = made.get(letter)
        if reading is None:
            reading = made[letter] = Reading(_OUTCOMES[letter], count, limit, window)
        each.append(reading)
    return Readings(standing, each, bool(let_in))


def _mark_seconds(window: Window, ttl_seconds: int) -> int:
    """Return how long the mark is kept: until the next window's end, which may be longer by an eighth (February)."""
    return ttl_seconds + window.length_seconds * 9 // 8


def _day(wall_now: datetime) -> int:
    return int(wall_now.timestamp()) // 86_400


def _minute(wall_now: datetime) -> int:
    return int(wall_now.timestamp()) // 60


def _ttl_seconds(window: Window, now: datetime) -> int:
    return max(0, window.ends_second - int(now.timestamp())) + SLACK_SECONDS
