"""Linking a browser to a reader: recorded in PostgreSQL, then aliased in Redis, then reads are united."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from metering.meter import MeterUnavailable
from metering.redis_meter import RedisMeter
from service.access.recent import Recent
from service.clocks import Clock
from service.domain.catalog import Catalog
from service.errors import Unavailable
from service.store.links import record_link

log = structlog.get_logger(__name__)

REMEMBERED = 50_000
BELIEVED_SECONDS = 600.0


class Links:
    """Links visitors to readers; a step that failed is made up for at the next decision with both ids."""

    def __init__(
        self,
        engine: Engine,
        meter: RedisMeter,
        catalog: Catalog,
        *,
        wall_clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._meter = meter
        self._catalog = catalog
        self._wall_clock = wall_clock
        self._monotonic = monotonic
        self._readers = Recent[str](size=REMEMBERED, seconds=BELIEVED_SECONDS)

    def link(self, reader_id: str, visitor_id: str, *, now: datetime) -> None:
        """Record the link and unite the reads; raises Unavailable when a part is down (safe to repeat)."""
        try:
            self._link(reader_id, visitor_id, now)
            self._readers.add(visitor_id, reader_id, self._monotonic())
        except (MeterUnavailable, SQLAlchemyError) as error:
            raise Unavailable("The link could not be recorded; try again.", code="link_unavailable") from error

    def ensure(self, reader_id: str, visitor_id: str, *, now: datetime, anew: bool = False) -> None:
        """Link them unless they are linked already; a part that is down never stands in a decision's way.

        What was found is believed for ten minutes, unless asked `anew`: Redis may have been emptied since.
        """
        if not anew and self._readers.get(visitor_id, self._monotonic()) == reader_id:
            return
        try:
            if not self._meter.linked_reader_is(visitor_id, reader_id, wall_now=self._wall_clock()):
                self._link(reader_id, visitor_id, now)
            self._readers.add(visitor_id, reader_id, self._monotonic())
        except (MeterUnavailable, SQLAlchemyError) as error:
            log.warning("link_postponed", error=type(error).__name__)

    def _link(self, reader_id: str, visitor_id: str, now: datetime) -> None:
        linked_at = self._wall_clock()
        with self._engine.begin() as connection:
            record_link(connection, visitor_id, reader_id, linked_at)
        window = self._catalog.window_at(now)
        self._meter.link(visitor_id, reader_id, linked_at=linked_at, window=window, now=now)
