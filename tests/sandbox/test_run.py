"""`make run` starts a newsroom, finds the data of the one before, and leaves nothing running however it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import psycopg
import pytest

from sandbox.leftovers import read_record, started, take_lock
from sandbox.newsroom import SITE_KEY, STRIPE_KEY, SUPPORT_KEY
from sandbox.processes import Child, stat_fields

pytestmark = pytest.mark.slow

open_url = build_opener(ProxyHandler({})).open


def get(url: str, key: str) -> Any:
    """Return the JSON that `url` answers with."""
    with open_url(Request(url, headers={"Authorization": f"Bearer {key}"}), timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def descendants(pid: int) -> set[tuple[int, str | None]]:
    """Return every process below `pid`, each with its start, so that a later one is not taken for it."""
    parents = {int(each.name): stat_fields(int(each.name)) for each in Path("/proc").iterdir() if each.name.isdigit()}
    found, front = set[int](), {pid}
    while front:
        front = {each for each, fields in parents.items() if fields and int(fields[1]) in front} - found
        found |= front
    return {(each, started(each)) for each in found}


def survivors(processes: set[tuple[int, str | None]], seconds: float = 20) -> list[int]:
    """Return which of `processes` have not ended; the limit only bounds a failing test."""
    deadline = time.monotonic() + seconds
    while True:
        left = [pid for pid, began in processes if began and started(pid) == began]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


def refusal(child: Child) -> str:
    """Return the one line that a start which is refused prints, without the line that says it starts."""
    assert child.process.wait(60) == 1
    lines = [line for line in child.lines() if line != "Starting the newsroom ..."]
    assert len(lines) == 1, lines
    return lines[0]


def test_the_newsroom_is_up(newsroom: Any) -> None:
    """Every part answers at its printed address, with its printed key."""
    assert get(f"{newsroom.at.service_url}/health/ready", SITE_KEY)
    assert get(f"{newsroom.at.service_url}/v1/plans", SITE_KEY)["plans"]
    assert "data" in get(f"{newsroom.at.service_url}/v1/support/accounts?q=x", SUPPORT_KEY)
    clocks = get(f"{newsroom.at.stripe_url}/v1/test_helpers/test_clocks", STRIPE_KEY)["data"]
    assert [clock["name"] for clock in clocks] == ["sandbox"]
    with psycopg.connect(newsroom.at.database_url) as connection:
        assert connection.execute("select count(*) from accounts").fetchone() is not None


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds descendants through Linux's /proc")
def test_nothing_survives_and_data_does(new_newsroom: Any) -> None:
    """After kill -9 of the supervisor all is gone; the next start finds the data; one part's death ends the rest."""
    room = new_newsroom
    first = room.start()
    running = descendants(first.pid)
    assert {each.name for each in read_record(room.at.directory / "running.json")} == {
        "newspaper", "web", "worker", "sign-in provider", "stand-in Stripe", "valkey", "postgresql",
    }  # fmt: skip
    assert "already runs in" in refusal(room.spawn())
    clock = get(f"{room.at.stripe_url}/v1/test_helpers/test_clocks", STRIPE_KEY)["data"][0]["id"]
    with psycopg.connect(room.at.database_url) as connection:
        connection.execute("create table kept as select 1")
    first.process.kill()
    first.process.wait()
    assert survivors(running) == []

    second = room.start()
    running = descendants(second.pid)
    assert get(f"{room.at.stripe_url}/v1/test_helpers/test_clocks", STRIPE_KEY)["data"][0]["id"] == clock
    with psycopg.connect(room.at.database_url) as connection:
        assert connection.execute("select * from kept").fetchone() == (1,)
    web = next(each for each in read_record(room.at.directory / "running.json") if each.name == "web")
    os.kill(web.pid, signal.SIGKILL)
    assert second.process.wait(60) == 1
    assert second.last_line().startswith("newsstand: web was killed by signal 9")
    assert survivors(running, seconds=0) == []


def test_a_port_in_use_is_one_line(new_newsroom: Any) -> None:
    """It names the port and the variable that moves it."""
    room = new_newsroom
    with socket.create_server(("127.0.0.1", room.at.ports.redis)):
        line = refusal(room.spawn())
    assert line == f"newsstand: port {room.at.ports.redis} is in use: free it, or set REDIS_PORT to another port"


def test_a_second_run_in_the_same_folder_is_one_line(new_newsroom: Any) -> None:
    """It names the folder, who holds it, and the way out."""
    room = new_newsroom
    with take_lock(room.at.directory):
        line = refusal(room.spawn())
    assert line.startswith(f"newsstand: a newsroom already runs in {room.at.directory} (process {os.getpid()})")
    assert "SANDBOX_DIR" in line


def test_a_damaged_folder_is_one_line(new_newsroom: Any) -> None:
    """It names the damaged folder and how to start afresh; what had been started is stopped."""
    room = new_newsroom
    data = room.at.directory / "postgres" / "data"
    data.mkdir(parents=True)
    line = refusal(room.spawn())
    assert line.startswith(f"newsstand: PostgreSQL cannot use its data in {data}: PG_VERSION is missing; ")
    assert line.endswith(f"to start afresh delete {room.at.directory}, or set SANDBOX_DIR to another folder")
    assert read_record(room.at.directory / "running.json") == []


def test_a_stop_during_the_start_is_orderly(new_newsroom: Any) -> None:
    """Ctrl-C does not have to wait for the welcome, and leaves nothing either."""
    room = new_newsroom
    child = room.spawn()
    child.wait_until((room.at.directory / "running.json").exists, timeout_seconds=30)
    running = descendants(child.pid)
    child.process.send_signal(signal.SIGINT)
    assert child.process.wait(60) == 0
    assert survivors(running, seconds=0) == []
