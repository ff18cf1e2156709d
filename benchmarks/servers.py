"""What runs during a measurement: Valkey, PostgreSQL, and web services on one gunicorn configuration."""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.newsroom import ROOT, UNHURRIED, machine
from sandbox.processes import Child, free_port
from sandbox.servers import Postgres, Valkey
from service.settings import Settings
from service.store.api_keys import ApiKeyStore, Scope
from service.store.database import make_engine
from service.store.migrate import migrate

WEBHOOK_SECRET = "whsec_only_for_benchmarks_0123456789"  # noqa: S105 - known to nobody but this run's own servers
SUBJECT_KEY = "a-subject-key-only-for-benchmarks-0123456789"
STRIPE_KEY = "sk_test_benchmarks"
WORKERS, THREADS = 2, 4


@dataclass(frozen=True)
class Service:
    """A running web service."""

    port: int
    child: Child


@dataclass
class Backdrop:
    """The servers of one run. `site_key` opens the service's routes; everything is gone once the run is over."""

    folder: Path
    stack: ExitStack
    valkey: Valkey = field(init=False)
    valkey_child: Child = field(init=False)
    postgres: Postgres = field(init=False)
    site_key: str = field(init=False)

    def __post_init__(self) -> None:
        self.valkey, self.valkey_child = self.new_valkey("valkey")
        self.postgres = Postgres(self.folder / "postgres", free_port())
        self._ends(self.postgres.start())
        engine = make_engine(self.postgres.url)
        migrate(engine)
        self.site_key = ApiKeyStore(engine).create_key("benchmarks", [Scope.DECIDE])
        engine.dispose()

    def new_valkey(self, name: str) -> tuple[Valkey, Child]:
        """Start one more Valkey, for what must not be measured beside other data. It writes nothing to disk."""
        valkey = Valkey(self.folder / name, free_port(), durable=False)
        return valkey, self._ends(valkey.start())

    def serve(self, app: str, **changes: str) -> Service:
        """Serve a WSGI application as production serves ours, and return once it answers."""
        port = free_port()
        metrics = self.folder / f"metrics-{port}"
        metrics.mkdir()
        environment = self.settings(PORT=str(port), PROMETHEUS_MULTIPROC_DIR=str(metrics), **changes)
        command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), app]
        child = Child(app, command, log=self.folder / f"web-{port}.log", env=environment, cwd=ROOT)
        self._ends(child)
        child.wait_until(lambda: _answers(port), timeout_seconds=60)
        return Service(port, child)

    def start(self, name: str, *arguments: str, **changes: str) -> Child:
        """Start another Python program with the service's settings."""
        command = [sys.executable, *arguments]
        return self._ends(Child(name, command, log=self.folder / f"{name}.log", env=self.settings(**changes), cwd=ROOT))

    def settings(self, **changes: str) -> dict[str, str]:
        """Return the environment of a service: production's own, but for deadlines that fit a crowded machine."""
        usual = UNHURRIED | {
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.valkey.url,
            "STRIPE_SECRET_KEY": STRIPE_KEY,
            "STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
            "STRIPE_API_BASE": "http://127.0.0.1:9",  # nothing asks Stripe unless a measurement says where it is
            "SUBJECT_KEY": SUBJECT_KEY,
            "SITE_ORIGINS": "http://127.0.0.1:8001",
            "PLANS_FILE": str(ROOT / "plans.yaml"),
            "WEB_WORKERS": str(WORKERS),
            "WEB_THREADS": str(THREADS),
        }
        return machine(os.environ) | usual | changes

    def parsed_settings(self, **changes: str) -> Settings:
        """Return the same settings for parts put together in this process."""
        return Settings.from_environment(self.settings(**changes))

    def _ends(self, child: Child) -> Child:
        self.stack.callback(child.stop)
        return child


@contextmanager
def backdrop(folder: Path) -> Iterator[Backdrop]:
    """Run the servers that every measurement shares; stop all that was started, also after a failure."""
    with ExitStack() as stack:
        yield Backdrop(folder, stack)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/live")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
