"""`/v1/support/numbers`: the publication's figures, each with its definition; as JSON and as CSV."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from service.api import number_shapes
from service.api.fields import Choice
from service.api.operations import Call, Operation, Reply, answer
from service.api.present import maybe_instant
from service.api.services import Services
from service.numbers.figures import Cohort, FigureId
from service.numbers.reading import Shown
from service.numbers.record import KEPT_DAYS
from service.store.api_keys import Scope
from service.support.audit import Audited
from service.support.csv_export import lines_of

DAYS = 90


class NumbersQuery(Schema):
    days = fields.Integer(
        load_default=DAYS,
        validate=validate.Range(1, KEPT_DAYS),
        metadata={"description": "So many days back from today, in the publication's zone."},
    )
    cohort = Choice(
        *Cohort, load_default=Cohort.WEEK.value, metadata={"description": "What trials are put together by."}
    )


class FigureQuery(NumbersQuery):
    figure = Choice(*FigureId, load_default=FigureId.ACTIVE.value, metadata={"description": "Which one."})


def show_numbers(services: Services, call: Call) -> Reply:
    """Return every figure with its table."""
    return answer(200, {"data": [_figure(shown(services, each, call.query)) for each in FigureId], "next": None})


def export_numbers(services: Services, call: Call) -> Reply:
    """Return one figure's table as CSV."""
    found = shown(services, FigureId(call.query["figure"]), call.query)
    return Reply(status=200, body=csv_of(found), media_type="text/csv", headers=csv_headers(found))


def shown(services: Services, figure: FigureId, asked: Any) -> Shown:
    """Return the figure as one of the schemas above asks for it."""
    return services.numbers.show(figure, days=asked["days"], cohort=Cohort(asked["cohort"]))


def csv_of(found: Shown) -> str:
    """Return the figure's table for a spreadsheet; money in minor units, as the column's name says."""
    return lines_of([[column.name for column in found.table.columns], *found.table.rows])


def csv_headers(found: Shown) -> dict[str, str]:
    """Return what makes a browser keep it as a file."""
    name = f"{found.figure.id.value}-{found.span.last}.csv"
    return {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}


def _figure(found: Shown) -> dict[str, Any]:
    figure, columns = found.figure, found.table.columns
    return {
        "id": figure.id.value,
        "title": figure.title,
        "definition": figure.definition,
        "as_of": maybe_instant(found.as_of),
        "counted_at": maybe_instant(found.counted_at),
        "columns": [{"name": each.name, "label": each.label, "currency": each.currency} for each in columns],
        "rows": [
            {column.name: _plain(cell) for column, cell in zip(columns, row, strict=True)} for row in found.table.rows
        ],
    }


def _plain(cell: object) -> object:
    return cell if isinstance(cell, int | float | str | None) else str(cell)


_COUNTED = (
    "Counted by the worker every ten minutes: `as_of` is business time, null before the first count. Every figure has "
    "its definition beside it."
)

SHOW_NUMBERS = Operation(
    method="GET",
    path="/v1/support/numbers",
    name="show_numbers",
    tag="For support",
    summary="Subscriptions, revenue, trials, churn, payments, walls, articles",
    description=_COUNTED,
    access=Scope.SUPPORT_READ,
    view=show_numbers,
    query_schema=NumbersQuery,
    answers={200: number_shapes.NumberList},
    slow=True,
    audited=Audited(act="numbers.read"),
)

EXPORT_NUMBERS = Operation(
    method="GET",
    path="/v1/support/numbers.csv",
    name="export_numbers",
    tag="For support",
    summary="One figure's table, as CSV",
    description=f"{_COUNTED} A column whose name ends with `_minor` is money in the currency's minor unit.",
    access=Scope.SUPPORT_READ,
    view=export_numbers,
    query_schema=FigureQuery,
    answers={200: "text/csv"},
    slow=True,
    audited=Audited(act="numbers.export"),
)
