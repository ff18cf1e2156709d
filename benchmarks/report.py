"""The findings as a person reads them: a table at the terminal, and docs/benchmarks.md with its picture."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.chart import svg
from benchmarks.findings import Finding, Section

PAGE, PICTURE = "benchmarks.md", "benchmarks.svg"


def show(sections: Sequence[Section], console: Console) -> None:
    """Print every figure with its goal."""
    table = Table("measure", "ours", "beside", "goal", "")
    for section in sections:
        for found in section.findings:
            table.add_row(found.what, found.figure, found.beside, found.goal, _word(found))
    console.print(table)


def write(sections: Sequence[Section], folder: Path, *, minutes: float) -> None:
    """Write the page and its picture into `folder`."""
    (folder / PICTURE).write_text(svg([each for each in sections if each.bars]), encoding="utf-8")
    (folder / PAGE).write_text(page(sections, minutes=minutes), encoding="utf-8")


def page(sections: Sequence[Section], *, minutes: float) -> str:
    """Return the page."""
    head = (
        "# Benchmarks\n\n"
        "Written by `make bench`; do not edit. Every figure is a ratio or a count, taken in one run with the peers "
        "beside us on the same machine, because absolute rates say more about a machine than about a program.\n\n"
        f"Machine: {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}; servers, "
        "databases and the client that asks share the same cores. Every web service runs on the same gunicorn "
        "configuration (2 workers of 4 threads). Their deadlines for Redis "
        "and PostgreSQL are longer than production's, but where outages are measured: on so crowded a machine waits "
        "would be taken for outages. Rounds alternate between the peers, each beginning with another; "
        "rates are medians, p99s of all answers together. "
        f"This run took {minutes:.0f} minutes.\n\n"
        f"![Bars of every measurement]({PICTURE})\n"
    )
    return head + "".join(_chapter(each) for each in sections)


def _chapter(section: Section) -> str:
    rows = "".join(
        f"| {each.what} | {each.figure} | {each.beside} | {each.goal} | {_word(each)} |\n" for each in section.findings
    )
    return (
        f"\n## {section.title}\n\n{section.how}\n\n| measure | ours | beside | goal | |\n|---|---|---|---|---|\n{rows}"
    )


def _word(found: Finding) -> str:
    return {True: "reached", False: "**not reached**", None: ""}[found.reached]
