"""Figures as they were last counted: what a page, the API and a spreadsheet are given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select

from service.clocks import Clock
from service.domain.catalog import Catalog
from service.numbers.figures import FIGURES, Cohort, Figure, FigureId
from service.numbers.record import KEPT_DAYS, months
from service.numbers.tables import Counts, Span, Table, chart_of, cohort_of, table_of
from service.store.number_tables import counted, daily_numbers, journal_numbers

_WHOLE = {FigureId.CHURN, FigureId.TRIALS}
"""Figures whose periods may begin before the days asked for."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A figure of a span. `as_of` (business time) and `counted_at` (wall time) are None before the first count."""

    figure: Figure
    span: Span
    table: Table
    as_of: datetime | None
    counted_at: datetime | None

    @property
    def chart(self) -> str:
        """Return the table drawn, as SVG."""
        said = f"{len(self.table.rows)} rows; the same numbers stand in the table below it."
        return chart_of(self.table, self.figure.title, said)


class Numbers:
    """Reads what the worker has counted; counts nothing itself."""

    def __init__(self, engine: Engine, catalog: Catalog, business_clock: Clock) -> None:
        self._engine = engine
        self._catalog = catalog
        self._business_clock = business_clock

    def show(self, figure_id: FigureId, *, days: int, cohort: Cohort = Cohort.WEEK) -> Shown:
        """Return one figure of the last `days`, at most `KEPT_DAYS`, that of the last count included."""
        figure = FIGURES[figure_id]
        query = select(counted.c.as_of, counted.c.counted_at).where(counted.c.source == figure.source)
        with self._engine.connect() as connection:
            told = connection.execute(query).first()
            span = self._span(min(days, KEPT_DAYS), cohort, told.as_of if told else None)
            counts = self._counts(connection, figure, span)
        plans = [plan.id for plan in self._catalog.plans]
        return Shown(
            figure=figure, span=span, table=table_of(figure_id, counts, span, plans),
            as_of=told.as_of if told else None, counted_at=told.counted_at if told else None,
        )  # fmt: skip

    def _span(self, days: int, cohort: Cohort, as_of: datetime | None) -> Span:
        """Return the days up to the last count's: of a day that came since nothing is known, and 0 would be a claim."""
        now = self._business_clock()
        last = min(as_of or now, now).astimezone(self._catalog.zone).date()
        return Span(first=last - timedelta(days=days - 1), last=last, cohort=cohort)

    def _counts(self, connection: Connection, figure: Figure, span: Span) -> Counts:
        first = min(cohort_of(span.first, span.cohort), *months(span.last)) if figure.id in _WHOLE else span.first
        table = journal_numbers if figure.source == "journal" else daily_numbers
        row = table.c
        query = (
            select(row.day, row.key, func.sum(row.value).label("value"))
            .where(row.figure == figure.id.value, row.day >= first, row.day <= span.last)
            .group_by(row.day, row.key)
        )
        return {(each.day, each.key): int(each.value) for each in connection.execute(query)}
