"""The whole journey, on a whole newsroom: gunicorn, worker, Valkey, PostgreSQL, stand-in Stripe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.processes import free_port

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tour")]

NEWSSTAND = str(Path(sys.executable).with_name("newsstand"))


def _tour(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NEWSSTAND, "tour", *options], env=environment, capture_output=True, text=True, timeout=110, check=False
    )


def test_the_whole_journey_holds(own_newsroom: Any) -> None:
    """From the first free article to a paid renewal, every step holds, and the charges are the offer's."""
    run = _tour(own_newsroom.environment, "--json")
    result = json.loads(run.stdout)
    wrong = [(step["name"], step["expected"], step["seen"]) for step in result["steps"] if step["outcome"] != "held"]
    assert wrong == []
    assert (run.returncode, result["held"]) == (0, True)
    seen = {step["name"]: step["seen"] for step in result["steps"]}
    assert "$14.90" in seen["What the wall shows"]
    assert seen["30 days pass"].startswith("charged so far: $2.90;")
    assert seen["A month passes: the renewal"].startswith("charged so far: $2.90, $2.90;")
    assert seen["The period is over"].endswith("charged in all: $2.90, $2.90")
    assert seen["A year passes: the renewal"].startswith("charged so far: $19.90, $19.90;")


def test_the_tour_can_be_taken_again(own_newsroom: Any) -> None:
    """On a sandbox that is far in its future and knows earlier readers, the journey holds as before, in plain text."""
    run = _tour(own_newsroom.environment)
    assert run.returncode == 0, run.stdout
    assert "steps held" in run.stdout
    assert "\x1b[" not in run.stdout


def test_a_step_that_does_not_hold_is_told_in_the_exit_code(own_newsroom: Any) -> None:
    """With a key the service does not know, the first step fails, what depends on it is skipped, the code is 1."""
    run = _tour(own_newsroom.environment, "--site-key", "site_unknown")
    assert run.returncode == 1
    assert "expected: a monthly plan with a trial" in run.stdout
    assert "seen:     401 unknown_key" in run.stdout
    assert "0 of " in run.stdout


def test_nobody_at_home_is_one_clear_line() -> None:
    """Without a newsroom the tour says how to start one, and does not show a traceback."""
    port = free_port()
    run = _tour({"PATH": os.environ["PATH"], "PORT": str(port)})
    assert run.returncode == 1
    assert run.stderr == f"Error: Nothing answers at http://127.0.0.1:{port}; start it with `make run`.\n"
    assert run.stdout == ""
