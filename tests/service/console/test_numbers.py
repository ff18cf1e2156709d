"""The numbers in the console, counted on a real PostgreSQL: drawn, told in a table, and taken away."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlalchemy import Engine, insert

from service.domain.staff import Role
from service.numbers.counting import Counting
from service.numbers.figures import FIGURES, FigureId
from service.store.database import make_engine
from service.store.tables import subscriptions


@pytest.fixture
def counted(console: Any, engine: Engine, database_url: str) -> datetime:
    """Two subscribers, counted now."""
    now: datetime = console.desk.services.business_clock()
    usual = {
        "customer_id": "cus_1", "status": "active", "price_id": "p", "fetched_at": now, "created_at": now,
        "currency": "usd",
    }  # fmt: skip
    with engine.begin() as connection:
        for sub_id, plan, interval, amount in (("sub_1", "monthly", "month", 290), ("sub_2", "annual", "year", 1990)):
            row = {"id": sub_id, "plan": plan, "interval": interval, "amount_minor": amount}
            connection.execute(insert(subscriptions).values(usual | row))
    zone = console.desk.services.catalog.zone
    clock = console.desk.services.business_clock
    Counting(lambda: make_engine(database_url), zone=zone, business_clock=clock, wall_clock=clock).count()
    return now.astimezone(UTC)


def drawing_in(page: str) -> ElementTree.Element:
    return ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])  # noqa: S314 - our own


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("figure", [each for each in FigureId if each is not FigureId.ARTICLES])
def test_each_figure_is_drawn_defined_and_told_in_a_table(console: Any, figure: FigureId) -> None:
    """With where it comes from and as of when; nothing in it needs a script or a style of its own."""
    page = console.signed_in(Role.VIEWER).get(f"/support/numbers?figure={figure}&days=30").text
    drawing = drawing_in(page)
    assert drawing.findtext("{http://www.w3.org/2000/svg}title") == FIGURES[figure].title
    assert FIGURES[figure].definition in page.replace("&#39;", "'")
    assert "<table" in page
    assert "as of <time" in page
    assert "style=" not in page
    assert f"/support/numbers.csv?figure={figure}" in page


@pytest.mark.usefixtures("counted")
def test_revenue_is_told_in_money(console: Any) -> None:
    """290 a month and 1990 a year: 455.83, told as $4.56."""
    assert "<td>$4.56</td>" in console.signed_in(Role.VIEWER).get("/support/numbers?figure=mrr").text


@pytest.mark.usefixtures("counted")
def test_a_figure_is_taken_away_whole(console: Any) -> None:
    """All its days, not only those shown; on record."""
    browser = console.signed_in(Role.VIEWER)
    rows = list(csv.reader(browser.get("/support/numbers.csv?figure=mrr&days=400").text.splitlines()))
    assert rows[0] == ["day", "mrr_usd_minor"]
    assert (len(rows), rows[-1][1]) == (401, "456")
    assert console.acts()[-1][1] == "numbers.export"


def test_before_the_first_count_the_page_says_so(console: Any) -> None:
    """And how to have one; no article, no figure and no span that there is not."""
    browser = console.signed_in(Role.VIEWER)
    assert "Nothing was counted yet." in browser.get("/support/numbers").text
    for wrong in ("figure=profit", "days=x", "days=401", "cohort=year"):
        assert browser.get(f"/support/numbers?{wrong}").status_code == 422
    assert browser.get("/support/numbers.csv?figure=profit").status_code == 422


@pytest.mark.usefixtures("counted")
def test_nothing_in_these_days_is_said(console: Any) -> None:
    """An empty ranking is not drawn."""
    page = console.signed_in(Role.VIEWER).get("/support/numbers?figure=articles").text
    assert "There is nothing to count in these days." in page
    assert "<svg" not in page
