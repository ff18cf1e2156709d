"""gunicorn, run with our configuration: where it listens, what it does not open, and what its dead workers leave."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest

from sandbox.newsroom import DEFAULT_PORTS, ROOT, Newsroom, Ports, Secrets
from sandbox.processes import Child, free_port, stat_fields

# Counts its requests and its living workers, and says both, summed over all workers.
APP = """
import json, os
from prometheus_client import CollectorRegistry, Counter, Gauge, multiprocess
requests, alive = Counter("requests", "r"), Gauge("alive", "a", multiprocess_mode="livesum")
def app(environ, start_response):
    requests.inc()
    alive.set(1)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    said = {name: registry.get_sample_value(name) for name in ("requests_total", "alive")}
    body = json.dumps(said | {"pid": os.getpid()}).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
open_url = build_opener(ProxyHandler({})).open


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Child, str]]:
    """gunicorn with one worker, its runtime folder below `tmp_path`, and its address."""
    (tmp_path / "counting.py").write_text(APP)
    ports = Ports(*(free_port() for _ in DEFAULT_PORTS))
    room = Newsroom(tmp_path, ports, Secrets.kept_in(tmp_path / "secrets.json"))
    room.metrics_directory.mkdir()
    settings = room.settings(os.environ | {"WEB_WORKERS": "1", "LOG_LEVEL": "debug"}, test_clock="")
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"),
               "--pythonpath", f"{ROOT},{tmp_path}", "counting:app"]  # fmt: skip
    child = Child(
        "gunicorn", command, log=tmp_path / "log", env=settings | {"XDG_RUNTIME_DIR": str(tmp_path)}, cwd=ROOT
    )
    child.wait_until(lambda: "Booting worker" in "".join(child.lines()), timeout_seconds=20)
    yield child, room.service_url
    child.stop()


def ask(url: str) -> Any:
    """Return the app's answer, waiting for a worker if there is none just now."""
    with open_url(url, timeout=20) as answer:
        return json.load(answer)


def test_it_listens_where_the_settings_say_and_opens_nothing_else(server: tuple[Child, str], tmp_path: Path) -> None:
    """No control socket through which a process on the machine could reconfigure it."""
    child, url = server
    assert ask(url)["requests_total"] == 1
    assert f"Listening at: {url}" in "\n".join(child.lines())
    child.wait_until(lambda: "Control socket disabled" in "".join(child.lines()), timeout_seconds=5)
    assert [each for each in tmp_path.iterdir() if each.is_socket()] == []


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the worker's parent through Linux's /proc")
def test_a_dead_worker_keeps_its_counts_and_loses_its_gauges(server: tuple[Child, str]) -> None:
    """Sums over all workers never shrink, and nobody dead is counted as living."""
    child, url = server
    first = ask(url)
    assert int(stat_fields(first["pid"])[1]) == child.pid
    os.kill(first["pid"], signal.SIGKILL)
    child.wait_until(lambda: "".join(child.lines()).count("Booting worker") == 2, timeout_seconds=20)
    second = ask(url)
    assert second["pid"] != first["pid"]
    assert (second["requests_total"], second["alive"]) == (2, 1)


def test_it_stops_on_its_own_within_the_graceful_time(server: tuple[Child, str]) -> None:
    """SIGTERM with an idle kept-alive client is enough."""
    child, url = server
    client = http.client.HTTPConnection(url.removeprefix("http://"))
    client.request("GET", "/")
    assert client.getresponse().read()
    child.stop()
    assert child.process.returncode == 0
    client.close()
