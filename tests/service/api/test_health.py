"""Health says 503 only when requests should really go elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from service.api.health import HealthChecks


def up() -> None:
    return None


def down() -> None:
    raise ConnectionError("canary")


def dead() -> bool:
    return False


def checks(**changes: Any) -> HealthChecks:
    plain: dict[str, Any] = {
        "parts": {"redis": up, "database": up},
        "started": lambda: True,
        "oldest_event_seconds": lambda: 1.5,
        "stuck_events": lambda: {"failed": 0, "quarantined": 2},
        "every_part": False,
    }
    plain |= changes
    return HealthChecks(plain.pop("parts"), **plain)


def test_live_says_that_the_process_answers(api: Any) -> None:
    """No part is asked, so none can fail it."""
    assert api.call("GET", "/health/live", key=None).json == {"status": "live"}


@pytest.mark.parametrize(
    ("parts", "status", "degraded"),
    [
        ({"redis": up, "database": up}, "ready", []),
        ({"redis": down, "database": up}, "degraded", ["redis"]),
        ({"redis": up, "database": down}, "degraded", ["database"]),
        ({"redis": up, "database": up, "stripe_clock": dead}, "degraded", ["stripe_clock"]),
        ({"redis": down, "database": down}, "outage", ["redis", "database"]),
    ],
)
def test_a_missing_part_is_told_and_not_held_against_us(
    build_api: Callable[..., Any], parts: dict[str, Any], status: str, degraded: list[str]
) -> None:
    """The failure policy still answers decisions, so a balancer must not take the process out: 200."""
    answer = build_api(health=checks(parts=parts)).call("GET", "/health/ready", key=None)
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["degraded"]) == (status, degraded)
    assert {name for name, part in answer.json["parts"].items() if part["status"] == "down"} == set(degraded)
    assert "canary" not in answer.get_data(as_text=True)


def test_the_oldest_unprocessed_event_is_told() -> None:
    """Its age; unknown while PostgreSQL is down, or when asking fails."""
    assert checks().ready().oldest_unprocessed_event_seconds == 1.5
    assert checks(parts={"redis": up, "database": down}).ready().oldest_unprocessed_event_seconds is None
    assert checks(oldest_event_seconds=down).ready().oldest_unprocessed_event_seconds is None


def test_stuck_events_are_told_by_state(build_api: Callable[..., Any]) -> None:
    """A quarantined event waits for people and has no age, so it is counted; unknown while the database is away."""
    answer = build_api(health=checks()).call("GET", "/health/ready", key=None)
    assert answer.json["stuck_events"] == {"failed": 0, "quarantined": 2}
    for health in (checks(parts={"redis": up, "database": down}), checks(stuck_events=down)):
        assert build_api(health=health).call("GET", "/health/ready", key=None).json["stuck_events"] is None


@pytest.mark.parametrize("change", ["starting", "draining"])
def test_starting_and_draining_are_not_ready(build_api: Callable[..., Any], change: str) -> None:
    """503, with the same body."""
    health = checks(started=lambda: change != "starting")
    if change == "draining":
        health.follow_draining(lambda: True)
    answer = build_api(health=health).call("GET", "/health/ready", key=None)
    assert (answer.status_code, answer.json["status"]) == (503, change)
    assert answer.json["parts"]["redis"] == {"status": "up"}


def test_in_the_sandbox_ready_means_every_part() -> None:
    """`make run` waits for it, worker included."""
    parts = {"redis": up, "database": up, "worker": dead}
    assert not checks(parts=parts, every_part=True).ready().ready
    assert checks(parts=parts | {"worker": up}, every_part=True).ready().ready
