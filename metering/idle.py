"""Connections that wait for their next call. redis-py's own pool costs a tenth of a decision in locks and telemetry."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable

import redis
from redis.connection import Connection


class Idle:
    """As many connections as calls were ever under way at once, shared by all threads; may be made before a fork.

    A deque's `pop` and `append` are atomic, so no thread waits for another.
    """

    def __init__(self, make: Callable[[], Connection]) -> None:
        self._make = make
        self._connections: deque[Connection] = deque()
        self._pid = os.getpid()

    def take(self) -> Connection:
        """Return a connection that is ready to be asked; raises RedisError or OSError when there is none to be had."""
        connection = self._waiting()
        try:
            connection.connect()  # type: ignore[no-untyped-call] # nothing, when it is connected
            if not _is_fresh(connection):
                connection.disconnect()  # type: ignore[no-untyped-call]
                connection.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            connection.disconnect()  # type: ignore[no-untyped-call]
            raise
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keep the connection for the next call."""
        self._connections.append(connection)

    def close(self) -> None:
        """Close every connection that waits."""
        while self._connections:
            self._connections.pop().disconnect()  # type: ignore[no-untyped-call]

    def _waiting(self) -> Connection:
        if self._pid != os.getpid():  # a fork took our memory along: those sockets are the other process's
            self._connections, self._pid = deque(), os.getpid()
        try:
            return self._connections.pop()
        except IndexError:
            return self._make()


def _is_fresh(connection: Connection) -> bool:
    """Tell whether nothing waits to be read: an answer that nobody took, or that the server has hung up."""
    try:
        return not connection.can_read()
    except (redis.RedisError, OSError):
        return False
