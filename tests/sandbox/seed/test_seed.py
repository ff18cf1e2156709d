"""A past for a whole running newsroom: everything goes over HTTP, and what it leaves can be looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tour"), pytest.mark.timeout(600)]

NEWSSTAND = str(Path(sys.executable).with_name("newsstand"))
SEED = "4711"


def seed(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NEWSSTAND, "sandbox", "seed", *options], env=environment, capture_output=True, text=True, timeout=580,
        check=False,
    )  # fmt: skip


def accounts(room: Any, **query: str) -> list[dict[str, Any]]:
    answer = requests.get(
        f"{room.at.service_url}/v1/support/accounts", params={"q": f"reader-{SEED}-", **query}, timeout=10,
        headers={"Authorization": "Bearer support_sandbox"},
    )  # fmt: skip
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def test_readers_have_a_past_afterwards(own_newsroom: Any) -> None:
    """Two months of fourteen readers: found by support in several states, with walls decided month by month; and a
    second run of the same seed changes nothing and says so."""
    run = seed(own_newsroom.environment, "--readers", "14", "--months", "2", "--seed", SEED)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "14 readers in" in run.stdout
    found = accounts(own_newsroom)
    assert len(found) > 5
    assert len({each["status"] for each in found}) >= 2
    assert all(each["email"].rpartition(".")[2] in {"com", "org", "net", "example"} for each in found)
    with psycopg.connect(own_newsroom.at.database_url) as connection:
        walls = connection.execute(
            "select count(*), count(distinct date_trunc('month', decided_at)) from decisions "
            "where not granted and coalesce(reader_id, visitor_id) ~ %s",
            (f"^(reader|browser)-{SEED}-",),
        ).fetchone()
    assert walls is not None
    assert walls[0] > 10
    assert walls[1] >= 2
    again = seed(own_newsroom.environment, "--readers", "14", "--months", "2", "--seed", SEED)
    assert (again.returncode, "has readers of this seed already" in again.stderr) == (1, True)
    assert accounts(own_newsroom) == found


def test_without_a_newsroom_there_is_one_line(tmp_path: Path) -> None:
    """Which says what to start."""
    run = seed({"PATH": "/usr/bin:/bin", "PORT": "1", "STRIPE_PORT": "1"})
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "Error: No newsroom answers at http://127.0.0.1:1; start it with `make run`.\n"
