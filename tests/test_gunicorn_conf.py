"""gunicorn, run with our configuration: where it listens, what it does not open, and what its dead workers leave."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest

from sandbox.newsroom import DEFAULT_PORTS, ROOT, Newsroom, Ports, Secrets
from sandbox.processes import Child, free_port, stat_fields
from service.web_worker import OWN_SOCKETS

# Counts its requests and its living workers, and says both, summed over all workers. Loads slowly when told to.
APP = """
import gc, json, os, pathlib, sys, time
if pathlib.Path(__file__).with_name("slowly").exists():
    time.sleep(3)
if pathlib.Path(__file__).with_name("broken").exists():
    raise ValueError("a slip in plans.yaml")
inherited = sorted(name for name in sys.modules if name.partition(".")[0] == "service")
from prometheus_client import CollectorRegistry, Counter, Gauge, multiprocess
requests, alive = Counter("requests", "r"), Gauge("alive", "a", multiprocess_mode="livesum")
def app(environ, start_response):
    requests.inc()
    alive.set(1)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    said = {name: registry.get_sample_value(name) for name in ("requests_total", "alive")}
    body = json.dumps(said | {"pid": os.getpid(), "kept": gc.get_freeze_count(), "inherited": inherited}).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
open_url = build_opener(ProxyHandler({})).open


@pytest.fixture
def room(tmp_path: Path) -> Newsroom:
    """A folder and ports for gunicorn and the application that it serves."""
    (tmp_path / "counting.py").write_text(APP)
    room = Newsroom(tmp_path, Ports(*(free_port() for _ in DEFAULT_PORTS)), Secrets.kept_in(tmp_path / "secrets.json"))
    room.metrics_directory.mkdir()
    return room


@pytest.fixture
def server(request: pytest.FixtureRequest, room: Newsroom) -> Iterator[tuple[Child, str]]:
    """gunicorn with one worker (or as many as the parameter says), its runtime folder the room's; and its address."""
    workers = getattr(request, "param", 1)
    child = start("gunicorn", room, workers)
    child.wait_until(lambda: ready_workers(child) == workers, timeout_seconds=20)
    yield child, room.service_url
    child.stop()


def start(name: str, room: Newsroom, workers: int) -> Child:
    """Start gunicorn on the room's port; its log is called `name`."""
    folder = room.metrics_directory.parent
    settings = room.settings(os.environ | {"WEB_WORKERS": str(workers), "LOG_LEVEL": "debug"}, test_clock="")
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "counting:app"]
    env = settings | {"XDG_RUNTIME_DIR": str(folder), "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}
    return Child(name, command, log=folder / name, env=env, cwd=ROOT)


def ready_workers(child: Child) -> int:
    """Return how many workers ever listened."""
    return "".join(child.lines()).count("Ready to answer")


def listening_sockets(port: int) -> int:
    """Return how many sockets listen on the port, by proc_net_tcp(5)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def said(client: http.client.HTTPConnection) -> Any:
    """Return the app's answer on this connection, which is kept."""
    client.request("GET", "/")
    return json.loads(client.getresponse().read())


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


def test_what_was_loaded_is_not_looked_through_for_rubbish(server: tuple[Child, str]) -> None:
    """The collector's rare whole rounds, in which nobody is answered, leave out all that stays for good."""
    assert ask(server[1])["kept"] > 10_000


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


@pytest.mark.parametrize("server", [2], indirect=True)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux spreads connections over sockets of one port")
def test_workers_share_what_comes_in_a_burst(server: tuple[Child, str]) -> None:
    """Each of two workers has sockets of its own, and of 64 connections keeps at least a fifth, which no race decides.

    A fair coin leaves one side with fewer than 13 once in 3 million times.
    """
    _, url = server
    assert listening_sockets(int(url.rpartition(":")[2])) == 1 + 2 * OWN_SOCKETS
    clients = [http.client.HTTPConnection(url.removeprefix("http://")) for _ in range(64)]
    for client in clients:
        client.connect()
    pids = [said(client)["pid"] for client in clients]
    for client in clients:
        client.close()
    assert len(set(pids)) == 2
    assert min(Counter(pids).values()) >= 13


@pytest.mark.parametrize("server", [2], indirect=True)
@pytest.mark.skipif(not Path("/proc").exists(), reason="waits for a process to end by Linux's /proc")
def test_whoever_comes_while_a_worker_is_replaced_is_answered_by_the_others(
    server: tuple[Child, str], tmp_path: Path
) -> None:
    """One that loads for 3 s takes no connection before it is ready: 40 new ones are answered at once meanwhile."""
    child, url = server
    (tmp_path / "slowly").touch()
    os.kill(ask(url)["pid"], signal.SIGKILL)
    child.wait_until(lambda: "".join(child.lines()).count("Booting worker") == 3, timeout_seconds=20)
    assert len({ask(url)["pid"] for _ in range(40)}) == 1
    assert ready_workers(child) == 2
    child.wait_until(lambda: ready_workers(child) == 3, timeout_seconds=20)


@pytest.mark.parametrize("server", [2], indirect=True)
def test_a_worker_that_cannot_start_takes_nobody_else_down(server: tuple[Child, str], tmp_path: Path) -> None:
    """One is killed while what is on the disk is broken: the other serves on, and is joined by a third when mended."""
    child, url = server
    (tmp_path / "broken").touch()
    os.kill(ask(url)["pid"], signal.SIGKILL)
    child.wait_until(lambda: "Worker cannot start" in "".join(child.lines()), timeout_seconds=20)
    assert len({ask(url)["pid"] for _ in range(10)}) == 1
    (tmp_path / "broken").unlink()
    child.wait_until(lambda: ready_workers(child) == 3, timeout_seconds=20)
    assert child.process.poll() is None


@pytest.mark.parametrize("server", [2], indirect=True)
def test_a_reload_of_what_does_not_start_is_not_begun(server: tuple[Child, str], tmp_path: Path) -> None:
    """SIGHUP with a slip in a file leaves the workers that are there; without it new ones take over."""
    child, url = server
    (tmp_path / "broken").touch()
    child.process.send_signal(signal.SIGHUP)
    child.wait_until(lambda: "Not reloaded" in "".join(child.lines()), timeout_seconds=20)
    assert ask(url)["requests_total"]
    assert ready_workers(child) == 2
    (tmp_path / "broken").unlink()
    child.process.send_signal(signal.SIGHUP)
    child.wait_until(lambda: ready_workers(child) == 4, timeout_seconds=20)


def test_workers_of_a_master_of_the_release_before_start(room: Newsroom) -> None:
    """Claim: a reload reads this file into a master that ran an older one, which made no byte for who has served."""
    told = (
        "import runpy, types; conf = runpy.run_path('gunicorn.conf.py'); worker = types.SimpleNamespace(); "
        "conf['post_fork'](types.SimpleNamespace(LISTENERS=[], draining=bytes(1)), worker); print(worker.served[0])"
    )
    env = room.settings(os.environ, test_clock="") | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", told], env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("0\n", 0), done.stderr


def test_what_cannot_start_at_all_ends(room: Newsroom) -> None:
    """Before anybody was served, the first worker that cannot start ends it all: a supervisor shall see it."""
    (room.metrics_directory.parent / "broken").touch()
    child = start("gunicorn", room, 1)
    assert child.process.wait(20) != 0


def test_a_worker_has_none_of_the_masters_code(server: tuple[Child, str]) -> None:
    """Claim: after an upgrade a reload reads all of our code anew, also what the master has imported for itself."""
    assert "service.settings" in (ROOT / "gunicorn.conf.py").read_text()
    assert ask(server[1])["inherited"] == []


def test_a_port_on_which_somebody_listens_is_refused(server: tuple[Child, str], room: Newsroom) -> None:
    """A second service would otherwise be given half of the first one's connections, without a word."""
    _, url = server
    second = start("second", room, 1)
    assert second.process.wait(20) == 1
    assert "Cannot listen at" in "".join(second.lines())
    assert ask(url)["requests_total"] == 1


def test_it_stops_on_its_own_within_the_graceful_time(server: tuple[Child, str]) -> None:
    """SIGTERM with an idle kept-alive client is enough."""
    child, url = server
    client = http.client.HTTPConnection(url.removeprefix("http://"))
    client.request("GET", "/")
    assert client.getresponse().read()
    child.stop()
    assert child.process.returncode == 0
    client.close()
