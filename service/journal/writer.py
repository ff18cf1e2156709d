"""Copies what waits in the buffer into `decisions`: a batch in one statement, each row once however often tried."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from service.journal import partitions
from service.journal.buffer import Buffer
from service.journal.entry import Entry, row_of
from service.store.journal_tables import decisions
from service.unhurried import unhurried

BATCH = 250
WEIGHED_EVERY = 10_000
"""How many entries, about 3 MB, are written before the day is weighed again."""
_NO_PARTITION = "23514"

_COLUMNS = ", ".join(f'"{column.name}"' for column in decisions.columns)
# The columns are named: a later release's schema may have more of them.
_INSERT = text(
    f"insert into decisions ({_COLUMNS}) select {_COLUMNS} "  # noqa: S608 - our own columns' names
    "from json_populate_recordset(null::decisions, cast(:rows as json)) on conflict do nothing"
)


class Writer:
    """Empties a buffer. `written` and `lost` count entries, ever.

    Lost are those that PostgreSQL refuses for what they hold, and those of a day that takes `day_bytes` already: a
    flood of walls may not fill the disk that the record is on.
    """

    def __init__(self, engine: Engine, buffer: Buffer, *, day_bytes: int, weighed_every: int = WEIGHED_EVERY) -> None:
        self._engine = engine
        self._buffer = buffer
        self._day_bytes = day_bytes
        self._weighed_every = weighed_every
        self._weighed: tuple[date, bool] | None = None
        self._since_weighed = 0
        self.written = 0
        self.lost = 0

    def flush(self) -> None:
        """Write all that waits; raises what the database raises, and what was not written waits on."""
        while batch := self._buffer.take(BATCH):
            try:
                if self._is_full(batch[-1].recorded_at.date()):
                    self.lost += len(batch)
                else:
                    self._write(batch)
            except BaseException:
                self._buffer.give_back(batch)
                raise

    def _is_full(self, day: date) -> bool:
        """Tell whether the day was too large already when it was last weighed."""
        if self._weighed is None or self._weighed[0] != day or self._since_weighed >= self._weighed_every:
            with self._engine.connect() as connection:
                self._weighed = day, partitions.size_bytes(connection, day) >= self._day_bytes
            self._since_weighed = 0
        self._since_weighed += BATCH
        return self._weighed[1]

    def _write(self, batch: Sequence[Entry]) -> None:
        try:
            self._insert(batch)
        except IntegrityError as error:
            if _code(error) != _NO_PARTITION:
                raise
            with self._engine.begin() as connection:
                partitions.ensure(connection, {each.recorded_at.date() for each in batch})
            self._insert(batch)
        except DataError:
            self._write_the_sound(batch)

    def _write_the_sound(self, batch: Sequence[Entry]) -> None:
        """Halve the batch until the one entry is found that PostgreSQL cannot hold; the others are kept."""
        if len(batch) == 1:
            self.lost += 1
            return
        half = len(batch) // 2
        self._write(batch[:half])
        self._write(batch[half:])

    def _insert(self, batch: Sequence[Entry]) -> None:
        rows = f"[{','.join([json.dumps(row_of(each)) for each in unhurried(batch)])}]"
        with self._engine.begin() as connection:
            connection.execute(_INSERT, {"rows": rows})
        self.written += len(batch)


def _code(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
