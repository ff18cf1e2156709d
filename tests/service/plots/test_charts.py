"""Bars and lines that a person can read, and a browser shows without a script."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from service.plots.charts import bars, lines
from service.plots.paper import COLOURS, HEIGHT, MOST_LABELS, WIDTH, Chart, Series, step_of

SVG = "{http://www.w3.org/2000/svg}"


def chart(*series: Series, labels: int = 3) -> Chart:
    return Chart(
        title="Sold <b>", description="As said & done.", labels=[f"d{place}" for place in range(labels)], series=series,
        unit="things",
    )  # fmt: skip


def parsed(drawing: str) -> Any:
    return ElementTree.fromstring(drawing)  # noqa: S314 - our own drawing


def bars_of(drawing: str) -> dict[str, tuple[float, float]]:
    """Return where each bar begins and how high it is, by what it says."""
    found = [each for each in parsed(drawing).iter(f"{SVG}rect") if each.find(f"{SVG}title") is not None]
    return {each.findtext(f"{SVG}title"): (float(each.get("y")), float(each.get("height"))) for each in found}


def test_bars_stand_on_each_other() -> None:
    """Two of a day together are as high as their sum; the second begins where the first ends."""
    found = bars_of(bars(chart(Series(name="a", values=[2, 0, 4]), Series(name="b", values=[2, 1, None]))))
    lower, upper = found["d0: 2 a"], found["d0: 2 b"]
    assert upper[0] + upper[1] == pytest.approx(lower[0], abs=0.02)
    assert lower[1] == pytest.approx(upper[1], abs=0.02)
    assert found["d2: 4 a"][1] == pytest.approx(lower[1] + upper[1], abs=0.02)
    assert found["d2: 0 b"][1] == 0


def test_a_line_is_broken_where_nothing_is_known() -> None:
    """Not drawn down to nought; what it says at the end is its last value."""
    (path,) = parsed(lines(chart(Series(name="a", values=[1, None, 3])))).iter(f"{SVG}path")
    assert [step[0] for step in path.get("d").split() if step[0] in "ML"] == ["M", "M"]
    assert path.findtext(f"{SVG}title") == "a: 3 at the end"


@pytest.mark.parametrize(
    ("values", "drawn"), [([4], ["M", "h"]), ([1, None, 3], ["M", "h", "M", "h"]), ([1, 2, None], ["M", "L"])]
)
def test_a_point_that_stands_alone_is_seen(values: list[float | None], drawn: list[str]) -> None:
    """As a dot, by the line's round ends: to where it is already, for a pen that only moves draws nothing."""
    (path,) = parsed(lines(chart(Series(name="a", values=values), labels=len(values)))).iter(f"{SVG}path")
    assert [step[0] for step in path.get("d").split() if step[0].isalpha()] == drawn
    assert path.get("stroke-linecap") == "round"


@pytest.mark.parametrize("draw", [bars, lines])
@pytest.mark.parametrize("most", [0, 1, 7, 99.5, 12_345, 4_000_000])
def test_everything_stays_on_the_paper(draw: Any, most: float) -> None:
    """With few lines, whatever the numbers."""
    drawing = parsed(draw(chart(Series(name="a", values=[0, most, most / 2]), Series(name="b", values=[0, 0, 0]))))
    for each in drawing.iter(f"{SVG}text"):
        assert 0 <= float(each.get("x")) <= WIDTH
        assert 0 <= float(each.get("y")) <= HEIGHT
    assert 2 <= len(list(drawing.iter(f"{SVG}line"))) <= 6


def test_every_series_is_named_on_the_paper() -> None:
    """Also of five plans and a trial: the names move together."""
    names = [f"plan {number}" for number in range(6)]
    drawing = parsed(lines(chart(*(Series(name=each, values=[1, 2, 3]) for each in names))))
    places = {each.text: float(each.get("x")) for each in drawing.iter(f"{SVG}text") if each.text in names}
    assert list(places) == names
    assert max(places.values()) < WIDTH - 100


def test_what_is_written_is_text() -> None:
    """Title and description are there for who can't see it, and are markup nowhere."""
    drawing = parsed(bars(chart(Series(name="<i>", values=[1, 1, 1]))))
    assert (drawing.findtext(f"{SVG}title"), drawing.findtext(f"{SVG}desc")) == ("Sold <b>", "As said & done.")
    assert drawing.get("role") == "img"
    assert drawing.get("aria-label") == "Sold <b>. As said & done."


def test_many_places_are_labelled_sparsely() -> None:
    """Of four hundred days a dozen are named."""
    drawing = parsed(lines(chart(Series(name="a", values=[1] * 400), labels=400)))
    assert (
        len(
            [
                each
                for each in drawing.iter(f"{SVG}text")
                if (each.text or "")[:2] in {f"d{digit}" for digit in range(10)}
            ]
        )
        <= MOST_LABELS
    )


def test_nothing_at_all_is_an_empty_paper() -> None:
    """No place, no series: still a drawing."""
    for draw in (bars, lines):
        assert parsed(draw(chart(labels=0))).get("class") == "plot"


def test_colours_are_told_apart_and_begin_anew() -> None:
    """The seventh series has the first one's."""
    drawing = bars(chart(*(Series(name=f"s{number}", values=[1, 1, 1]) for number in range(7))))
    assert all(colour in drawing for colour in COLOURS)
    assert 'class="series-6"' in drawing


@pytest.mark.parametrize(("most", "step"), [(0, 1), (5, 1), (6, 2), (25, 5), (26, 10), (499, 100), (0.3, 1)])
def test_the_grid_has_round_numbers(most: float, step: int) -> None:
    """One, two or five times a power of ten."""
    assert step_of(most) == step
