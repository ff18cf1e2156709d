"""What a measurement hands back: figures beside each other, and goals that were reached or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One figure. `reached` is None where there is no goal."""

    what: str
    figure: str
    beside: str
    goal: str = ""
    reached: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Section:
    """One measurement: its figures, how it was taken, and bars for the picture (in `unit`)."""

    title: str
    how: str
    findings: Sequence[Finding]
    bars: Mapping[str, float]
    unit: str


def at_least(what: str, value: float, goal: float, beside: str, *, format_: str = ".2f", suffix: str = "") -> Finding:
    """Return a finding whose goal is a lower bound."""
    goal_text = f"≥ {goal:g}{suffix}"
    return Finding(what=what, figure=f"{value:{format_}}{suffix}", beside=beside, goal=goal_text, reached=value >= goal)


def at_most(what: str, value: float, goal: float, beside: str, *, format_: str = ".2f", suffix: str = "") -> Finding:
    """Return a finding whose goal is an upper bound."""
    goal_text = f"≤ {goal:g}{suffix}"
    return Finding(what=what, figure=f"{value:{format_}}{suffix}", beside=beside, goal=goal_text, reached=value <= goal)
