"""The Dockerfile's own steps, run in a plain folder: what they leave serves, works, migrates and stops by itself."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.newsroom import ROOT
from sandbox.processes import Child, free_port

# The first test waits for the build: 20 s on two idle cores with pip's cache, more on a busy machine.
pytestmark = [pytest.mark.image, pytest.mark.timeout(300), pytest.mark.xdist_group("image")]

LIST = """
from importlib.metadata import distributions
for each in distributions():
    print(each.name.lower().replace("_", "-") + "==" + each.version)
"""


@pytest.fixture
def settings(database_url: str, redis_url: str) -> dict[str, str]:
    """What compose gives the containers, for servers on this machine. Nothing here talks to Stripe."""
    return {
        "DATABASE_URL": database_url, "REDIS_URL": redis_url, "STRIPE_SECRET_KEY": "sk_test_5f1c8e07",
        "STRIPE_WEBHOOK_SECRETS": "whsec_5f1c8e07aa", "SUBJECT_KEY": "5f1c8e07" * 4,
        "SITE_ORIGINS": "https://www.your-daily.example", "STRIPE_API_BASE": "http://127.0.0.1:1",
        "BIND_HOST": "127.0.0.1", "PORT": str(free_port()),
    }  # fmt: skip


@pytest.fixture
def web(image: Any, settings: dict[str, str], tmp_path: Path) -> Iterator[Child]:
    """A container's CMD, answering."""
    child = started(image, json.loads(image.last.only("CMD")), settings, tmp_path)
    child.wait_until(lambda: image.run(*image.last.health_command, **settings).returncode == 0, timeout_seconds=40)
    yield child
    child.stop()


def started(image: Any, command: list[str], settings: dict[str, str], folder: Path) -> Child:
    """Start a command of the image without waiting."""
    program = str(image.path("/opt/newsstand/bin") / command[0])
    env = image.environment | settings
    return Child("container", [program, *command[1:]], log=folder / "container.log", env=env, cwd=image.work_directory)


def test_it_holds_the_pinned_packages_and_nothing_else(image: Any) -> None:
    """No pip, no setuptools, no sandbox, no servers: `newsstand` and what base.txt names."""
    listed = image.run("python", "-c", LIST).stdout.split()
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+?)(?: ;.*)? \\$", (ROOT / "requirements/base.txt").read_text(), re.M))
    held = dict(each.split("==") for each in listed)
    assert held.pop("newsstand")
    assert {name: pinned.get(name) for name in held} == held
    assert image.run("python", "-c", "import sandbox").returncode == 1


def test_the_command_line_works_without_the_sandbox(image: Any) -> None:
    """Its help leaves out the tour, which is not there; the offer that is shipped is sound."""
    helped = image.run("newsstand", "--help")
    assert helped.returncode == 0, helped.stderr
    assert {"web", "worker", "migrate", "plans", "keys"} <= set(helped.stdout.split())
    assert "tour" not in helped.stdout.split()
    checked = image.run("newsstand", "plans", "check")
    assert "plans.yaml is sound" in checked.stdout, checked.stderr


def test_it_migrates_and_makes_keys(image: Any, settings: dict[str, str]) -> None:
    """What compose's `migrate` runs, and what an operator runs next."""
    assert image.run("newsstand", "migrate", **settings).stdout == "The database is up to date.\n"
    key = image.run("newsstand", "keys", "create", "our site", "--scope", "decide", **settings).stdout.strip()
    assert key[:12] in image.run("newsstand", "keys", "list", **settings).stdout


def test_it_serves_and_stops(image: Any, settings: dict[str, str], web: Child) -> None:
    """The health check says yes, a decision is made, and SIGTERM ends it with 0; then the health check says no."""
    key = image.run("newsstand", "keys", "create", "our site", "--scope", "decide", **settings).stdout.strip()
    client = http.client.HTTPConnection("127.0.0.1", int(settings["PORT"]), timeout=10)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    client.request("POST", "/v1/decisions", json.dumps({"article": {"id": "a-1"}}), headers)
    assert json.load(client.getresponse())["reason"] == "metered"
    client.close()
    web.stop()
    assert web.process.returncode == 0, web.last_line()
    assert image.run(*image.last.health_command, **settings).returncode != 0


def test_the_worker_works_and_its_health_check_knows(
    image: Any, compose: Any, settings: dict[str, str], tmp_path: Path
) -> None:
    """No before there is a worker, yes once it gives signs of life; SIGTERM ends it with 0."""
    worker = compose["services"]["worker"]
    kind, *check = worker["healthcheck"]["test"]
    assert kind == "CMD"
    assert image.run(*check, **settings).returncode == 1
    child = started(image, worker["command"], settings, tmp_path)
    give_up_at = time.monotonic() + 30
    while image.run(*check, **settings).returncode != 0:
        assert child.is_running(), child.lines()
        assert time.monotonic() < give_up_at
    child.stop(timeout_seconds=25)
    assert child.process.returncode == 0, child.lines()
