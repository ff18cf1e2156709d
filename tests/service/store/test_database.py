"""A PostgreSQL that is frozen costs one deadline, and after a few of them nothing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from metering.breaker import Breaker
from sandbox.servers import Postgres
from service.store.database import answers, budget_of, is_away, make_engine, reading

DEADLINE_SECONDS = 0.3
QUESTION = text("select count(*) from accounts")


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


@contextmanager
def locked(database_url: str) -> Iterator[None]:
    """A table that nobody can read meanwhile, on a server that is well."""
    holder = make_engine(database_url)
    with holder.begin() as connection:
        connection.execute(text("lock table accounts"))
        yield
    holder.dispose()


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


def test_a_server_that_answers_the_look_but_no_question_is_left_alone(quick: Engine, database_url: str) -> None:
    """Claim: an idle connection that still answers closes no breaker; a question that is answered does."""
    with locked(database_url):
        for _ in range(3):
            with pytest.raises(OperationalError), quick.connect() as connection:
                connection.execute(QUESTION)
        with pytest.raises(PoolTimeout, match="left alone"):
            quick.connect()


def test_questions_within_one_deadline_wait_as_long_as_one(quick: Engine, database_url: str) -> None:
    """Claim: when one of them has used it up, the next asks nothing, and both are one failure; then it is over."""
    with locked(database_url), budget_of(quick).shared():
        with pytest.raises(OperationalError), quick.connect() as connection:
            connection.execute(QUESTION)
        for _ in range(5):
            with pytest.raises(PoolTimeout, match="all the time"):
                quick.connect()
    assert is_away(quick)
    with quick.connect() as connection:
        connection.execute(QUESTION)
    assert not is_away(quick)


def test_whether_it_is_away_costs_no_question(quick: Engine, database_url: str, postgres: Postgres) -> None:
    """Claim: the last who asked knows; an engine without a breaker never does."""
    assert not is_away(quick)
    with frozen(postmaster(postgres)):
        assert not is_away(quick)
        took_to_fail(quick)
        assert is_away(quick)
    plain = make_engine(database_url, deadline_seconds=0.1)
    with frozen(postmaster(postgres)):
        took_to_fail(plain)
        assert not is_away(plain)
    plain.dispose()


def test_an_engine_that_commits_by_itself_keeps_what_it_was_told(database_url: str) -> None:
    """Each statement stands at once: others see it before the block is over, and undoing the block changes nothing."""
    own, other = make_engine(database_url, autocommit=True), make_engine(database_url)
    with own.connect() as connection:
        connection.execute(text("create table kept (id int)"))
        with other.connect() as looking:
            assert looking.scalar(text("select count(*) from kept")) == 0
        connection.rollback()
    with other.connect() as looking:
        assert looking.scalar(text("select count(*) from kept")) == 0
    own.dispose()
    other.dispose()


@pytest.mark.parametrize(("trusted_seconds", "looks"), [(0, 3), (60, 0), (0.000001, 3)])
def test_a_connection_used_just_now_is_not_looked_at(
    trusted_seconds: float, looks: int, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three more uses of a connection: by default each looks first; within the trusted time none does."""
    engine = make_engine(database_url, pool_size=1, trusted_seconds=trusted_seconds)
    with engine.connect() as connection:
        connection.execute(text("select 1"))
    seen: list[object] = []
    look = engine.dialect.do_ping
    monkeypatch.setattr(engine.dialect, "do_ping", lambda connection: seen.append(connection) or look(connection))
    for _ in range(3):
        with engine.connect() as connection:
            assert connection.scalar(text("select 1")) == 1
    assert len(seen) == looks
    engine.dispose()


def test_a_trusted_connection_that_died_costs_one_use(database_url: str) -> None:
    """The use fails, and the next one is made on a new connection; one that lay idle for longer is replaced unseen."""
    engine, other = make_engine(database_url, pool_size=1, trusted_seconds=60), make_engine(database_url)

    def kill() -> None:
        with engine.connect() as connection:
            own = connection.scalar(text("select pg_backend_pid()"))
        with other.connect() as connection:
            connection.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": own})

    kill()
    with pytest.raises(OperationalError), engine.connect() as connection:
        connection.execute(text("select 1"))
    with engine.connect() as connection:
        assert connection.scalar(text("select 1")) == 1
    engine.dispose()
    engine = make_engine(database_url, pool_size=1, trusted_seconds=0.000001)
    kill()
    with engine.connect() as connection:
        assert connection.scalar(text("select 1")) == 1
    engine.dispose()
    other.dispose()


def test_an_engine_without_a_breaker_always_asks(database_url: str, postgres: Postgres) -> None:
    """Claim: the worker and the command line go on trying."""
    engine = make_engine(database_url, deadline_seconds=0.1)
    with frozen(postmaster(postgres)):
        for _ in range(7):
            took_to_fail(engine)
    assert any(answers(engine) for _ in range(50))  # a crowded machine may not answer the first in a tenth of a second
    engine.dispose()


def test_a_single_question_is_no_transaction_and_the_next_work_is_one(database_url: str) -> None:
    """Claim: on the same connection `reading` asks in one round trip, and what is begun after it is undone whole."""
    engine = make_engine(database_url, pool_size=1)
    with reading(engine).connect() as connection:
        connection.execute(QUESTION)
        raw = connection.connection.driver_connection
        assert raw.info.transaction_status is TransactionStatus.IDLE
    with suppress(ZeroDivisionError), engine.begin() as connection:
        assert connection.connection.driver_connection is raw
        connection.execute(text("insert into accounts (reader_id) values ('r-undone')"))
        raise ZeroDivisionError
    with reading(engine).connect() as connection:
        assert connection.execute(QUESTION).scalar_one() == 0
    engine.dispose()
