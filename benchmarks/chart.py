"""A picture of bars, as SVG that any browser shows: one panel for each measurement."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.findings import Section

WIDTH, LABELS, BAR, GAP, TITLE = 760, 250, 18, 6, 34
ROOM_FOR_BARS = WIDTH - LABELS - 110
OURS = "Newsstand"


def svg(sections: Sequence[Section]) -> str:
    """Return the picture; every panel has its own scale, from 0 to its largest bar."""
    panels, y = [], 10
    for section in sections:
        panels.append(_panel(section, y))
        y += TITLE + len(section.bars) * (BAR + GAP) + 14
    style = (
        "text{font:13px system-ui,sans-serif;fill:#1a1a1a}.title{font-weight:600}.bar{fill:#9aa7b4}.ours{fill:#14568c}"
        "@media(prefers-color-scheme:dark){text{fill:#e8e8e8}.bar{fill:#66727e}.ours{fill:#5aa9e6}}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img" '
        f'aria-label="Benchmarks"><style>{style}</style>{"".join(panels)}</svg>\n'
    )


def _panel(section: Section, top: int) -> str:
    title = f'<text class="title" x="0" y="{top + 14}">{escape(section.title)}</text>'
    longest = max(section.bars.values()) or 1
    rows = [
        _row(name, value, value / longest, section.unit, top + TITLE - 8 + index * (BAR + GAP))
        for index, (name, value) in enumerate(section.bars.items())
    ]
    return title + "".join(rows)


def _row(name: str, value: float, share: float, unit: str, y: int) -> str:
    length = max(1, round(ROOM_FOR_BARS * share))
    kind = "ours" if name == OURS else "bar"
    said = f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
    text_y = y + BAR - 5
    return (
        f'<text x="0" y="{text_y}">{escape(name)}</text>'
        f'<rect class="{kind}" x="{LABELS}" y="{y}" width="{length}" height="{BAR}"/>'
        f'<text x="{LABELS + length + 6}" y="{text_y}">{said}<title>{escape(unit)}</title></text>'
    )
