"""Copies what waits in the buffer into `decisions`: a batch in one statement, each row once however often tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from service.journal import partitions
from service.journal.buffer import Buffer
from service.journal.entry import COLUMNS, Entry, row_of
from service.store.copying import copy_rows, insert_missing
from service.store.journal_tables import decisions
from service.unhurried import unhurried

BATCH = 250
WEIGHED_EVERY = 10_000
"""How many entries, about 3 MB, are written before the day is weighed again."""
_NO_PARTITION, _THERE_ALREADY = "23514", "23505"


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

    def flush(self, seconds: float = 0.0) -> None:
        """Write all that waits; raises what the database raises, and what was not written waits on.

        What waits now is written over about `seconds`: written at once, it would hold up every reader who comes then.
        """
        waiting = max(1, len(self._buffer))
        while batch := self._buffer.take(BATCH):
            before = self.written + self.lost
            try:
                if self._is_full(batch[-1].recorded_at.date()):
                    self.lost += len(batch)
                else:
                    self._write(batch, seconds * len(batch) / waiting)
            except BaseException:
                self._buffer.give_back(batch[self.written + self.lost - before :])  # a halved one goes from the front
                raise

    def _is_full(self, day: date) -> bool:
        """Tell whether the day was too large already when it was last weighed."""
        if self._weighed is None or self._weighed[0] != day or self._since_weighed >= self._weighed_every:
            with self._engine.connect() as connection:
                self._weighed = day, partitions.size_bytes(connection, day) >= self._day_bytes
            self._since_weighed = 0
        self._since_weighed += BATCH
        return self._weighed[1]

    def _write(self, batch: Sequence[Entry], seconds: float = 0.0) -> None:
        try:
            self._copy(batch, seconds)
        except (DataError, UnicodeEncodeError):
            self._write_the_sound(batch)

    def _copy(self, batch: Sequence[Entry], seconds: float) -> None:
        try:
            self._put(batch, copy_rows, seconds)
        except IntegrityError as error:
            if _code(error) not in (_NO_PARTITION, _THERE_ALREADY):
                raise
            with self._engine.begin() as connection:
                partitions.ensure(connection, {each.recorded_at.date() for each in batch})
            self._put(batch, insert_missing)  # a commit whose acknowledgement was lost is tried again

    def _write_the_sound(self, batch: Sequence[Entry]) -> None:
        """Halve the batch until the one entry is found that PostgreSQL cannot hold; the others are kept."""
        if len(batch) == 1:
            self.lost += 1
            return
        half = len(batch) // 2
        self._write(batch[:half])
        self._write(batch[half:])

    def _put(self, batch: Sequence[Entry], put: Callable[..., None], seconds: float = 0.0) -> None:
        with self._engine.begin() as connection:
            # The columns are named: a later release's schema may have more of them.
            put(connection, decisions.name, COLUMNS, map(row_of, unhurried(batch, seconds)))
        self.written += len(batch)


def _code(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
