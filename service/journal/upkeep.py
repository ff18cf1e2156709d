"""The journal's housekeeping: tomorrow's partition today, and none longer than promised."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Engine

from service import metrics
from service.domain.catalog import Catalog
from service.journal import partitions
from service.store.database import database_clock

log = structlog.get_logger(__name__)

DAYS_AHEAD = 3
"""What a worker that is away over a weekend leaves behind; after that, writers make a day when they need it."""
CLOCKS_AGREE_WITHIN = timedelta(seconds=300)
"""Stripe's tolerance too: a host further off refuses genuine webhooks."""


class Upkeep:
    """Makes partitions ahead and drops those past the meter's window and `tail_days`.

    What is dropped is gone for good, so two clocks must agree that it is due: the caller's and PostgreSQL's.
    """

    def __init__(
        self,
        engine: Engine,
        catalog: Catalog,
        *,
        tail_days: int,
        database_clock: Callable[[Engine], datetime] = database_clock,
    ) -> None:
        self._engine = engine
        self._catalog = catalog
        self._tail = timedelta(days=tail_days)
        self._database_clock = database_clock

    def tend(self, wall_now: datetime) -> int:
        """Bring the partitions in step with `wall_now`; return how many days were forgotten.

        Raises OperationalError when somebody reads the journal for long: the next round makes up for it.
        """
        today = wall_now.astimezone(UTC).date()
        with self._engine.begin() as connection:
            partitions.ensure(connection, [today + partitions.DAY * ahead for ahead in range(DAYS_AHEAD + 1)])
        counted_since = self._catalog.window_at(self._agreed(wall_now)).reaches_back_to
        return partitions.drop_before(self._engine, (counted_since.astimezone(UTC) - self._tail).date())

    def _agreed(self, wall_now: datetime) -> datetime:
        """Return the earlier of the two clocks; tell when they are far apart."""
        theirs = self._database_clock(self._engine)
        if abs(wall_now - theirs) > CLOCKS_AGREE_WITHIN:
            metrics.count_clocks_apart()
            log.error("clocks_disagree", worker_at=wall_now.isoformat(), database_at=theirs.isoformat())
        return min(wall_now, theirs)
