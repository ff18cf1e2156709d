"""Bars for what happened in a time, lines for what stood at its end."""

from __future__ import annotations

from html import escape

from service.plots.paper import Chart, Scale, Series, colour_of, drawn


def bars(chart: Chart) -> str:
    """Return the chart with a bar for each value: positive ones on top of each other, negative ones hanging down."""
    up = [sum(max(each.values[place] or 0, 0) for each in chart.series) for place in range(len(chart.labels))]
    down = [sum(min(each.values[place] or 0, 0) for each in chart.series) for place in range(len(chart.labels))]
    scale = Scale(chart, min(down, default=0), max(up, default=0))
    marks = []
    for place, label in enumerate(chart.labels):
        marks += _stack(chart, scale, place, label)
    return drawn(chart, scale, marks)


def lines(chart: Chart) -> str:
    """Return the chart with a line for each series, broken where there is no value."""
    values = [value for each in chart.series for value in each.values if value is not None]
    scale = Scale(chart, min([0, *values]), max([0, *values]))
    marks = [_line(chart, scale, each, number) for number, each in enumerate(chart.series)]
    return drawn(chart, scale, marks)


def _stack(chart: Chart, scale: Scale, place: int, label: str) -> list[str]:
    found, above, below = [], 0.0, 0.0
    for number, each in enumerate(chart.series):
        value = each.values[place] or 0
        begin = above if value >= 0 else below
        above, below = above + max(value, 0), below + min(value, 0)
        top, bottom = sorted((scale.y(begin), scale.y(begin + value)))
        said = f"{label}: {chart.tell(abs(value))} {each.short or each.name}"
        found.append(
            f'<rect class="series-{number}" x="{scale.x(place) + scale.slot * 0.15:.1f}" y="{top:.2f}" '
            f'width="{scale.slot * 0.7:.1f}" height="{bottom - top:.2f}" fill="{colour_of(each, number)}">'
            f"<title>{escape(said)}</title></rect>"
        )
    return found


def _line(chart: Chart, scale: Scale, series: Series, number: int) -> str:
    path, pen_down, last_place = [], False, len(series.values) - 1
    for place, value in enumerate(series.values):
        if value is not None:
            path.append(f"{'L' if pen_down else 'M'}{scale.x(place + 0.5):.1f} {scale.y(value):.1f}")
            if not pen_down and (place == last_place or series.values[place + 1] is None):
                path.append("h0")  # alone it would not be drawn: with it, the round ends make a dot
        pen_down = value is not None
    last = next((value for value in reversed(series.values) if value is not None), None)
    said = series.name if last is None else f"{series.name}: {chart.tell(last)} at the end"
    return (
        f'<path class="line-{number}" d="{" ".join(path)}" fill="none" stroke="{colour_of(series, number)}" '
        f'stroke-width="2.5" stroke-linejoin="round" stroke-linecap="round"><title>{escape(said)}</title></path>'
    )
