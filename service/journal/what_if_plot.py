"""Walls gained and lost, day by day, as an SVG that any browser shows: bars up for new walls, down for spared ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from service.journal.what_if import Day
from service.plots.charts import bars
from service.plots.paper import Chart, Series

GAINED, LOST = "#d55e00", "#0072b2"


def plot(days: Mapping[date, Day], title: str) -> str:
    """Return the drawing, with room for days on which nothing happened; `title` says what was replayed."""
    days = _every_day(days)
    gained = [day.gained for day in days.values()]
    lost = [-day.lost for day in days.values()]
    return bars(
        Chart(
            title=title,
            description=f"In all {sum(gained)} walls gained and {-sum(lost)} lost, drawn by day.",
            labels=[str(day) for day in days],
            series=[
                Series(name="walls gained (above)", values=gained, colour=GAINED, short="gained"),
                Series(name="walls lost (below)", values=lost, colour=LOST, short="lost"),
            ],
            unit="walls a day",
        )
    )


def _every_day(days: Mapping[date, Day]) -> Mapping[date, Day]:
    if not days:
        return days
    first, last = min(days), max(days)
    between = (first + timedelta(days=each) for each in range((last - first).days + 1))
    return {day: days.get(day, Day()) for day in between}
