"""What the simulations have covered is told at the end of the run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import pytest

_COVERED = "covered"


@pytest.fixture
def covered(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Remember what was counted under a heading, to be summed up at the end, over all processes of the run."""
    return lambda heading, **counts: record_property(_COVERED, json.dumps([heading, counts]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was covered."""
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.stats.get(kind, ())]
    sums: dict[str, Counter[str]] = {}
    for heading, counts in (
        json.loads(str(value)) for each in reports for name, value in each.user_properties if name == _COVERED
    ):
        sums.setdefault(heading, Counter()).update(counts)
    if sums:
        terminalreporter.section("covered")
    for heading, found in sums.items():
        told = ", ".join(f"{name} {count:,}" for name, count in sorted(found.items()))
        terminalreporter.write_line(f"{heading}: {told}")
