"""A PostgreSQL that is frozen costs one deadline, and after a few of them nothing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from metering.breaker import Breaker
from sandbox.servers import Postgres
from service.store.database import make_engine

DEADLINE_SECONDS = 0.3


class Seconds:
    """A monotonic clock that moves when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def quick(database_url: str, seconds: Seconds) -> Iterator[Engine]:
    """An engine as decisions use it."""
    breaker = Breaker(failures=3, open_seconds=0.5, monotonic=seconds)
    engine = make_engine(database_url, deadline_seconds=DEADLINE_SECONDS, pool_size=1, breaker=breaker)
    yield engine
    engine.dispose()


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def backend(engine: Engine) -> int:
    with engine.connect() as connection:
        pid: int = connection.execute(text("select pg_backend_pid()")).scalar_one()
        return pid


def postmaster(server: Postgres) -> int:
    return int((server.directory / "data" / "postmaster.pid").read_text().split()[0])


def took_to_fail(engine: Engine) -> float:
    began = time.monotonic()
    with pytest.raises(SQLAlchemyError), engine.connect() as connection:
        connection.execute(text("select 1"))
    return time.monotonic() - began


def test_a_frozen_server_costs_one_deadline_not_one_for_each_wait(quick: Engine, postgres: Postgres) -> None:
    """Claim: finding the idle connection dead and opening no other one take 0.3 s together; libpq's least is 2 s."""
    with frozen(backend(quick), postmaster(postgres)):
        assert took_to_fail(quick) < 1.5
    assert backend(quick)


def test_a_server_that_takes_no_connections_costs_one_deadline(quick: Engine, postgres: Postgres) -> None:
    """Claim: connecting has the same deadline; libpq's own counts whole seconds, and no fewer than two."""
    with frozen(postmaster(postgres)):
        assert took_to_fail(quick) < 1.5
    assert backend(quick)


def test_after_repeated_failures_nobody_waits(quick: Engine, postgres: Postgres, seconds: Seconds) -> None:
    """Claim: then a question fails at once, also when the server is back, until one of them may try again."""
    with frozen(postmaster(postgres)):
        for _ in range(3):
            took_to_fail(quick)
    with pytest.raises(PoolTimeout, match="left alone"):
        quick.connect()
    seconds.now += 1
    assert backend(quick)
    assert backend(quick)


def test_an_engine_without_a_breaker_always_asks(database_url: str, postgres: Postgres) -> None:
    """Claim: the worker and the command line go on trying."""
    engine = make_engine(database_url, deadline_seconds=0.1)
    with frozen(postmaster(postgres)):
        for _ in range(7):
            took_to_fail(engine)
    engine.dispose()
    assert backend(engine)
    engine.dispose()
