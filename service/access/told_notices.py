"""When the site first learned what a reader is to be told; what can't be remembered is told all the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.access.recent import Recent
from service.clocks import Clock
from service.domain.notices import Notice
from service.store import notices as store

KNOWN, BELIEVED_SECONDS = 10_000, 3600.0
"""How many notices a process knows to be on record: of those it asks PostgreSQL nothing for so long."""
log = structlog.get_logger("newsstand.notices")


class ToldNotices:
    """Keeps a row for each notice, written once; a site that asks at every page costs no further writes."""

    def __init__(self, engine: Engine, *, business_clock: Clock, wall_clock: Clock) -> None:
        self._engine = engine
        self._business_clock = business_clock
        self._wall_clock = wall_clock
        self._known = Recent[bool](size=KNOWN, seconds=BELIEVED_SECONDS)

    def note(self, reader_id: str, notices: Sequence[Notice]) -> None:
        """Remember that the site is being told these; never raises because that can't be written down."""
        now = self._wall_clock()
        new = [each for each in notices if not self._known.get(each.id, now.timestamp())]
        if new and self._written(reader_id, new, now):
            for each in new:
                self._known.add(each.id, True, now.timestamp())

    def _written(self, reader_id: str, new: Sequence[Notice], now: datetime) -> bool:
        try:
            with self._engine.begin() as connection:
                store.note(connection, reader_id, new, as_of=self._business_clock(), told_at=now)
        except SQLAlchemyError as error:
            log.warning("notices_unrecorded", exception=type(error).__name__, notices=len(new))
            return False
        return True
