"""Days and moments as people read them, in the publication's zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Dates:
    """Writes instants of `zone`; a day of another year than `told_at`'s has its year said."""

    zone: ZoneInfo
    told_at: datetime

    def day(self, at: datetime | None) -> str:
        """Return such as `3 December`, or `an unknown day`."""
        if at is None:
            return "an unknown day"
        local, told = at.astimezone(self.zone), self.told_at.astimezone(self.zone)
        return f"{local.day} {local:%B}" + ("" if local.year == told.year else f" {local.year}")

    def moment(self, at: datetime) -> str:
        """Return such as `3 December, 14:02`."""
        return f"{self.day(at)}, {at.astimezone(self.zone):%H:%M}"

    def month(self, at: datetime) -> str:
        """Return such as `November 2026`."""
        return f"{at.astimezone(self.zone):%B %Y}"
