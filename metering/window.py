"""The period in which distinct articles are counted, cut in the publication's time zone. Pure.

A day, a week or a month is the calendar's, the same for everybody. A rolling window is the subject's own: so many times
24 hours from the first counted read. Where a running one lies is told by epochs, stretches of time as long as the
window: it was begun in the present epoch or in the one before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
ROLLING = "rolling"


@dataclass(frozen=True, kw_only=True)
class Window:
    """One period: `starts_at <= now < ends_at`. `id` is part of the Redis key, such as `month-2026-11`.

    A rolling window as asked for begins at `now`, to the second; one already running may lie under `earlier_id`.
    Who is seen now is marked as seen in `marked_in`; who was in `marked_before` is known still. These are windows; for
    rolling ones twice their length, so that everybody is known until a window after their own has passed.
    """

    kind: str
    id: str
    starts_at: datetime
    ends_at: datetime
    earlier_id: str | None = None
    marked_in: str = field(default="", compare=False)  # follow from the others, and are not always known
    marked_before: str = field(default="", compare=False)

    @cached_property
    def length(self) -> timedelta:
        """Return how long it really lasts, whatever clocks are put forward or back in it."""
        return self.ends_at.astimezone(UTC) - self.starts_at.astimezone(UTC)

    @cached_property
    def length_seconds(self) -> int:
        """Return how many whole seconds it lasts."""
        return int(self.length.total_seconds())

    @cached_property
    def ends_second(self) -> int:
        """Return its end as a second of Unix time."""
        return int(self.ends_at.timestamp())

    @property
    def reaches_back_to(self) -> datetime:
        """Return the earliest instant whose reads may count now."""
        return self.starts_at if self.earlier_id is None else self.starts_at.astimezone(UTC) - self.length

    def begun_at(self, starts_at: datetime) -> Window:
        """Return the rolling window that a subject began at `starts_at`."""
        zone = self.ends_at.tzinfo
        ends_at = starts_at.astimezone(UTC) + self.length
        return replace(self, starts_at=starts_at.astimezone(zone), ends_at=ends_at.astimezone(zone))


@dataclass(frozen=True)
class _Calendar:
    """How one kind of window is cut: its first day from any of its days, the next one's, and its id."""

    first_day: Callable[[date, int], date]
    next_first_day: Callable[[date], date]
    id_format: str


_CALENDARS = {
    "day": _Calendar(lambda day, _: day, lambda first: first + DAY, "day-%Y-%m-%d"),
    "week": _Calendar(
        lambda day, first_weekday: day - DAY * ((day.weekday() - first_weekday) % 7),
        lambda first: first + 7 * DAY,
        "week-%Y-%m-%d",
    ),
    "month": _Calendar(
        lambda day, _: day.replace(day=1),
        lambda first: (first + 31 * DAY).replace(day=1),
        "month-%Y-%m",
    ),
}
KINDS = frozenset({*_CALENDARS, ROLLING})


def window_at(kind: str, now: datetime, zone: ZoneInfo, first_weekday: int = 0, days: int = 0) -> Window:
    """Return the window of `kind` (day, week, month, rolling) that holds `now`; its instants carry `zone`.

    `now` is aware. `first_weekday` is 0 for Monday to 6 for Sunday and matters to weeks alone; `days` is a rolling
    window's length. A calendar's windows tile time: each ends where the next begins. Raises ValueError for other kinds.
    """
    if kind not in KINDS:
        raise ValueError(f"a window is one of {', '.join(sorted(KINDS))}, not {kind!r}")
    if kind == ROLLING:
        return _rolling(now, zone, days)
    instant = now.astimezone(UTC)
    today = instant.astimezone(zone).date()
    # Where a clock is put back across midnight, a minute of "yesterday" follows today's first midnight. Windows are
    # cut by instants, not by what the clock shows, so the neighbours are looked at too.
    candidates = (_window(kind, day, zone, first_weekday) for day in (today, today + DAY, today - DAY))
    return next(window for window in candidates if window.starts_at.astimezone(UTC) <= instant < _end(window))


class Windows:
    """The windows of one kind, for who asks about one instant after the other: the last one found is remembered."""

    def __init__(self, kind: str, zone: ZoneInfo, first_weekday: int = 0, days: int = 0) -> None:
        self._terms = kind, zone, first_weekday, days
        self._last: tuple[datetime, datetime, Window] | None = None

    def at(self, now: datetime) -> Window:
        """Return what `window_at` does; of a calendar's windows the very same object while `now` lies in it."""
        last = self._last
        if last is not None and last[0] <= now < last[1]:
            return last[2]
        kind, zone, first_weekday, days = self._terms
        window = window_at(kind, now, zone, first_weekday, days)
        if kind != ROLLING:
            self._last = window.starts_at.astimezone(UTC), window.ends_at.astimezone(UTC), window
        return window


def _rolling(now: datetime, zone: ZoneInfo, days: int) -> Window:
    if days < 1:
        raise ValueError(f"a rolling window has a number of days, not {days}")
    starts_at = now.astimezone(UTC).replace(microsecond=0)
    epoch = int(starts_at.timestamp()) // (days * 86_400)
    return Window(
        kind=ROLLING,
        id=f"{ROLLING}-{days}-{epoch}",
        starts_at=starts_at.astimezone(zone),
        ends_at=(starts_at + days * DAY).astimezone(zone),
        earlier_id=f"{ROLLING}-{days}-{epoch - 1}",
        marked_in=f"{ROLLING}-{2 * days}-{epoch // 2}",
        marked_before=f"{ROLLING}-{2 * days}-{epoch // 2 - 1}",
    )


def _end(window: Window) -> datetime:
    # Two instants that carry the same zone are compared by what the clock shows; in UTC they are compared as instants.
    return window.ends_at.astimezone(UTC)


@lru_cache(maxsize=256)  # every page view asks for today's, and each costs four conversions between zones
def _window(kind: str, day: date, zone: ZoneInfo, first_weekday: int) -> Window:
    calendar = _CALENDARS[kind]
    first = calendar.first_day(day, first_weekday)
    name = first.strftime(calendar.id_format)
    return Window(
        kind=kind,
        id=name,
        starts_at=_midnight(first, zone),
        ends_at=_midnight(calendar.next_first_day(first), zone),
        marked_in=name,
        marked_before=calendar.first_day(first - DAY, first_weekday).strftime(calendar.id_format),
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which `day` begins; where the clock skips midnight, the moment it is put forward."""
    return datetime.combine(day, time(), zone).astimezone(UTC).astimezone(zone)
