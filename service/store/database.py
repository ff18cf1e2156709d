"""Connections to PostgreSQL that never hang: a deadline on the client's side, whatever the server does."""

from __future__ import annotations

import threading
import time
from typing import Any, ClassVar, Self

import psycopg
from psycopg import errors
from psycopg.abc import RV, PQGen, PQGenConn
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from metering.breaker import Breaker


class DeadlineConnection(psycopg.Connection[Any]):
    """A connection on which no wait lasts longer than `deadline_seconds`.

    A frozen server (SIGSTOP, a dead network) answers neither queries nor cancellation; `statement_timeout` and
    `tcp_user_timeout` do not help then, for both need the other side.
    """

    deadline_seconds: ClassVar[float] = 10.0
    breaker: ClassVar[Breaker | None] = None
    checkout: ClassVar[threading.local] = threading.local()

    @classmethod
    def _seconds_left(cls) -> float:
        give_up_at = getattr(cls.checkout, "give_up_at", None)
        return cls.deadline_seconds if give_up_at is None else max(0.0, give_up_at - time.monotonic())

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        """Connect, or raise OperationalError past the deadline; psycopg's own `connect_timeout` is 2 s at least."""
        give_up_at = time.monotonic() + cls._seconds_left()
        connecting = super()._connect_gen(conninfo)
        try:
            waits_for = next(connecting)
            while True:
                ready = yield waits_for
                if time.monotonic() >= give_up_at:
                    connecting.close()
                    raise psycopg.OperationalError(f"PostgreSQL took no connection in {cls.deadline_seconds:g} s")
                waits_for = connecting.send(ready)
        except StopIteration as connected:
            opened: Self = connected.value
            return opened

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Run `gen` to its end; past the deadline close the connection and raise OperationalError."""
        left = self._seconds_left()
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


class _GuardedPool(QueuePool):
    """Hands out no connection while the breaker is open: each would cost a deadline to find dead.

    Looking whether an idle connection still answers, and opening another when it does not, share one deadline.
    """

    kind: ClassVar[type[DeadlineConnection]]

    def connect(self) -> PoolProxiedConnection:
        breaker = self.kind.breaker
        if breaker is not None and not breaker.allows():
            raise PoolTimeout("PostgreSQL failed repeatedly and is being left alone for a moment")
        self.kind.checkout.give_up_at = time.monotonic() + self.kind.deadline_seconds
        try:
            connection = super().connect()
        finally:
            self.kind.checkout.give_up_at = None
        if breaker is not None:
            breaker.succeeded()
        return connection


def make_engine(
    url: str,
    *,
    deadline_seconds: float = 10.0,
    pool_size: int = 5,
    breaker: Breaker | None = None,
) -> Engine:
    """Return an engine whose connections give up after `deadline_seconds`, connecting included.

    `url` is any libpq address, such as ``postgresql://newsstand@127.0.0.1/newsstand``. While `breaker` is open,
    `connect()` raises sqlalchemy's TimeoutError at once, without waiting for a server that failed repeatedly.
    """
    terms = {"deadline_seconds": deadline_seconds, "breaker": breaker, "checkout": threading.local()}
    kind = type("DeadlineConnection", (DeadlineConnection,), terms)
    return create_engine(
        "postgresql+psycopg://",
        creator=lambda: _connected(kind, url),
        poolclass=type("GuardedPool", (_GuardedPool,), {"kind": kind}),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=deadline_seconds,
        pool_pre_ping=True,
    )


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
