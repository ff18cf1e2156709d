"""The numbers' routes: each figure with its definition, rows by column name, and a spreadsheet of each."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from service.numbers.figures import FIGURES, FigureId

READ = "support:read-key"


def test_every_figure_comes_with_its_definition(api: Any) -> None:
    """And with when it was counted; days are dates, money is in minor units of the currency named."""
    shown = api.call("GET", "/v1/support/numbers", key=READ, query_string={"days": 2}).json
    assert [each["id"] for each in shown["data"]] == list(FigureId)
    for each in shown["data"]:
        assert each["definition"] == FIGURES[each["id"]].definition
        assert each["counted_at"] == "2026-11-10T09:00:00Z"
    revenue = shown["data"][1]
    assert revenue["columns"][1] == {"name": "mrr_usd_minor", "label": "A month, USD", "currency": "usd"}
    assert revenue["rows"] == [{"day": "2026-11-09", "mrr_usd_minor": 0}, {"day": "2026-11-10", "mrr_usd_minor": 3}]


def test_before_the_first_count_there_is_no_as_of(api: Any) -> None:
    """Rather than numbers as of never."""
    api.services.numbers.counted_at = None
    shown = api.call("GET", "/v1/support/numbers", key=READ).json["data"][0]
    assert (shown["as_of"], shown["counted_at"]) == (None, None)


@pytest.mark.parametrize("figure", FigureId)
def test_each_figure_is_a_spreadsheet(api: Any, figure: FigureId) -> None:
    """A file of its own, on record."""
    answer = api.call("GET", "/v1/support/numbers.csv", key=READ, query_string={"figure": figure.value, "days": "3"})
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{figure}-2026-11-10.csv"'
    head, *rows = csv.reader(answer.text.splitlines())
    assert all(len(row) == len(head) for row in rows)
    assert api.audit.entries[-1].act == "numbers.export"
    assert api.services.numbers.asked[-1] == (figure, 3, "week")


@pytest.mark.parametrize(
    ("query", "name"),
    [("figure=profit", "figure"), ("figure=mrr&days=0", "days"), ("figure=mrr&days=401", "days"),
     ("figure=mrr&days=x", "days"), ("figure=trials&cohort=year", "cohort"), ("figure=mrr&since=x", "since")],
)  # fmt: skip
def test_what_is_no_figure_is_refused(api: Any, query: str, name: str) -> None:
    """By field."""
    answer = api.call("GET", f"/v1/support/numbers.csv?{query}", key=READ)
    assert (answer.status_code, list(answer.json["errors"])) == (422, [name])
    assert api.services.numbers.asked == []


def test_it_is_supports_alone(api: Any) -> None:
    """The site's key sees no revenue."""
    for path in ("numbers", "numbers.csv?figure=mrr"):
        assert api.call("GET", f"/v1/support/{path}").status_code == 403
