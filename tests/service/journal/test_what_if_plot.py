"""A drawing that a browser shows and a person can read."""

from __future__ import annotations

from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from service.journal.what_if import Day
from service.journal.what_if_plot import GAINED, LOST, plot
from service.plots.paper import MOST_LABELS

SVG = "{http://www.w3.org/2000/svg}"
FIRST = date(2026, 11, 1)


def drawn(
    days: dict[date, Day], title: str = "Walls gained and lost: 3 a week instead of 1 a month"
) -> ElementTree.Element:
    return ElementTree.fromstring(plot(days, title))  # noqa: S314 - our own drawing


def texts(drawing: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in drawing.iter(f"{SVG}text")]


def test_it_has_a_title_axes_a_legend_and_a_bar_for_each_number() -> None:
    """Gained walls rise above the line, lost ones hang below it, both to one scale."""
    drawing = drawn({FIRST: Day(gained=4, lost=2), FIRST + timedelta(days=1): Day(gained=0, lost=1)})
    said = texts(drawing)
    assert {"walls a day", "day", "walls gained (above)", "walls lost (below)", "2026-11-01", "2026-11-02"} <= set(said)
    assert "Walls gained and lost: 3 a week instead of 1 a month" in said
    bars = [each for each in drawing.iter(f"{SVG}rect") if each.find(f"{SVG}title") is not None]
    heights = {(each.get("fill"), each.findtext(f"{SVG}title")): float(each.get("height", "0")) for each in bars}
    assert heights[GAINED, "2026-11-01: 4 gained"] == pytest.approx(2 * heights[LOST, "2026-11-01: 2 lost"], abs=0.1)
    assert heights[GAINED, "2026-11-02: 0 gained"] == 0
    up, down = bars[0], bars[1]
    assert float(up.get("y", "0")) + float(up.get("height", "0")) == pytest.approx(float(down.get("y", "0")), abs=0.2)


@pytest.mark.parametrize("most", [0, 1, 5, 7, 99, 12_345])
def test_every_bar_stays_on_the_paper(most: int) -> None:
    """Whatever the numbers, the axis has few lines and reaches past the highest bar."""
    drawing = drawn({FIRST: Day(gained=most, lost=most)})
    for each in drawing.iter(f"{SVG}rect"):
        assert 0 <= float(each.get("y", "0")) <= 420 - float(each.get("height", "0"))
    assert 2 <= len(list(drawing.iter(f"{SVG}line"))) <= 11


def test_many_days_are_labelled_sparsely() -> None:
    """A quarter's dates would lie on top of each other."""
    days = {FIRST + timedelta(days=each): Day(gained=1) for each in range(92)}
    assert len([each for each in texts(drawn(days)) if each.startswith("202")]) <= MOST_LABELS


def test_a_quiet_day_has_its_place() -> None:
    """Time is drawn to scale."""
    drawing = drawn({FIRST: Day(gained=1), FIRST + timedelta(days=3): Day(lost=1)})
    assert [each for each in texts(drawing) if each.startswith("202")] == [f"2026-11-0{day}" for day in (1, 2, 3, 4)]


def test_a_title_is_text() -> None:
    """Nothing in it becomes markup."""
    assert "1 < 3 & more" in texts(drawn({FIRST: Day()}, "1 < 3 & more"))
