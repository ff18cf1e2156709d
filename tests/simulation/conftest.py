"""What the simulations have covered is told at the end of the run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

_COVERED = "covered"


@pytest.fixture
def covered(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Remember a line to be printed at the end, also from another process of the run."""
    return lambda line: record_property(_COVERED, line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was covered."""
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.stats.get(kind, ())]
    lines = [value for each in reports for name, value in each.user_properties if name == _COVERED]
    if lines:
        terminalreporter.section("covered")
    for line in dict.fromkeys(lines):
        terminalreporter.write_line(str(line))
