"""Connections to PostgreSQL that never hang: a deadline on the client's side, whatever the server does."""

from __future__ import annotations

import time
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Self

import psycopg
from psycopg import errors
from psycopg.abc import RV, PQGen, PQGenConn
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool

from metering.breaker import Breaker
from metering.budget import Budget

_USED_AT = "newsstand.used_at"


class DeadlineConnection(psycopg.Connection[Any]):
    """A connection whose waits are over when the thread's `budget` is spent: by default each has one of its own.

    A frozen server (SIGSTOP, a dead network) answers neither queries nor cancellation; `statement_timeout` and
    `tcp_user_timeout` do not help then, for both need the other side.
    """

    budget: ClassVar[Budget] = Budget(10.0)
    breaker: ClassVar[Breaker | None] = None

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        """Connect, or raise OperationalError past the deadline; psycopg's own `connect_timeout` is 2 s at least."""
        with cls.budget.call():
            connecting = super()._connect_gen(conninfo)
            try:
                waits_for = next(connecting)
                while True:
                    ready = yield waits_for
                    if not _seconds_left(cls.budget):
                        connecting.close()
                        raise psycopg.OperationalError("PostgreSQL took no connection in time")
                    waits_for = connecting.send(ready)
            except StopIteration as connected:
                opened: Self = connected.value
                return opened

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Run `gen` to its end; past the deadline close the connection and raise OperationalError."""
        with self.budget.call():
            left = _seconds_left(self.budget)
            limit = left if timeout is None else min(timeout, left)
            try:
                return super().wait(gen, interval, timeout=limit)
            except errors._WaitTimeout as error:
                if timeout is not None and timeout <= left:
                    raise
                self.close()
                if self.breaker is not None:
                    self.breaker.failed()
                raise psycopg.OperationalError(f"PostgreSQL gave no answer in {limit:g} s") from error


def _seconds_left(budget: Budget) -> float:
    try:
        return budget.left()
    except TimeoutError:
        return 0.0


class _GuardedPool(QueuePool):
    """Hands out no connection while the breaker is open: each would cost a deadline to find dead.

    Looking whether an idle connection still answers, and opening another when it does not, share one deadline. The
    breaker closes when a connection comes back whole, not when one is handed out: a server may answer the look and
    then no question, as behind a locked table.
    """

    kind: ClassVar[type[DeadlineConnection]]

    def connect(self) -> PoolProxiedConnection:
        if self.kind.budget.is_spent:
            raise PoolTimeout("PostgreSQL has had all the time there was")
        if self.kind.breaker is not None and not self.kind.breaker.allows():
            raise PoolTimeout("PostgreSQL failed repeatedly and is being left alone for a moment")
        with self.kind.budget.shared():
            return super().connect()


def make_engine(
    url: str,
    *,
    deadline_seconds: float = 10.0,
    pool_size: int = 5,
    breaker: Breaker | None = None,
    autocommit: bool = False,
    trusted_seconds: float = 0,
) -> Engine:
    """Return an engine whose connections give up after `deadline_seconds`, connecting included.

    `url` is any libpq address, such as ``postgresql://newsstand@127.0.0.1/newsstand``. While `breaker` is open,
    `connect()` raises sqlalchemy's TimeoutError at once, without waiting for a server that failed repeatedly. With
    `autocommit` each statement is a transaction of its own, without the round trips of one around it. A connection
    that was used within `trusted_seconds` is not looked at before it is used again: should the server have gone
    since, that use fails.
    """
    kind = type("DeadlineConnection", (DeadlineConnection,), {"budget": Budget(deadline_seconds), "breaker": breaker})
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: _connected(kind, url),
        poolclass=type("GuardedPool", (_GuardedPool,), {"kind": kind}),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=deadline_seconds,
        pool_pre_ping=not trusted_seconds,
        isolation_level="AUTOCOMMIT" if autocommit else None,
    )
    if breaker is not None:
        event.listen(engine, "checkin", partial(_came_back, breaker))
    if trusted_seconds:
        event.listen(engine, "checkin", _used)
        event.listen(engine, "checkout", partial(_look, engine, trusted_seconds))
    return engine


def _used(_connection: DeadlineConnection | None, record: ConnectionPoolEntry) -> None:
    record.info[_USED_AT] = time.monotonic()


def _look(
    engine: Engine, trusted_seconds: float, connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object
) -> None:
    """See whether a connection that lay idle still answers; when not, none of the pool is trusted any more."""
    used_at = record.info.get(_USED_AT)
    if used_at is None or time.monotonic() - used_at < trusted_seconds:  # just opened, or just used
        return
    try:
        engine.dialect.do_ping(connection)
    except psycopg.Error as error:
        raise InvalidatePoolError from error


def _came_back(breaker: Breaker, connection: DeadlineConnection | None, _record: object) -> None:
    """Close the breaker for a connection that is returned; one whose answer did not come is None by then."""
    if connection is not None:
        breaker.succeeded()


def reading(engine: Engine) -> Engine:
    """Return an engine on the same connections for single questions: none needs the round trips of a transaction."""
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def budget_of(engine: Engine) -> Budget:
    """Return what each question through this engine spends; in its `shared` context all of a thread's together."""
    return _kind_of(engine).budget


def is_away(engine: Engine) -> bool:
    """Tell whether the last who asked through this engine's breaker had no answer; asks nothing itself."""
    breaker = _kind_of(engine).breaker
    return breaker is not None and breaker.has_failed


def _kind_of(engine: Engine) -> type[DeadlineConnection]:
    assert isinstance(engine.pool, _GuardedPool)  # noqa: S101 - make_engine makes no other
    return engine.pool.kind


def _connected(kind: type[DeadlineConnection], url: str) -> DeadlineConnection:
    try:
        return kind.connect(url)
    except psycopg.OperationalError:
        if kind.breaker is not None:
            kind.breaker.failed()
        raise


def answers(engine: Engine) -> bool:
    """Tell whether PostgreSQL answers within the engine's deadline."""
    try:
        with engine.connect() as connection:
            connection.execute(text("select 1"))
    except SQLAlchemyError:
        return False
    return True


def database_clock(engine: Engine) -> datetime:
    """Return the time by PostgreSQL's own clock, against which a host's may be held."""
    with engine.connect() as connection:
        now: datetime = connection.execute(text("select clock_timestamp()")).scalar_one()
    return now
