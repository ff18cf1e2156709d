"""Support's view of drift: where our record was found to differ from Stripe, and whether it was repaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from service.store import drift, runs
from service.store.runs import LOOKING, REPAIRING, Finished, Unfinished

PAGE = 50


@dataclass(frozen=True, kw_only=True)
class DriftPage:
    """Rows of `drift`, newest first, each with the `reader_id` whose it is. `next_before` is None on the last page."""

    rows: Sequence[dict[str, Any]]
    next_before: int | None
    last_run: Finished | None = None
    """The comparison that ended last; None before the first."""
    under_way: Unfinished | None = None
    open: int = 0
    """Differences not repaired yet, at most `COUNTED`."""

    @property
    def reader_ids(self) -> list[str]:
        """Return whom the page names."""
        return [row["reader_id"] for row in self.rows if row["reader_id"] is not None]


COUNTED = 10_000


class DriftReport:
    """Shows what reconciling has found."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, before: int | None) -> DriftPage:
        """Return the newest differences, those found before row `before` when given."""
        with self._engine.connect() as connection:
            rows = drift.latest(connection, before_id=before, limit=PAGE + 1)
            shown = rows[:PAGE]
            return DriftPage(
                rows=shown,
                next_before=shown[-1]["id"] if len(rows) > PAGE else None,
                last_run=runs.last_finished(connection, (LOOKING, REPAIRING)),
                under_way=runs.unfinished(connection, (LOOKING, REPAIRING)),
                open=drift.count_open(connection, COUNTED),
            )
