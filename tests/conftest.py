"""Real servers for every test: one Valkey and one PostgreSQL per test process, gone when it ends."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from sandbox.processes import free_port
from sandbox.servers import Postgres, Valkey
from service.store.database import make_engine
from service.store.migrate import migrate

_serial = itertools.count()


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
def postgres(server_directory: Path) -> Iterator[Postgres]:
    """A running PostgreSQL 18 whose `template_newsstand` database has the whole schema."""
    server = Postgres(server_directory / "postgres", free_port(), durable=False)
    child = server.start()
    _execute(server, "create database template_newsstand")
    engine = make_engine(_url(server, "template_newsstand"))
    migrate(engine)
    engine.dispose()
    yield server
    child.stop()


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """The address of a fresh database with the schema and no rows (a copy of the template: about 40 ms)."""
    name = f"test_{next(_serial)}"
    _execute(postgres, f"create database {name} template template_newsstand strategy file_copy")
    yield _url(postgres, name)
    _execute(postgres, f"drop database {name} with (force)")


def _url(server: Postgres, database: str) -> str:
    return f"postgresql://newsstand@127.0.0.1:{server.port}/{database}"


def _execute(server: Postgres, statement: str) -> None:
    with psycopg.connect(_url(server, "postgres"), autocommit=True) as admin:
        admin.execute(statement)
