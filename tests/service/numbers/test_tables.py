"""From counts to what is shown: rounding, shares, cohorts, and every row in its place."""

from __future__ import annotations

from datetime import date
from xml.etree import ElementTree

import pytest

from service.numbers.figures import FIGURES, Cohort, FigureId
from service.numbers.tables import MOST_ARTICLES, Counts, Span, Table, chart_of, rounded, share, table_of

PLANS = ["monthly", "annual"]
SPAN = Span(first=date(2026, 11, 20), last=date(2026, 11, 22))
DAY = date(2026, 11, 21)


def shown(figure: FigureId, counts: Counts, span: Span = SPAN) -> Table:
    return table_of(figure, counts, span, PLANS)


def test_every_day_has_its_row_and_every_plan_its_column() -> None:
    """Also plans that are no longer on offer, and days on which nothing was; all of it is added up."""
    table = shown(FigureId.ACTIVE, {(DAY, "plan monthly"): 3, (DAY, "plan old"): 1, (DAY, "trial"): 2})
    assert [column.name for column in table.columns] == [
        "day", "paying_monthly", "paying_annual", "paying_old", "in_trial", "all",
    ]  # fmt: skip
    assert table.rows[0] == [date(2026, 11, 20), 0, 0, 0, 0, 0]
    assert table.rows[1] == [DAY, 3, 0, 1, 2, 6]


@pytest.mark.parametrize(("twelfths", "minor"), [(0, 0), (5, 0), (6, 1), (17, 1), (18, 2), (12 * 580 + 3 * 1990, 1078)])
def test_revenue_is_rounded_once_half_up(twelfths: int, minor: int) -> None:
    """2 × 290 + 3 × 1990/12 is 1077.5: 1078."""
    assert rounded(twelfths) == minor


def test_revenue_is_told_in_money_and_kept_in_minor_units() -> None:
    """The column's name says which, for a spreadsheet; a currency without minor units too."""
    table = shown(FigureId.MRR, {(DAY, "usd"): 12 * 580 + 3 * 1990, (DAY, "jpy"): 12 * 300})
    assert [column.name for column in table.columns] == ["day", "mrr_jpy_minor", "mrr_usd_minor"]
    assert table.rows[1] == [DAY, 300, 1078]
    assert table.columns[2].tell(1078) == "$10.78"
    assert table.columns[0].tell(DAY) == "2026-11-21"


@pytest.mark.parametrize(("cohort", "began"), [(Cohort.WEEK, date(2026, 11, 16)), (Cohort.MONTH, date(2026, 11, 1))])
def test_trials_are_put_together_by_week_or_month(cohort: Cohort, began: date) -> None:
    """Of ten begun on two days four paid and one runs: four of nine, 44.4 %, days before the span too."""
    counts = {
        (date(2026, 11, 16), "started"): 6, (date(2026, 11, 16), "converted"): 3,
        (DAY, "started"): 4, (DAY, "converted"): 1, (DAY, "running"): 1,
    }  # fmt: skip
    span = Span(first=SPAN.first, last=SPAN.last, cohort=cohort)
    (row,) = shown(FigureId.TRIALS, counts, span).rows
    assert row == [began, 10, 4, 1, 5, 44.4]


def test_a_cohort_that_still_runs_has_no_rate_yet() -> None:
    """Nothing divided by nothing is not nought."""
    (row,) = shown(FigureId.TRIALS, {(DAY, "started"): 2, (DAY, "running"): 2}).rows
    assert row[-1] is None
    assert shown(FigureId.TRIALS, {}).columns[-1].tell(None) == "–"


def test_churn_is_a_share_of_the_months_beginning() -> None:
    """One of four: 25 %; thirteen months, the oldest first."""
    month = date(2026, 11, 1)
    table = shown(FigureId.CHURN, {(month, "at_start"): 4, (month, "ended"): 1})
    assert (len(table.rows), table.rows[-1]) == (13, [month, 4, 1, 25.0])
    assert table.rows[0] == [date(2025, 11, 1), 0, 0, None]
    assert table.columns[-1].tell(25.0) == "25.0 %"


def test_a_share_is_drawn_as_one() -> None:
    """What a bar says of itself has its per cent, whole or not."""
    counts = {(date(2026, 11, 1), "at_start"): 8, (date(2026, 11, 1), "ended"): 1,
              (date(2026, 10, 1), "at_start"): 4, (date(2026, 10, 1), "ended"): 1}  # fmt: skip
    drawing = chart_of(shown(FigureId.CHURN, counts), "Churn", "described")
    assert "2026-11-01: 12.5 % Churn" in drawing
    assert "2026-10-01: 25 % Churn" in drawing


def test_failed_payments_and_walls_are_told_by_day() -> None:
    """Each in the columns of what became of them, or of what was asked for."""
    failed = shown(FigureId.FAILED_PAYMENTS, {(DAY, "failed"): 3, (DAY, "recovered"): 2, (DAY, "retried"): 1})
    assert failed.rows[1] == [DAY, 3, 2, 1, 0]
    walled = shown(FigureId.WALLS, {(DAY, "register"): 1500, (DAY, "subscribe"): 2})
    assert walled.rows[1] == [DAY, 2, 1500, 1502]
    assert walled.columns[1].tell(1500) == "1,500"


def test_articles_are_ranked_and_the_first_fifty_shown() -> None:
    """By how many subscriptions they led to, within the days asked for; an id may hold spaces."""
    counts = {
        (DAY, "wall long read"): 2,
        (DAY, "read long read"): 1,
        (DAY, "wall b"): 3,
        (date(2026, 1, 1), "wall c"): 9,
    }
    rows = shown(FigureId.ARTICLES, counts).rows
    assert rows == [[1, "b", 3, 0, 3], [2, "long read", 2, 1, 3]]
    many = {(DAY, f"wall a{number}"): 1 for number in range(80)}
    assert len(shown(FigureId.ARTICLES, many).rows) == MOST_ARTICLES


def test_a_share_is_to_one_decimal() -> None:
    """A third is 33.3 %."""
    assert (share(1, 3), share(0, 5), share(0, 0)) == (33.3, 0.0, None)


@pytest.mark.parametrize("figure", FigureId)
@pytest.mark.parametrize("counts", [{}, {(DAY, "usd"): 7}, {(DAY, "wall <a>"): 2, (DAY, "plan monthly"): 2}])
def test_every_figure_can_be_drawn(figure: FigureId, counts: Counts) -> None:
    """Also when there is nothing; with a title, a description and no markup of anybody's."""
    table = shown(figure, counts)
    drawing = chart_of(table, FIGURES[figure].title, "described")
    parsed = ElementTree.fromstring(drawing)  # noqa: S314 - our own drawing
    assert parsed.findtext("{http://www.w3.org/2000/svg}title") == FIGURES[figure].title
    assert parsed.findtext("{http://www.w3.org/2000/svg}desc") == "described"
    assert "style=" not in drawing


def test_every_figure_has_a_definition() -> None:
    """Whole sentences, beside the numbers wherever they are shown."""
    assert FIGURES.keys() == set(FigureId)
    assert all(each.definition.endswith(".") and len(each.definition) > 100 for each in FIGURES.values())
