"""Connections to PostgreSQL that never hang: a deadline on the client's side, whatever the server does."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import RV, PQGen
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError


class DeadlineConnection(psycopg.Connection[Any]):
    """A connection on which no wait lasts longer than `deadline_seconds`.

    A frozen server (SIGSTOP, a dead network) answers neither queries nor cancellation; `statement_timeout` and
    `tcp_user_timeout` do not help then, for both need the other side.
    """

    deadline_seconds: float = 10.0

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Run `gen` to its end; past the deadline close the connection and raise OperationalError."""
        limit = self.deadline_seconds if timeout is None else min(timeout, self.deadline_seconds)
        try:
            return super().wait(gen, interval, timeout=limit)
        except errors._WaitTimeout as error:
            if timeout is not None and timeout <= self.deadline_seconds:
                raise
            self.close()
            raise psycopg.OperationalError(f"PostgreSQL gave no answer in {limit:g} s") from error


def make_engine(url: str, *, deadline_seconds: float = 10.0, pool_size: int = 5) -> Engine:
    """Return an engine whose connections give up after `deadline_seconds`, connecting included.

    `url` is any libpq address, such as ``postgresql://newsstand@127.0.0.1/newsstand``.
    """
    connect_seconds = max(1, round(deadline_seconds))  # libpq's own granularity is a second

    def connect() -> DeadlineConnection:
        connection = DeadlineConnection.connect(url, connect_timeout=connect_seconds)
        connection.deadline_seconds = deadline_seconds
        return connection

    return create_engine(
        "postgresql+psycopg://",
        creator=connect,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=deadline_seconds,
        pool_pre_ping=True,
    )


def answers(engine: Engine) -> bool:
    """Tell whether PostgreSQL answers within the engine's deadline."""
    try:
        with engine.connect() as connection:
            connection.execute(text("select 1"))
    except SQLAlchemyError:
        return False
    return True
