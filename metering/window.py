"""The calendar period in which distinct articles are counted, cut in the publication's time zone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, kw_only=True)
class Window:
    """One period: `starts_at <= now < ends_at`. `id` is part of the Redis key, such as `month-2026-11`."""

    kind: str
    id: str
    starts_at: datetime
    ends_at: datetime


def window_at(kind: str, now: datetime, zone: ZoneInfo) -> Window:
    """Return the window of `kind` (day, week, month) that holds `now`; its instants carry `zone`."""
    raise NotImplementedError
