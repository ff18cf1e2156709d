"""The journal's housekeeping: tomorrow's partition today, and none longer than promised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from service.domain.catalog import Catalog
from service.journal import partitions

DAYS_AHEAD = 3
"""What a worker that is away over a weekend leaves behind; after that, writers make a day when they need it."""


class Upkeep:
    """Makes partitions ahead and drops those past the meter's window and `tail_days`."""

    def __init__(self, engine: Engine, catalog: Catalog, *, tail_days: int) -> None:
        self._engine = engine
        self._catalog = catalog
        self._tail = timedelta(days=tail_days)

    def tend(self, wall_now: datetime) -> int:
        """Bring the partitions in step with `wall_now`; return how many days were forgotten.

        Raises OperationalError when somebody reads the journal for long: the next round makes up for it.
        """
        today = wall_now.astimezone(UTC).date()
        with self._engine.begin() as connection:
            partitions.ensure(connection, [today + partitions.DAY * ahead for ahead in range(DAYS_AHEAD + 1)])
        counted_since = self._catalog.window_at(wall_now).reaches_back_to
        return partitions.drop_before(self._engine, (counted_since.astimezone(UTC) - self._tail).date())
