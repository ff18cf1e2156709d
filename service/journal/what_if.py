"""What if the meter were another? The journal replayed, read by read, under other terms. Pure.

A replay keeps two counts for each subject: what the meter had, and what the other meter would have. Every entry says
how far the real count was, so the replay stays in step with it also where the journal has gaps (entries dropped, days
forgotten) or where staff reset a meter: the unknown reads are put into both counts, and a reset empties both. With the
terms that were in force, the two never differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from metering.window import ROLLING
from service.domain.catalog import Catalog


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """A metered article that somebody tried to read: let in and counted, or walled.

    `reader_id` is also that of a browser linked to a reader by then, whose reads count together. `used` is what the
    meter said, this read included; entries of an earlier release stop at the limit. `resets_at` ends the window, and
    `added` is what staff had added to the reader's limit.
    """

    at: datetime
    reader_id: str | None
    visitor_id: str | None
    signed_in: bool
    article_id: str
    counted: bool
    used: int
    resets_at: datetime
    added: int = 0


@dataclass(slots=True)
class Day:
    """One day's outcome: reads counted and walls met, walls that would be new, and walls that would be gone."""

    reads: int = 0
    walls: int = 0
    gained: int = 0
    lost: int = 0


@dataclass(slots=True)
class _Count:
    """Distinct articles in a window: those we know, and how many more there must have been."""

    articles: set[str] = field(default_factory=set)
    unknown: int = 0
    ends_at: datetime | None = None

    @property
    def size(self) -> int:
        return len(self.articles) + self.unknown

    def empty(self, unknown: int = 0) -> None:
        self.articles.clear()
        self.unknown = unknown

    def end(self) -> None:
        self.empty()
        self.ends_at = None

    def end_if_over(self, at: datetime) -> None:
        if self.ends_at is not None and at >= self.ends_at:
            self.end()

    def unite(self, other: _Count) -> None:
        self.articles |= other.articles
        self.unknown += other.unknown
        self.ends_at = self.ends_at or other.ends_at


@dataclass(slots=True)
class _Subject:
    real: _Count = field(default_factory=_Count)
    other: _Count = field(default_factory=_Count)

    def unite(self, browser: _Subject, at: datetime) -> None:
        for count in (self.real, self.other, browser.real, browser.other):
            count.end_if_over(at)  # a window of long ago would take along what the browser brings
        self.real.unite(browser.real)
        self.other.unite(browser.other)


class WhatIf:
    """Replays tries, given in the order in which they happened, under the meter of `catalog`; its zone cuts days."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._subjects: dict[tuple[bool, str], _Subject] = {}
        self.days: dict[date, Day] = {}

    def replay(self, tries: Iterable[Tried]) -> None:
        """Go through `tries`; `days` then holds what came of each."""
        for tried in tries:
            self._take(tried)

    def _take(self, tried: Tried) -> None:
        subject = self._subject(tried)
        real, other = subject.real, subject.other
        if real.ends_at is not None and tried.resets_at < real.ends_at:
            return  # decided in the last moment of a window, and written down after the next one's first read
        if real.ends_at is None or tried.resets_at > real.ends_at:
            if real.size and real.ends_at is not None and tried.at < real.ends_at:
                other.end()  # a rolling window that begins anew before its end was reset
            real.end()
            real.ends_at = tried.resets_at
        other.end_if_over(tried.at)
        _keep_in_step(subject, tried, most=self._most(tried))
        opened = tried.article_id in other.articles or other.size < self._limit(tried)
        if opened:
            other.articles.add(tried.article_id)
        if other.ends_at is None and other.size:
            other.ends_at = self._end(tried, other)
        if tried.counted:
            real.articles.add(tried.article_id)
        self._tell(tried, opened)

    def _subject(self, tried: Tried) -> _Subject:
        """Return whose counts these are; a reader's browser brings along what it had read before."""
        mine = (True, tried.reader_id) if tried.reader_id is not None else (False, tried.visitor_id or "")
        subject = self._subjects.setdefault(mine, _Subject())
        if tried.reader_id is not None and tried.visitor_id is not None:
            browser = self._subjects.pop((False, tried.visitor_id), None)
            if browser is not None:
                subject.unite(browser, tried.at)
        return subject

    def _end(self, tried: Tried, other: _Count) -> datetime:
        """Return when the window that just began ends; one begun by unknown reads, at the latest with the real one."""
        ends_at = self._catalog.window_at(tried.at).ends_at.astimezone(UTC)
        return min(ends_at, tried.resets_at) if other.unknown else ends_at

    def _limit(self, tried: Tried) -> int:
        meter = self._catalog.meter
        return (meter.limit_reader if tried.signed_in else meter.limit_visitor) + tried.added

    def _most(self, tried: Tried) -> int:
        """Return how many reads may be guessed: a browser that signed in may have had more than its reader."""
        return max(self._catalog.meter.limit_visitor, self._catalog.meter.limit_reader) + tried.added

    def _tell(self, tried: Tried, opened: bool) -> None:
        day = self.days.setdefault(tried.at.astimezone(self._catalog.zone).date(), Day())
        day.reads += tried.counted
        day.walls += not tried.counted
        day.gained += tried.counted and not opened
        day.lost += opened and not tried.counted


def with_meter(
    catalog: Catalog,
    *,
    limit_visitor: int | None = None,
    limit_reader: int | None = None,
    window: str | None = None,
    rolling_days: int | None = None,
) -> Catalog:
    """Return the catalog with another meter; what is None stays as it is. `rolling_days` is a rolling window's."""
    meter = catalog.meter
    kind = window or meter.window
    days = meter.rolling_days if rolling_days is None else rolling_days
    other = replace(
        meter,
        limit_visitor=meter.limit_visitor if limit_visitor is None else limit_visitor,
        limit_reader=meter.limit_reader if limit_reader is None else limit_reader,
        window=kind,
        rolling_days=days if kind == ROLLING else 0,
    )
    return replace(catalog, meter=other)


def _keep_in_step(subject: _Subject, tried: Tried, *, most: int) -> None:
    """Bring the real count to what the meter said just before this try, and the other one along."""
    real, other = subject.real, subject.other
    if not tried.counted and tried.article_id in real.articles:  # read, and walled since: the meter was emptied
        real.empty(unknown=tried.used)
        other.empty(unknown=min(tried.used, most))
        return
    lacking = (tried.used - 1 if tried.counted else tried.used) - real.size
    if lacking > 0:
        real.unknown += lacking
        other.unknown += max(0, min(lacking, most - other.size))
    elif lacking < 0 and tried.counted:  # an older wall's `used` stops at the limit, and tells of no surplus
        if -lacking > real.unknown:  # more than was guessed, so the meter itself was emptied
            real.empty(unknown=tried.used - 1)
            other.empty(unknown=tried.used - 1)
            return
        real.unknown += lacking
        other.unknown = max(0, other.unknown + lacking)
