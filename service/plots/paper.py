"""What every chart is drawn on: the title, an axis with few lines, dates that don't lie on top of each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 960, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 40, 74, 56
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Those of Okabe and Ito, told apart by nearly everybody; a page's style sheet may give `.series-0` and on others."""
MOST_LABELS = 12
MOST_LINES = 5
"""Of the grid, in each direction."""
_LEGEND_STEP = 180


@dataclass(frozen=True, kw_only=True)
class Series:
    """One kind of thing that is counted: a value for each place on the axis, None for where there is none."""

    name: str
    values: Sequence[float | None]
    colour: str | None = None
    """None for the one of its place in `COLOURS`."""
    short: str | None = None
    """What a bar says of itself; the name unless told."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What is drawn. `description` is for who can't see it; `tell` writes a value as people read it."""

    title: str
    description: str
    labels: Sequence[str]
    series: Sequence[Series]
    unit: str
    axis: str = "day"
    tell: Callable[[float], str] = "{:,.10g}".format


class Scale:
    """From places and values to points: place 0 at the left, `low` at the bottom, `high` at the top."""

    def __init__(self, chart: Chart, low: float, high: float) -> None:
        self.step = step_of(max(-low, high))
        self.high = max(-(-high // self.step), 0) * self.step
        self.low = -max(-(low // self.step), 0) * self.step
        if self.high == self.low:
            self.high = self.step
        self.slot = (WIDTH - LEFT - RIGHT) / max(len(chart.labels), 1)

    def x(self, position: float) -> float:
        return LEFT + position * self.slot

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)


def step_of(most: float) -> int:
    """Return the distance of the grid's lines: 1, 2 or 5 times a power of ten, at most five of them each way."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if most <= MOST_LINES * factor * power:
                return factor * power
        power *= 10


def drawn(chart: Chart, scale: Scale, marks: Sequence[str]) -> str:
    """Return the whole drawing around its marks."""
    return "\n".join([*_head(chart), *_grid(chart, scale), *marks, *_labels(chart, scale), "</svg>"]) + "\n"


def colour_of(series: Series, number: int) -> str:
    """Return the series' colour."""
    return series.colour or COLOURS[number % len(COLOURS)]


def _head(chart: Chart) -> list[str]:
    step = min(_LEGEND_STEP, (WIDTH - LEFT - RIGHT) // max(len(chart.series), 1))
    legend = "".join(
        f'<rect class="series-{number}" x="{LEFT + number * step}" y="44" width="12" height="12" '
        f'fill="{colour_of(each, number)}"/>'
        f'<text x="{LEFT + number * step + 18}" y="54">{escape(each.name)}</text>'
        for number, each in enumerate(chart.series)
    )
    said, middle = escape(f"{chart.title}. {chart.description}"), f"{HEIGHT / 2:.0f}"
    return [
        _OPENING.format(width=WIDTH, height=HEIGHT, said=said),
        f"<title>{escape(chart.title)}</title><desc>{escape(chart.description)}</desc>",
        f'<rect class="sheet" width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(LEFT, 28, chart.title, 'font-size="16"'),
        legend,
        _text(18, HEIGHT / 2, chart.unit, f'transform="rotate(-90 18 {middle})" text-anchor="middle"'),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, chart.axis, 'text-anchor="middle"'),
    ]


_OPENING = (
    '<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {width} {height}" width="{width}" '
    'height="{height}" font-family="sans-serif" font-size="12" fill="#222" role="img" aria-label="{said}">'
)


def _text(x: float, y: float, said: str, more: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(said)}</text>'


def _grid(chart: Chart, scale: Scale) -> list[str]:
    lines = []
    for number in range(round((scale.high - scale.low) / scale.step) + 1):
        value = scale.low + number * scale.step
        kind, colour = ("axis", "#222") if value == 0 else ("grid", "#ddd")
        lines.append(
            f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{scale.y(value):.1f}" '
            f'y2="{scale.y(value):.1f}" stroke="{colour}"/>'
            + _text(LEFT - 8, scale.y(value) + 4, chart.tell(abs(value)), 'text-anchor="end"')
        )
    return lines


def _labels(chart: Chart, scale: Scale) -> list[str]:
    every = -(-len(chart.labels) // MOST_LABELS) or 1
    return [
        _text(scale.x(position + 0.5), HEIGHT - BOTTOM + 20, label, 'text-anchor="middle"')
        for position, label in enumerate(chart.labels)
        if position % every == 0
    ]
