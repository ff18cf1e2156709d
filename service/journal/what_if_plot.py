"""Walls gained and lost, day by day, as an SVG that any browser shows: bars up for new walls, down for spared ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from html import escape

from service.journal.what_if import Day

WIDTH, HEIGHT = 960, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 40, 74, 56
GAINED, LOST = "#d55e00", "#0072b2"
"""Orange and blue of Okabe and Ito, told apart by nearly everybody."""
MOST_LABELS = 12


def plot(days: Mapping[date, Day], title: str) -> str:
    """Return the drawing, with room for days on which nothing happened; `title` says what was replayed."""
    days = _every_day(days)
    most = max((max(day.gained, day.lost) for day in days.values()), default=0)
    step = _step(most)
    scale = _Scale(max(-(-most // step), 1) * step, max(len(days), 1))
    parts = [_head(title), *_grid(scale, step), *_bars(days, scale), *_dates(days, scale), "</svg>"]
    return "\n".join(parts) + "\n"


def _every_day(days: Mapping[date, Day]) -> Mapping[date, Day]:
    if not days:
        return days
    first, last = min(days), max(days)
    between = (first + timedelta(days=each) for each in range((last - first).days + 1))
    return {day: days.get(day, Day()) for day in between}


class _Scale:
    """From days and walls to points: day 0 at the left, no wall in the middle."""

    def __init__(self, most: int, days: int) -> None:
        self.most = most
        self.slot = (WIDTH - LEFT - RIGHT) / days
        self.zero = TOP + (HEIGHT - TOP - BOTTOM) / 2

    def x(self, position: int) -> float:
        return LEFT + position * self.slot

    def y(self, walls: int) -> float:
        return self.zero - walls / self.most * (HEIGHT - TOP - BOTTOM) / 2


def _step(most: int) -> int:
    """Return the distance of the grid's lines: 1, 2 or 5 times a power of ten, at most five of them each way."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if most <= 5 * factor * power:
                return factor * power
        power *= 10


def _head(title: str) -> str:
    legend = "".join(
        f'<rect x="{x}" y="44" width="12" height="12" fill="{colour}"/><text x="{x + 18}" y="54">{text}</text>'
        for x, colour, text in ((LEFT, GAINED, "walls gained (above)"), (LEFT + 180, LOST, "walls lost (below)"))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="#222" role="img" aria-label="{escape(title)}">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n'
        f'<text x="{LEFT}" y="28" font-size="16">{escape(title)}</text>\n{legend}\n'
        f'<text x="18" y="{HEIGHT / 2:.0f}" transform="rotate(-90 18 {HEIGHT / 2:.0f})" text-anchor="middle">'
        f"walls a day</text>\n"
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 10}" text-anchor="middle">day</text>'
    )


def _grid(scale: _Scale, step: int) -> list[str]:
    return [
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{scale.y(walls):.1f}" y2="{scale.y(walls):.1f}" '
        f'stroke="{"#222" if walls == 0 else "#ddd"}"/>'
        f'<text x="{LEFT - 8}" y="{scale.y(walls) + 4:.1f}" text-anchor="end">{abs(walls)}</text>'
        for walls in range(-scale.most, scale.most + 1, step)
    ]


def _bars(days: Mapping[date, Day], scale: _Scale) -> list[str]:
    bars = []
    for position, (day, found) in enumerate(days.items()):
        for walls, colour, word in ((found.gained, GAINED, "gained"), (-found.lost, LOST, "lost")):
            top, bottom = sorted((scale.y(walls), scale.zero))
            bars.append(
                f'<rect x="{scale.x(position) + scale.slot * 0.15:.1f}" y="{top:.1f}" '
                f'width="{scale.slot * 0.7:.1f}" height="{bottom - top:.1f}" fill="{colour}">'
                f"<title>{day}: {abs(walls)} {word}</title></rect>"
            )
    return bars


def _dates(days: Mapping[date, Day], scale: _Scale) -> list[str]:
    every = -(-len(days) // MOST_LABELS) or 1
    return [
        f'<text x="{scale.x(position) + scale.slot / 2:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">'
        f"{day}</text>"
        for position, day in enumerate(days)
        if position % every == 0
    ]
