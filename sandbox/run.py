"""`make run`: a whole newsroom on this machine, started side by side, stopped in order, nothing left behind."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.leftovers import stop_leftovers, take_lock
from sandbox.newsroom import (
    CONSOLE_CLIENT,
    ROOT,
    SITE_KEY,
    STRIPE_KEY,
    UNHURRIED_DECISION_SECONDS,
    CannotStart,
    Newsroom,
    Ports,
    Secrets,
    fresh_start,
    machine,
    make_directory,
)
from sandbox.processes import Child, ServerDidNotStart, die_with_parent, why_unusable
from sandbox.servers import DataDamaged, Postgres, Valkey
from sandbox.supervisor import ChildEnded, StopAsked, Supervisor
from sandbox.welcome import welcome

# Whoever asks stops before whoever answers, so that nobody logs errors about a part that left first.
STOP_ORDER = ("newspaper", "web", "worker", "sign-in provider", "stand-in Stripe", "valkey", "postgresql")


class Start:
    """Starts one newsroom's parts under a supervisor; independent parts side by side."""

    def __init__(self, newsroom: Newsroom, supervisor: Supervisor, environment: Mapping[str, str]) -> None:
        self._newsroom = newsroom
        self._supervisor = supervisor
        self._environment = environment

    def everything(self) -> None:
        """Return once the service says it is ready; raise ServerDidNotStart, StopAsked or ChildEnded."""
        self._servers()
        settings = self._newsroom.settings(self._environment, test_clock=self._test_clock)
        _empty(self._newsroom)  # before any process counts: its file is made when it first does, the folder is not
        prepare = [sys.executable, "-m", "sandbox.prepare"]
        log = self._newsroom.log("prepare")
        self._supervisor.run_to_end(Child("preparing the service", prepare, log=log, env=settings, cwd=ROOT))
        self._supervisor.adopt(self._command("worker", settings))
        web = self._supervisor.adopt(self._command("web", settings))
        site = self._supervisor.adopt(self._site())
        ready, up = f"{self._newsroom.service_url}/health/ready", f"{self._newsroom.site_url}/health"
        starting = {web: lambda: _get(ready) is not None, site: lambda: _get(up) is not None}
        self._supervisor.wait_for(starting, timeout_seconds=60)

    def _servers(self) -> None:
        folder, ports = self._newsroom.directory, self._newsroom.ports
        valkey, postgres = Valkey(folder / "valkey", ports.redis), Postgres(folder / "postgres", ports.postgres)
        valkey_child = self._supervisor.adopt(valkey.spawn())
        stripe_child = self._supervisor.adopt(self._standin())
        self._supervisor.adopt(self._identity())  # nobody needs it before somebody signs in
        postgres.make_cluster()  # the slow part of a first start, while the other two come up
        postgres_child = self._supervisor.adopt(postgres.spawn())
        starting = {
            valkey_child: lambda: valkey.is_ready(valkey_child),
            postgres_child: lambda: postgres.is_ready(postgres_child),
            stripe_child: self._found_test_clock,
        }
        self._supervisor.wait_for(starting, timeout_seconds=60)
        postgres.make_database()

    def _standin(self) -> Child:
        command = [
            sys.executable, "-m", "sandbox.standin", "--port", str(self._newsroom.ports.stripe),
            "--directory", str(self._newsroom.directory / "stripe"),
            "--webhook-url", f"{self._newsroom.service_url}/webhooks/stripe",
            "--webhook-secret", self._newsroom.secrets.webhook_secret,
            "--clock-name", "sandbox", "--api-key", STRIPE_KEY,
        ]  # fmt: skip
        name = "stand-in Stripe"
        return Child(name, command, log=self._newsroom.log("standin"), env=machine(self._environment), cwd=ROOT)

    def _identity(self) -> Child:
        command = [
            sys.executable, "-m", "sandbox.identity", "--port", str(self._newsroom.ports.identity),
            "--client-id", CONSOLE_CLIENT, "--client-secret", self._newsroom.secrets.identity_secret,
            "--redirect-uri", f"{self._newsroom.service_url}/support/sign-in/back",
        ]  # fmt: skip
        name = "sign-in provider"
        return Child(name, command, log=self._newsroom.log("identity"), env=machine(self._environment), cwd=ROOT)

    def _site(self) -> Child:
        command = [
            sys.executable, "-m", "sandbox.site", "--port", str(self._newsroom.ports.site),
            "--service-url", self._newsroom.service_url, "--service-key", SITE_KEY,
            "--decision-seconds", str(UNHURRIED_DECISION_SECONDS),
            "--stripe-url", self._newsroom.stripe_url, "--stripe-key", STRIPE_KEY,
        ]  # fmt: skip
        name = "newspaper"
        return Child(name, command, log=self._newsroom.log("site"), env=machine(self._environment), cwd=ROOT)

    def _found_test_clock(self) -> bool:
        """Tell whether the stand-in answers with the clock named `sandbox`, and keep that clock's id."""
        body = _get(f"{self._newsroom.stripe_url}/v1/test_helpers/test_clocks?limit=100")
        clocks = json.loads(body)["data"] if body else []
        self._test_clock = next((clock["id"] for clock in clocks if clock["name"] == "sandbox"), "")
        return self._test_clock != ""

    def _command(self, command: str, settings: Mapping[str, str]) -> Child:
        newsstand = str(Path(sys.executable).with_name("newsstand"))  # our own environment's, not one found on PATH
        log = self._newsroom.log(command)
        return Child(command, [newsstand, command], log=log, env=settings, cwd=ROOT)


def run(environment: Mapping[str, str]) -> int:
    """Run a newsroom until asked to stop; return the exit code. Raises CannotStart or ServerDidNotStart."""
    ports = Ports.from_environment(environment)
    directory = make_directory(environment)
    supervisor = Supervisor(STOP_ORDER, directory / "running.json")
    supervisor.listen()
    with take_lock(directory):
        for name in stop_leftovers(directory / "running.json"):
            print(f"Stopped {name}, left by an earlier run.")
        _check_ports(ports)
        newsroom = Newsroom(directory, ports, Secrets.kept_in(directory / "secrets.json"))
        return _supervise(newsroom, supervisor, environment)


def _supervise(newsroom: Newsroom, supervisor: Supervisor, environment: Mapping[str, str]) -> int:
    try:
        print("Starting the newsroom ...", flush=True)
        Start(newsroom, supervisor, environment).everything()
        welcome(newsroom)
        supervisor.watch()
    except StopAsked:
        print("Stopping ...", flush=True)
    except ChildEnded as ended:
        print(f"newsstand: {ended}; stopping everything", file=sys.stderr, flush=True)
        supervisor.stop_all(timeout_seconds=4)  # what others still wanted of the part that ended they cannot have
        return 1
    except DataDamaged as damage:
        raise CannotStart(f"{damage}; {fresh_start(newsroom.directory)}") from damage
    finally:
        supervisor.stop_all()
    return 0


def _check_ports(ports: Ports) -> None:
    for variable, port in ports.by_variable().items():
        reason = why_unusable(port)
        if reason is not None:
            raise CannotStart(f"port {port} {reason}: free it, or set {variable} to another port")


def _empty(newsroom: Newsroom) -> None:
    """Begin with no metrics: files of processes that are gone would be counted for ever."""
    shutil.rmtree(newsroom.metrics_directory, ignore_errors=True)
    newsroom.metrics_directory.mkdir()


def _get(url: str) -> bytes | None:
    """Return the body of a 200, None for anything else. Not urllib: it would ask the environment's proxy."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers={"Authorization": f"Bearer {STRIPE_KEY}"})
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body if answer.status == 200 else None


def main() -> int:
    """Run with this process's environment; every foreseen trouble is one line and exit code 1."""
    if "MAKELEVEL" in os.environ:  # whoever kills make means the newsroom
        die_with_parent()
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]  # libpq would let them override our own server's address
    try:
        return run(dict(os.environ))
    except (CannotStart, ServerDidNotStart) as trouble:
        print(f"newsstand: {trouble}", file=sys.stderr)
    except OSError as trouble:  # a full disk, a folder taken away
        print(f"newsstand: {trouble.strerror}: {trouble.filename or 'standard output'}", file=sys.stderr)
    except StopAsked:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
