"""A meter on a real server, and what its tests ask it with."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis

from metering.memory import MemoryMeter
from metering.meter import Outcome, Pass, Reading, Subject, SubjectKind
from metering.redis_meter import RedisMeter
from metering.window import Window, window_at
from sandbox.processes import Child, free_port
from sandbox.servers import Redis, Valkey

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
SUBJECT_KEY = "a key that only the tests know, 32+"


class SlowProxy:
    """Passes on to a server what it gets, and hands back the answers in pieces with a pause before each."""

    def __init__(self, port: int) -> None:
        self.piece, self.pause_seconds = 65_536, 0.0
        self.requests = 0
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._open: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            self._open += [near, far]
            threading.Thread(target=self._forward, args=(near, far), daemon=True).start()
            threading.Thread(target=self._hand_back, args=(far, near), daemon=True).start()

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        self._until_closed(near, far, lambda data: (setattr(self, "requests", self.requests + 1), far.sendall(data)))

    def _hand_back(self, far: socket.socket, near: socket.socket) -> None:
        def slowly(data: bytes) -> None:
            for at in range(0, len(data), self.piece):
                time.sleep(self.pause_seconds)
                near.sendall(data[at : at + self.piece])

        self._until_closed(far, near, slowly)

    @staticmethod
    def _until_closed(one: socket.socket, other: socket.socket, act: Callable[[bytes], object]) -> None:
        try:
            while data := one.recv(65_536):
                act(data)
        except OSError:
            pass
        finally:
            for each in (one, other):
                each.close()

    def stop(self) -> None:
        for each in self._open:
            each.close()


class _ClusterNode(Valkey):
    """A cluster of one node: it refuses every script whose keys are undeclared or lie in different slots."""

    def _command(self) -> list[str]:
        # The default, 10,000 above the port, may lie beyond 65535.
        return [*super()._command(), "--cluster-enabled", "yes", "--cluster-port", str(free_port())]


@pytest.fixture(scope="session")
def cluster_node(server_directory: Path) -> Iterator[Valkey]:
    node = _ClusterNode(server_directory / "valkey-cluster", free_port(), durable=False)
    child = node.start()
    with redis.Redis.from_url(node.url, protocol=2) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        child.wait_until(lambda: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO"), timeout_seconds=30)
    yield node
    child.stop()


@pytest.fixture
def cluster_node_url(cluster_node: Valkey) -> str:
    with redis.Redis.from_url(cluster_node.url) as client:
        client.flushall()
    return cluster_node.url


@pytest.fixture(scope="session")
def redis_7(server_directory: Path) -> Iterator[Redis]:
    if not Redis.is_installed("7."):
        pytest.skip("Debian's redis-server 7 is not installed (apt install redis-server)")
    server = Redis(server_directory / "redis-7", free_port(), durable=False)
    child = server.start()
    yield server
    child.stop()


@pytest.fixture
def redis_7_url(redis_7: Redis) -> str:
    with redis.Redis.from_url(redis_7.url) as client:
        client.flushall()
    return redis_7.url


@pytest.fixture(
    params=[
        "memory", "valkey-9", "redis-7", "cluster-node",
        pytest.param("cluster", marks=[pytest.mark.cluster, pytest.mark.xdist_group("cluster")]),
    ]
)  # fmt: skip
def backend(request: pytest.FixtureRequest) -> str:
    """Every kind of meter; the cluster of six servers is kept for `make test-cluster`."""
    name: str = request.param
    return name


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot be asked of a backend: memory has no server to look at, a cluster's keys lie on three."""
    needs = {"memory": "backend_url", "cluster": "server"}
    odd = [item for item in items if needs.get(_backend_of(item), "") in getattr(item, "fixturenames", ())]
    items[:] = [item for item in items if item not in odd]
    config.hook.pytest_deselected(items=odd)


def _backend_of(item: pytest.Item) -> str:
    return str(getattr(item, "callspec", None) and item.callspec.params.get("backend"))  # type: ignore[attr-defined]


@pytest.fixture
def backend_url(backend: str, request: pytest.FixtureRequest) -> str:
    """The address of an empty server."""
    fixtures = {"valkey-9": "redis_url", "redis-7": "redis_7_url", "cluster-node": "cluster_node_url"}
    url: str = request.getfixturevalue(fixtures.get(backend, "cluster_url"))
    return url


@pytest.fixture
def server(backend: str, backend_url: str) -> Iterator[redis.Redis]:
    """A plain client, to look at what the meter wrote."""
    with redis.Redis.from_url(backend_url, protocol=2) as client:
        yield client


@pytest.fixture
def make_meter() -> Iterator[Callable[..., RedisMeter]]:
    """Makes meters and closes them; the deadline is generous, for tests that are not about it."""
    made: list[RedisMeter] = []

    def make(url: str, **changes: object) -> RedisMeter:
        options = {"subject_key": SUBJECT_KEY, "expected_readers": 1000, "timeout_seconds": 10.0} | changes
        made.append(RedisMeter(url, **options))
        return made[-1]

    yield make
    for meter in made:
        meter.close()


@pytest.fixture
def meter(backend: str, make_meter: Callable[..., RedisMeter], request: pytest.FixtureRequest) -> Any:
    """A meter of each kind."""
    return MemoryMeter() if backend == "memory" else make_meter(request.getfixturevalue("backend_url"))


@pytest.fixture
def month() -> Window:
    return window_at("month", NOW, PARIS)


@pytest.fixture
def next_month(month: Window) -> Window:
    return window_at("month", month.ends_at, PARIS)


@dataclass(frozen=True)
class Desk:
    """Asks one meter with everything but the point of the test filled in."""

    meter: RedisMeter
    window: Window
    now: datetime = NOW
    wall_now: datetime = NOW
    limit: int = 1

    def reads(self, subject: Subject, article: str, **changes: object) -> Reading:
        options = {"limit": self.limit, "window": self.window, "now": self.now, "wall_now": self.wall_now}
        return self.meter.ask(subject, article, **({"consume": True} | options | changes))

    def outcome(self, subject: Subject, article: str, **changes: object) -> Outcome:
        return self.reads(subject, article, **changes).outcome

    def used(self, subject: Subject, limit: int = 100) -> int:
        return self.meter.usage(subject, limit=limit, window=self.window).used

    def link(self, visitor: Subject, reader: Subject, linked_at: datetime = NOW) -> None:
        self.meter.link(visitor.id, reader.id, linked_at=linked_at, window=self.window, now=self.now)

    def with_(self, **changes: object) -> Desk:
        return replace(self, **changes)


@pytest.fixture
def make_desk(month: Window) -> Callable[..., Desk]:
    return lambda meter, **changes: Desk(meter, month, **changes)


@pytest.fixture
def desk(meter: Any, month: Window) -> Desk:
    return Desk(meter, month)


@pytest.fixture
def reader() -> Subject:
    return Subject(SubjectKind.READER, "r-81")


@pytest.fixture
def visitor() -> Subject:
    return Subject(SubjectKind.VISITOR, "v-5")


@pytest.fixture
def make_pass() -> Callable[..., Pass]:
    def make(**changes: object) -> Pass:
        fields = {
            "version": 1,
            "valid_until": NOW + timedelta(days=30),
            "refreshed_at": NOW,
            "absent": False,
            "payload": b"\x00anything\xff",
        }
        return Pass(**(fields | changes))

    return make


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[tuple[Valkey, Child]]:
    """A server of this test's own, to freeze, fill or stop."""
    valkey = Valkey(tmp_path / "valkey", free_port(), durable=False)
    child = valkey.start()
    yield valkey, child
    child.process.kill()
    child.stop()


@pytest.fixture
def make_proxy() -> Iterator[Callable[[int], SlowProxy]]:
    """Puts proxies before servers on 127.0.0.1, and stops them."""
    made: list[SlowProxy] = []

    def make(port: int) -> SlowProxy:
        made.append(SlowProxy(port))
        return made[-1]

    yield make
    for each in made:
        each.stop()
