"""`/support/numbers`: the publication's figures as plots people can look at, each with its definition and its table."""

from __future__ import annotations

from flask import Response
from markupsafe import Markup
from marshmallow import ValidationError

from service.api.numbers import FigureQuery, csv_headers, csv_of, shown
from service.console.desk import Desk
from service.console.frame import Page, Visit
from service.domain.staff import Role
from service.numbers.figures import FIGURES, Cohort, FigureId
from service.numbers.reading import Shown
from service.support.audit import Audited

SPANS = {30: "a month", 90: "three months", 400: "thirteen months"}
MOST_ROWS_SHOWN = 31
"""Of a table on the page; the whole of it is the CSV's."""


def show_numbers(desk: Desk, visit: Visit) -> Response:
    """Show one figure, or the list of all with the first of them."""
    given = {name: value for name, value in visit.query.items() if value}
    try:
        asked = FigureQuery().load(given)
    except ValidationError as error:
        faults = error.normalized_messages()  # type: ignore[no-untyped-call]
        return desk.page("numbers.html", visit, status=422, figures=FIGURES, faults=faults, spans=SPANS, asked=given)
    found = shown(desk.services, FigureId(asked["figure"]), asked)
    return desk.page(
        "numbers.html", visit, figures=FIGURES, found=found, spans=SPANS, asked=asked, cohorts=list(Cohort),
        chart=_chart(found), rows=_rows(found), shown_rows=MOST_ROWS_SHOWN, now=desk.now(),
    )  # fmt: skip


def export_numbers(desk: Desk, visit: Visit) -> Response:
    """Send one figure's table."""
    asked = FigureQuery().load(dict(visit.query))
    found = shown(desk.services, FigureId(asked["figure"]), asked)
    return Response(csv_of(found), mimetype="text/csv", headers=csv_headers(found))


def _chart(found: Shown) -> Markup:
    return Markup(found.chart)  # noqa: S704 - our own drawing, which escapes what it is given


def _rows(found: Shown) -> list[list[str]]:
    """Return the newest rows as texts; those of a ranking from its top."""
    columns, rows = found.table.columns, found.table.rows
    newest = rows[:MOST_ROWS_SHOWN] if found.figure.id is FigureId.ARTICLES else rows[::-1][:MOST_ROWS_SHOWN]
    return [[column.tell(cell) for column, cell in zip(columns, row, strict=True)] for row in newest]


PAGES = (
    Page(
        method="GET", path="/support/numbers", name="numbers", role=Role.VIEWER, audited=None, view=show_numbers,
        nav="Numbers",
    ),
    Page(
        method="GET", path="/support/numbers.csv", name="export_numbers", role=Role.VIEWER,
        audited=Audited(act="numbers.export"), view=export_numbers,
    ),
)  # fmt: skip
