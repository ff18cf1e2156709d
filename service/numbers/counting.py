"""What the worker does every ten minutes: count everything, and put it where a page finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Table, delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from service.clocks import Clock
from service.journal import partitions
from service.numbers import journal, record
from service.numbers.record import Count
from service.store.number_tables import counted, daily_numbers, journal_numbers
from service.store.runs import alone

DEADLINE_SECONDS = 600.0
"""How long PostgreSQL may take over one pass of a large paper's tables."""
RECORD, JOURNAL = "record", "journal"
_BATCH = 1000


class Counting:
    """Counts as of both clocks. `connect` makes the engine it counts through, which must be a patient one."""

    def __init__(self, connect: Callable[[], Engine], *, zone: ZoneInfo, business_clock: Clock, wall_clock: Clock):
        self._connect = connect
        self._zone = zone
        self._business_clock = business_clock
        self._wall_clock = wall_clock

    def count(self) -> bool:
        """Count all, and tell whether it was done: not while another process is at it."""
        engine = self._connect()
        try:
            with alone(engine, "numbers") as mine:
                if mine:
                    self._count_record(engine)
                    self._count_journal(engine)
            return mine
        finally:
            engine.dispose()

    def _count_record(self, engine: Engine) -> None:
        now = self._business_clock()
        with engine.begin() as connection:
            found = list(record.counts(connection, self._zone, now))
            connection.execute(delete(daily_numbers))
            _keep(connection, daily_numbers, found)
            self._note(connection, RECORD, now)

    def _count_journal(self, engine: Engine) -> None:
        now = self._business_clock()
        with engine.connect() as connection:
            days = self._days(connection)
        for day in days:
            with engine.begin() as connection:
                self._count_day(connection, journal.RecordedDay(day=day))
        with engine.begin() as connection:
            self._note(connection, JOURNAL, now)

    def _days(self, connection: Connection) -> Sequence[date]:
        """Return the journal's days whose counts may have grown since they were last counted."""
        last = connection.scalar(select(counted.c.counted_at).where(counted.c.source == JOURNAL))
        today = self._wall_clock().astimezone(UTC).date()
        since = last.astimezone(UTC).date() - timedelta(days=journal.UNSETTLED_DAYS) if last else date.min
        return [day for day in partitions.present(connection) if since <= day <= today]

    def _count_day(self, connection: Connection, day: journal.RecordedDay) -> None:
        found = [*journal.walls(connection, day, self._zone), *journal.articles(connection, day, self._zone)]
        connection.execute(delete(journal_numbers).where(journal_numbers.c.recorded_on == day.day))
        _keep(connection, journal_numbers, found, recorded_on=day.day)

    def _note(self, connection: Connection, source: str, as_of: datetime) -> None:
        values = {"as_of": as_of, "counted_at": self._wall_clock()}
        statement = upsert(counted).values(source=source, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=values))


def _keep(connection: Connection, table: Table, found: Iterable[Count], **same: Any) -> None:
    rows = [{"figure": each.figure, "day": each.day, "key": each.key, "value": each.value} | same for each in found]
    for some in _batches(rows):
        connection.execute(insert(table), some)


def _batches(rows: Sequence[dict[str, Any]]) -> Iterable[Sequence[dict[str, Any]]]:
    return (rows[first : first + _BATCH] for first in range(0, len(rows), _BATCH))
