"""The tour on paper: chapter by chapter, each step with its business day, its result, and what was seen."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from sandbox.tour.steps import Outcome, Result
from sandbox.tour.telling import day

STYLES = {Outcome.HELD: "green", Outcome.FAILED: "bold red", Outcome.SKIPPED: "yellow"}
WIDTH_WITHOUT_TERMINAL = 1000
INDENT = 30


class Timeline:
    """Prints results as they come; plain text where the output is no terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or make_console()
        self._chapter = ""

    def show(self, result: Result) -> None:
        """Print one step, under its chapter's title when that is new."""
        if result.chapter != self._chapter:
            self._chapter = result.chapter
            self._console.print(Text(f"\n{result.chapter}", style="bold"))
        self._console.print(_heading(result))
        for line in _details(result):
            self._console.print(Padding(line, (0, 0, 0, INDENT), expand=False))

    def conclude(self, results: Sequence[Result]) -> None:
        """Print how many held."""
        held = sum(result.outcome is Outcome.HELD for result in results)
        style = STYLES[Outcome.HELD if held == len(results) else Outcome.FAILED]
        verdict = f"All {held} steps held." if held == len(results) else f"{held} of {len(results)} steps held."
        seconds = sum(result.seconds for result in results)
        self._console.print(Text(f"\n{verdict} {_passed(results)} in {seconds:.0f} s.", style=style))


def make_console() -> Console:
    """Return a console on standard output; only a terminal gets colours and line breaks."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH_WITHOUT_TERMINAL)


def as_json(results: Sequence[Result]) -> str:
    """Return the results for a machine: `{"held": true, "steps": [...]}`, instants in RFC 3339."""
    steps = [
        {
            "chapter": result.chapter,
            "name": result.name,
            "outcome": result.outcome.value,
            "expected": result.expected,
            "seen": result.seen,
            "business_at": result.business_at.isoformat() if result.business_at else None,
            "seconds": round(result.seconds, 3),
        }
        for result in results
    ]
    return json.dumps({"held": all_held(results), "steps": steps}, indent=2, ensure_ascii=False)


def all_held(results: Sequence[Result]) -> bool:
    """Tell whether the journey held from end to end."""
    return all(result.outcome is Outcome.HELD for result in results)


def _heading(result: Result) -> Text:
    on = day(result.business_at) if result.business_at else "unknown day"
    return Text.assemble(
        (f"  {result.outcome.value.upper():<7}", STYLES[result.outcome]), f"  {on:<17}  ", (result.name, "bold")
    )


def _details(result: Result) -> list[Text]:
    if result.outcome is Outcome.FAILED:
        return [Text(f"expected: {result.expected}"), Text(f"seen:     {result.seen}", style=STYLES[result.outcome])]
    return [Text(result.seen, style="dim")]


def _passed(results: Sequence[Result]) -> str:
    known = [result.business_at for result in results if result.business_at]
    days = (known[-1] - known[0]).days if known else 0
    return f"{days} days passed"
