"""From what was counted to the table of a figure, and the chart of that table. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from service.domain.money import Money
from service.numbers.figures import Cohort, FigureId
from service.numbers.record import PLAN, TRIAL, months
from service.plots.charts import bars, lines
from service.plots.paper import Chart, Series

Counts = Mapping[tuple[date, str], int]
Cell = date | int | float | str | None
Row = Sequence[Cell]
MOST_ARTICLES = 50
DRAWN_ARTICLES = 12
_TWELVE = 12


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: `name` for machines, `label` for people. `currency` makes its integers money in minor units."""

    name: str
    label: str
    currency: str | None = None
    percent: bool = False

    def tell(self, cell: Cell) -> str:
        """Return a cell as people read it."""
        if cell is None:
            return "–"
        if self.currency is not None and isinstance(cell, int):
            return Money(cell, self.currency).display
        if self.percent:
            return f"{cell} %"
        return f"{cell:,}" if isinstance(cell, int) else str(cell)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A figure's numbers. `drawn` are the columns that its chart shows, as bars unless `as_lines`."""

    columns: Sequence[Column]
    rows: Sequence[Row]
    drawn: Sequence[str] = ()
    as_lines: bool = False
    unit: str = ""
    axis: str = "day"


@dataclass(frozen=True, kw_only=True)
class Span:
    """Which days are asked for, both included, and how trials are put together."""

    first: date
    last: date
    cohort: Cohort = Cohort.WEEK

    @property
    def days(self) -> Sequence[date]:
        """Return every day of it."""
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]


def table_of(figure: FigureId, counts: Counts, span: Span, plans: Sequence[str]) -> Table:
    """Return the figure's table; `plans` are those on sale, in the order in which they are shown."""
    builders: dict[FigureId, Callable[[], Table]] = {
        FigureId.ACTIVE: lambda: _active(counts, span, plans),
        FigureId.MRR: lambda: _mrr(counts, span),
        FigureId.TRIALS: lambda: _trials(counts, span),
        FigureId.CHURN: lambda: _churn(counts, span),
        FigureId.FAILED_PAYMENTS: lambda: _failed(counts, span),
        FigureId.WALLS: lambda: _walls(counts, span),
        FigureId.ARTICLES: lambda: _articles(counts, span),
    }
    return builders[figure]()


def chart_of(table: Table, title: str, description: str) -> str:
    """Return the table's chart as SVG."""
    places = {column.name: place for place, column in enumerate(table.columns)}
    shown = table.rows[:DRAWN_ARTICLES] if table.axis == "place" else table.rows
    series = [
        Series(name=table.columns[places[name]].label, values=[_number(row[places[name]]) for row in shown])
        for name in table.drawn
    ]
    tell = table.columns[places[table.drawn[0]]].tell if table.drawn else str
    chart = Chart(
        title=title, description=description, labels=[str(row[0]) for row in shown], series=series, unit=table.unit,
        axis=table.axis, tell=lambda value: tell(round(value) if value == round(value) else value),
    )  # fmt: skip
    return lines(chart) if table.as_lines else bars(chart)


def rounded(twelfths: int) -> int:
    """Return twelfths of a minor unit as minor units, half up."""
    return (2 * twelfths + _TWELVE) // (2 * _TWELVE)


def share(part: int, whole: int) -> float | None:
    """Return the share in per cent, to one decimal; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


_DAY = Column(name="day", label="Day")


def _active(counts: Counts, span: Span, plans: Sequence[str]) -> Table:
    keys = {key.removeprefix(PLAN) for _, key in counts if key.startswith(PLAN)}
    known = [*plans, *sorted(keys - set(plans))]
    columns = [Column(name=f"paying_{plan}", label=f"Paying, {plan}") for plan in known]
    rows: list[Row] = []
    for day in span.days:
        paying = [counts.get((day, f"{PLAN}{plan}"), 0) for plan in known]
        trial = counts.get((day, TRIAL), 0)
        rows.append([day, *paying, trial, sum(paying) + trial])
    more = [Column(name="in_trial", label="In a trial"), Column(name="all", label="All")]
    return Table(
        columns=[_DAY, *columns, *more], rows=rows, drawn=[*(each.name for each in columns), "in_trial"], as_lines=True,
        unit="subscriptions",
    )  # fmt: skip


def _mrr(counts: Counts, span: Span) -> Table:
    currencies = sorted({key for _, key in counts if key})
    columns = [Column(name=f"mrr_{each}_minor", label=f"A month, {each.upper()}", currency=each) for each in currencies]
    rows: list[Row] = [[day, *(rounded(counts.get((day, each), 0)) for each in currencies)] for day in span.days]
    return Table(
        columns=[_DAY, *columns], rows=rows, drawn=[each.name for each in columns], as_lines=True, unit="a month"
    )


def _trials(counts: Counts, span: Span) -> Table:
    sums: defaultdict[date, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (day, key), value in counts.items():
        sums[cohort_of(day, span.cohort)][key] += value
    rows: list[Row] = []
    for cohort in cohorts(span):
        found = sums[cohort]
        over = found["started"] - found["running"]
        lapsed = over - found["converted"]
        rate = share(found["converted"], over)
        rows.append([cohort, found["started"], found["converted"], found["running"], lapsed, rate])
    columns = [
        Column(name="began", label=f"{span.cohort.value.capitalize()} from"),
        Column(name="started", label="Started"),
        Column(name="converted", label="Converted"),
        Column(name="running", label="Running"),
        Column(name="lapsed", label="Not converted"),
        Column(name="rate_percent", label="Rate", percent=True),
    ]
    return Table(
        columns=columns, rows=rows, drawn=["converted", "running", "lapsed"], unit="trials", axis=span.cohort.value
    )


def cohort_of(day: date, cohort: Cohort) -> date:
    """Return the first day of the week or month that holds `day`."""
    return day.replace(day=1) if cohort is Cohort.MONTH else day - timedelta(days=day.weekday())


def cohorts(span: Span) -> Sequence[date]:
    """Return the weeks or months that the span touches, the oldest first."""
    return sorted({cohort_of(day, span.cohort) for day in span.days})


def _churn(counts: Counts, span: Span) -> Table:
    rows: list[Row] = []
    for month in reversed(months(span.last)):
        began, ended = counts.get((month, "at_start"), 0), counts.get((month, "ended"), 0)
        rows.append([month, began, ended, share(ended, began)])
    columns = [
        Column(name="month", label="Month from"),
        Column(name="at_start", label="Paying when it began"),
        Column(name="ended", label="Ended in it"),
        Column(name="rate_percent", label="Churn", percent=True),
    ]
    return Table(columns=columns, rows=rows, drawn=["rate_percent"], unit="per cent", axis="month")


def _failed(counts: Counts, span: Span) -> Table:
    kinds = {"recovered": "Recovered", "retried": "Still retried", "lost": "Lost"}
    columns = [Column(name=name, label=label) for name, label in kinds.items()]
    rows: list[Row] = [
        [day, counts.get((day, "failed"), 0), *(counts.get((day, name), 0) for name in kinds)] for day in span.days
    ]
    return Table(
        columns=[_DAY, Column(name="failed", label="Failed at first"), *columns], rows=rows, drawn=list(kinds),
        unit="invoices",
    )  # fmt: skip


def _walls(counts: Counts, span: Span) -> Table:
    kinds = {"subscribe": "Asked to subscribe", "register": "Asked to register"}
    rows: list[Row] = []
    for day in span.days:
        numbers = [counts.get((day, kind), 0) for kind in kinds]
        rows.append([day, *numbers, sum(numbers)])
    columns = [Column(name=name, label=label) for name, label in kinds.items()]
    all_ = Column(name="all", label="All")
    return Table(columns=[_DAY, *columns, all_], rows=rows, drawn=list(kinds), unit="walls")


def _articles(counts: Counts, span: Span) -> Table:
    sums: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (day, key), value in counts.items():
        if span.first <= day <= span.last:
            how, _, article = key.partition(" ")
            sums[article][how] += value
    ordered = sorted(sums.items(), key=lambda each: (-sum(each[1].values()), each[0]))[:MOST_ARTICLES]
    rows: list[Row] = [
        [place, article, found["wall"], found["read"], found["wall"] + found["read"]]
        for place, (article, found) in enumerate(ordered, start=1)
    ]
    columns = [
        Column(name="place", label="Place"),
        Column(name="article", label="Article"),
        Column(name="after_wall", label="After a wall"),
        Column(name="after_read", label="After reading it"),
        Column(name="subscriptions", label="Subscriptions"),
    ]
    return Table(columns=columns, rows=rows, drawn=["after_wall", "after_read"], unit="subscriptions", axis="place")


def _number(cell: Cell) -> float | None:
    return cell if isinstance(cell, int | float) else None
