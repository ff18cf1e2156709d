"""Free articles beyond the limit, that staff gave for one window."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

MOST_ARTICLES = 100
"""In force at once; a copy in Redis holds no more than 127 (metering/layout.py)."""


@dataclass(frozen=True, kw_only=True)
class Bonus:
    """So many articles beyond the limit, from `from_at` until `until_at`, of business time."""

    articles: int
    from_at: datetime
    until_at: datetime


def in_force(bonuses: Iterable[Bonus], now: datetime) -> tuple[int, datetime | None]:
    """Return how many articles they add at `now`, at most `MOST_ARTICLES`, and until when that is so; None without."""
    given = [each for each in bonuses if each.from_at <= now < each.until_at]
    articles = min(MOST_ARTICLES, sum(each.articles for each in given))
    return articles, min((each.until_at for each in given), default=None)
