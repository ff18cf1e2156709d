"""Reloading and stopping the real web service under a steady load of decisions: nothing that was begun is lost."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from sandbox.newsroom import ROOT, machine
from sandbox.processes import Child, free_port
from service.store.api_keys import ApiKeyStore, Scope
from service.store.database import make_engine

pytestmark = pytest.mark.slow


class Service:
    """`newsstand web` on a free port, and a key for it."""

    def __init__(self, settings: dict[str, str], key: str, folder: Path) -> None:
        self.port = int(settings["PORT"])
        self.key = key
        command = [str(Path(sys.executable).with_name("newsstand")), "web"]
        self.child = Child("web", command, log=folder / "web.log", env=settings, cwd=ROOT)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def decide(self, connection: http.client.HTTPConnection) -> Any:
        """Return the answer to one decision; raises what http.client raises when none comes."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        connection.request("POST", "/v1/decisions", json.dumps({"article": {"id": "a-1"}}), headers)
        answer = connection.getresponse()
        assert answer.status == 200
        return json.load(answer)

    def is_live(self) -> bool:
        try:
            return self.get("/health/live")[0] == 200
        except OSError:
            return False

    def get(self, path: str) -> tuple[int, Any]:
        """Return status and JSON of an answer, on a connection of its own."""
        connection = self.connect()
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.load(answer)
        finally:
            connection.close()

    def workers(self) -> set[int]:
        """Return the processes that gunicorn has started, ended ones included."""
        return {int(line.rsplit(" ", 1)[1]) for line in self._events("Booting worker with pid:")}

    def reload(self) -> None:
        """Send SIGHUP; return when all workers are new."""
        old = self.workers()
        self.child.process.send_signal(signal.SIGHUP)
        self.child.wait_until(lambda: len(self.workers() - old) == len(old), timeout_seconds=30)
        self.child.wait_until(lambda: all(_is_gone(pid) for pid in old), timeout_seconds=30)

    def served(self) -> int:
        """Return how many decisions the service has answered, by its own log."""
        lines = (json.loads(line) for line in self.child.lines() if line.startswith("{"))
        return sum(line["event"] == "request" and line["route"] == "/v1/decisions" for line in lines)

    def _events(self, text: str) -> list[str]:
        events = (json.loads(line)["event"] for line in self.child.lines() if line.startswith("{"))
        return [each for each in events if text in each]


@pytest.fixture
def service(request: pytest.FixtureRequest, database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Service]:
    """The web service with two workers, answering; its DRAIN_SECONDS may be given as the fixture's parameter."""
    settings = machine(os.environ) | {
        "LOG_LEVEL": "debug",  # a line for every decision
        "DATABASE_URL": database_url, "REDIS_URL": redis_url, "STRIPE_SECRET_KEY": "sk_test_5f1c8e07",
        "STRIPE_WEBHOOK_SECRETS": "whsec_5f1c8e07aa", "SUBJECT_KEY": "5f1c8e07" * 4,
        "SITE_ORIGINS": "https://www.your-daily.example", "STRIPE_API_BASE": "http://127.0.0.1:1",
        "PORT": str(free_port()), "DRAIN_SECONDS": getattr(request, "param", "0"),
    }  # fmt: skip
    engine = make_engine(database_url)
    key = ApiKeyStore(engine).create_key("the load", [Scope.DECIDE])
    engine.dispose()
    service = Service(settings, key, tmp_path)
    service.child.wait_until(service.is_live, timeout_seconds=40)
    yield service
    service.child.stop()


class Load:
    """Decisions without pause, from two threads that keep their connection and two that open one a request."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=[keep]) for keep in (True, True, False, False)]
        self._answers: list[Any] = []
        self.failures: list[BaseException] = []
        self.failed_on_kept_connection: list[BaseException] = []

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    @property
    def answered(self) -> int:
        return len(self._answers)

    def wait_for(self, more: int) -> None:
        """Return once `more` decisions have been answered from now on, or a thread has failed."""
        until = self.answered + more
        while self.answered < until and any(thread.is_alive() for thread in self._threads):
            self._stopped.wait(0.02)

    def _ask(self, keep_alive: bool) -> None:
        connection = self._service.connect()
        while not self._stopped.is_set():
            kept = connection.sock is not None
            try:
                self._answers.append(self._service.decide(connection))
            except Exception as failure:
                self.failures.append(failure)
                self.failed_on_kept_connection += [failure] if kept else []
                break
            if not keep_alive:
                connection.close()
        connection.close()


def test_a_reload_fails_no_request(service: Service) -> None:
    """SIGHUP puts new workers in the place of the old while decisions go on, on kept and on new connections."""
    with Load(service) as load:
        load.wait_for(50)
        service.reload()
        load.wait_for(50)
    assert load.failures == []
    assert service.is_live()


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_stop_cuts_no_answer_short(service: Service) -> None:
    """SIGTERM under load: all that reached the service is answered; a kept connection ends by announcement.

    What fails is the next *new* connection, which no worker has seen: a balancer or the client may repeat it.
    """
    with Load(service) as load:
        load.wait_for(50)
        service.child.process.send_signal(signal.SIGTERM)
        assert service.child.process.wait(20) == 0
    assert load.failed_on_kept_connection == []
    assert service.served() == load.answered > 50


def test_a_request_under_way_is_finished(service: Service) -> None:
    """A client that has sent half its request when SIGTERM comes sends the rest and is answered."""
    body = json.dumps({"article": {"id": "a-1"}}).encode()
    head = (
        f"POST /v1/decisions HTTP/1.1\r\nHost: newsstand\r\nAuthorization: Bearer {service.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as client:
        client.sendall(head + body[:5])
        service.decide(service.connect())  # by now the half request is with a worker
        service.child.process.send_signal(signal.SIGTERM)
        service.child.wait_until(lambda: "Handling signal: term" in service.child.log.read_text(), timeout_seconds=10)
        client.sendall(body[5:])
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert (answer.status, json.load(answer)["granted"]) == (200, True)
    assert service.child.process.wait(20) == 0


@pytest.mark.parametrize("service", ["600"], indirect=True)
def test_draining_is_told_while_everything_is_served(service: Service) -> None:
    """After SIGTERM, workers of a reload included, say so to a balancer, and still decide; a second SIGTERM stops."""
    service.reload()
    assert service.get("/health/ready")[1]["status"] != "draining"
    service.child.process.send_signal(signal.SIGTERM)
    service.child.wait_until(lambda: service.get("/health/ready")[0] == 503, timeout_seconds=10)
    for _ in range(8):  # whichever worker is asked
        assert service.get("/health/ready")[1]["status"] == "draining"
        assert service.decide(service.connect())["granted"]
    service.child.process.send_signal(signal.SIGTERM)
    assert service.child.process.wait(20) == 0


@pytest.mark.parametrize("service", ["0.2"], indirect=True)
def test_draining_ends_by_itself(service: Service) -> None:
    """When DRAIN_SECONDS are over the service stops as it does without them."""
    service.child.process.send_signal(signal.SIGTERM)
    assert service.child.process.wait(20) == 0
