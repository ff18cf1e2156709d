"""The tour on paper."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Literal

from rich.console import Console

from sandbox.tour.steps import Outcome, Result
from sandbox.tour.timeline import Timeline, all_held, as_json

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
HELD = Result(
    chapter="Ada reads", name="The free article", outcome=Outcome.HELD, expected="granted", seen="granted (metered)",
    business_at=START, seconds=0.25,
)  # fmt: skip
FAILED = Result(
    chapter="Ada pays", name="The charge", outcome=Outcome.FAILED, expected="$2.90", seen="[nothing]",
    business_at=START + timedelta(days=31), seconds=1.0,
)  # fmt: skip
SKIPPED = Result(
    chapter="Ada pays", name="The renewal", outcome=Outcome.SKIPPED, expected="$2.90", seen="not tried",
    business_at=None, seconds=0.0,
)  # fmt: skip


def _printed(*results: Result, terminal: bool = False) -> str:
    file = io.StringIO()
    system: Literal["standard", "auto"] = "standard" if terminal else "auto"
    timeline = Timeline(Console(file=file, width=100, force_terminal=terminal, color_system=system))
    for result in results:
        timeline.show(result)
    timeline.conclude(results)
    return file.getvalue()


def test_each_step_shows_its_day_its_result_and_what_was_seen() -> None:
    """A held step takes two lines under its chapter; nothing repeats the expectation that was met."""
    lines = _printed(HELD).splitlines()
    assert lines[1] == "Ada reads"
    assert lines[2].split() == ["HELD", "22", "November", "2026", "The", "free", "article"]
    assert lines[3].strip() == "granted (metered)"
    assert lines[-1] == "All 1 steps held. 0 days passed in 0 s."


def test_a_failure_shows_expected_beside_seen() -> None:
    """Whoever reads a failure sees both at once, also where a text looks like markup; a skipped step says so."""
    printed = _printed(HELD, FAILED, SKIPPED)
    assert "expected: $2.90" in printed
    assert "seen:     [nothing]" in printed
    assert "SKIPPED" in printed
    assert "1 of 3 steps held. 31 days passed in 1 s." in printed


def test_only_a_terminal_gets_colours() -> None:
    """Piped into a file, the timeline is plain text."""
    assert "\x1b[" not in _printed(HELD, FAILED)
    assert "\x1b[" in _printed(HELD, FAILED, terminal=True)


def test_a_machine_reads_the_same() -> None:
    """The JSON says whether all held, and everything about each step."""
    value = json.loads(as_json([HELD, FAILED]))
    assert value["held"] is False
    assert value["steps"][0] == {
        "chapter": "Ada reads", "name": "The free article", "outcome": "held", "expected": "granted",
        "seen": "granted (metered)", "business_at": "2026-11-22T12:00:00+00:00", "seconds": 0.25,
    }  # fmt: skip
    assert all_held([HELD])
    assert not all_held([HELD, SKIPPED])
