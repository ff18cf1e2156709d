"""Billing periods: calendar months and years counted from an anchor, in UTC. Pure.

A subscription anchored on the 31st bills on the last day of shorter months and returns to the 31st, because every
boundary is counted from the anchor and never from the previous boundary.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

DAY_SECONDS = 86_400
HOUR_SECONDS = 3_600
_SECONDS = {"day": DAY_SECONDS, "week": 7 * DAY_SECONDS}
_MONTHS = {"month": 1, "year": 12}
Period = tuple[int, int]
"""(start, end) in Unix seconds."""


def plus(instant: int, interval: str, count: int) -> int:
    """Return the Unix second `count` intervals after `instant`; a negative count goes back."""
    if interval in _SECONDS:
        return instant + count * _SECONDS[interval]
    start = datetime.fromtimestamp(instant, UTC)
    months = start.month - 1 + count * _MONTHS[interval]
    year, month = start.year + months // 12, months % 12 + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def next_boundary(anchor: int, after: int, interval: str, count: int) -> int:
    """Return the first boundary strictly later than `after`, counted from `anchor` in steps of `count` intervals."""
    return plus(anchor, interval, _steps(anchor, after, interval, count) * count)


def whole_period(anchor: int, at: int, interval: str, count: int) -> Period:
    """Return the uncut period that ends with the first boundary later than `at`."""
    step = _steps(anchor, at, interval, count)
    return plus(anchor, interval, (step - 1) * count), plus(anchor, interval, step * count)


def _steps(anchor: int, after: int, interval: str, count: int) -> int:
    """Return how many periods lie between `anchor` and the first boundary later than `after`."""
    if anchor > after:
        return 0
    # Leap ahead: 366-day years and 31-day months never overshoot.
    longest = {"day": 1, "week": 7, "month": 31, "year": 366}[interval] * count * DAY_SECONDS
    step = max(1, (after - anchor) // longest)
    while plus(anchor, interval, step * count) <= after:
        step += 1
    return step
