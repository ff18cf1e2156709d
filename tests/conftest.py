"""Real servers for every test: one Valkey and one PostgreSQL per test process, and whole newsrooms; gone afterwards."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import stripe
import structlog

from sandbox.chromium import NoChromium, open_chromium
from sandbox.cluster import ValkeyCluster, running_cluster
from sandbox.databases import Databases
from sandbox.newsroom import DEFAULT_PORTS, ROOT, STRIPE_KEY, Newsroom, Ports, Secrets, machine
from sandbox.processes import Child, free_port
from sandbox.servers import Postgres, Valkey
from sandbox.standin.server import StandIn


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give all tests of the shared newsroom to one xdist worker, so that only one is started."""
    for item in items:
        if "newsroom" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("newsroom"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have measured, by `record_property`: a figure that nobody sees proves nothing."""
    for report in terminalreporter.getreports("passed"):
        for name, value in getattr(report, "user_properties", ()) if report.when == "call" else ():
            terminalreporter.write_line(f"measured: {name} = {value} ({report.nodeid})")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Undo what starting a process' parts does to the logs, or later tests see none, or a closed file."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def server_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the servers' data, removed at the end; what a killed run leaves, pytest's later runs remove."""
    folder = tmp_path_factory.mktemp("servers")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def valkey(server_directory: Path) -> Iterator[Valkey]:
    """A running Valkey 9."""
    server = Valkey(server_directory / "valkey", free_port(), durable=False)
    child = server.start()
    yield server
    child.stop()


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    """The address of an empty Valkey database."""
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    return valkey.url


@pytest.fixture(scope="session")
def whole_cluster(server_directory: Path) -> Iterator[ValkeyCluster]:
    """Three primaries with a replica each, which no test breaks."""
    with running_cluster(server_directory / "whole-cluster") as cluster:
        yield cluster


@pytest.fixture
def cluster_url(whole_cluster: ValkeyCluster) -> str:
    whole_cluster.flush()
    return whole_cluster.url


@pytest.fixture(scope="session")
def postgres(server_directory: Path) -> Iterator[Postgres]:
    """A running PostgreSQL 18."""
    server = Postgres(server_directory / "postgres", free_port(), durable=False)
    child = server.start()
    yield server
    child.stop()


@pytest.fixture(scope="session")
def databases(postgres: Postgres) -> Databases:
    """What lends databases with the whole schema."""
    return Databases(postgres)


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The address of a database with the schema and no rows."""
    with databases.one() as url:
        yield url


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """An empty stand-in Stripe in this process, listening on a free port (`base_url`); it keeps nothing."""
    with StandIn(api_keys=[STRIPE_KEY]) as running:
        yield running


@pytest.fixture
def stripe_client(standin: StandIn) -> stripe.StripeClient:
    """The unmodified SDK, talking to the stand-in over HTTP and trying once."""
    return stripe.StripeClient(STRIPE_KEY, base_addresses={"api": standin.base_url}, max_network_retries=0)


class RunningNewsroom:
    """A newsroom that `python -m sandbox.run` runs on free ports: where it is (`at`), and how a command finds it."""

    def __init__(self, directory: Path, **tuning: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        ports = Ports(*(free_port() for _ in DEFAULT_PORTS))
        self.at = Newsroom(directory, ports, Secrets.kept_in(directory / "secrets.json"))
        self._tuning = tuning
        self._children: list[Child] = []

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which `make run` was told its ports and folder: `newsstand tour` reads the same."""
        ports = {name: str(port) for name, port in self.at.ports.by_variable().items()}
        return machine(os.environ) | ports | self._tuning | {"SANDBOX_DIR": str(self.at.directory)}

    def spawn(self) -> Child:
        """Start it without waiting; whatever it prints goes to the child's log."""
        name = f"newsroom-{len(self._children)}"
        command = [sys.executable, "-m", "sandbox.run"]
        child = Child(name, command, log=self.at.directory / f"{name}.log", env=self.environment, cwd=ROOT)
        self._children.append(child)
        return child

    def start(self) -> Child:
        """Return once it has printed its welcome, which it does when every part is up."""
        child = self.spawn()
        child.wait_until(lambda: "Ctrl-C stops everything" in child.last_line(), timeout_seconds=90)
        return child

    def stop(self) -> None:
        """Stop what was started; nothing happens if it has ended already."""
        for child in self._children:
            child.stop(timeout_seconds=60)


@pytest.fixture
def new_newsroom(tmp_path: Path) -> Iterator[RunningNewsroom]:
    """A newsroom in a folder of its own, which the test starts and ends as it pleases."""
    room = RunningNewsroom(tmp_path / "newsroom", WEB_WORKERS="1")
    yield room
    room.stop()
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture(scope="session")
def newsroom(server_directory: Path) -> Iterator[RunningNewsroom]:
    """The whole sandbox, running: one for all tests that ask for it. Its clock only goes forward; use fresh readers."""
    room = RunningNewsroom(server_directory / "newsroom")
    child = room.start()
    yield room
    room.stop()
    assert child.process.returncode == 0, child.last_line()


@pytest.fixture(scope="session")
def own_newsroom(server_directory: Path) -> Iterator[RunningNewsroom]:
    """A second whole sandbox, for the tour: where nobody else's years of renewals are billed while its clock moves."""
    room = RunningNewsroom(server_directory / "own-newsroom")
    child = room.start()
    yield room
    room.stop()
    assert child.process.returncode == 0, child.last_line()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium; without one, tests fail with one line that names the package."""
    try:
        with open_chromium() as running:
            yield running
    except NoChromium as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture(scope="session")
def violations() -> Callable[[Any], list[str]]:
    """What axe objects to on a page: each rule with the first element. axe comes with the package that carries it."""
    spec = importlib.util.find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.origin is not None
    axe = (Path(spec.origin).parent / "axe.min.js").read_text()

    def look(page: Any) -> list[str]:
        page.evaluate(axe)
        found = page.evaluate("() => axe.run()")
        assert len(found["passes"]) > 5
        return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found["violations"]]

    return look
