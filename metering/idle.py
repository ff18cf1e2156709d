"""Connections that wait for their next call. redis-py's own pool costs a tenth of a decision in locks and telemetry."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import redis
from redis.connection import Connection

from metering.process import this_process

C = TypeVar("C", bound=Connection)

TRUSTED_SECONDS = 0.1
"""A server that hangs up meanwhile costs the next call; asking the kernel before every call costs all of them more."""


class Idle(Generic[C]):
    """As many connections as calls were ever under way at once, shared by all threads; may be made before a fork.

    A deque's `pop` and `append` are atomic, so no thread waits for another. Hand back only what has no answer on its
    way: one that was used just now is not looked at before it is used again. One that is not connected connects when
    something is sent.
    """

    def __init__(self, make: Callable[[], C], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._monotonic = monotonic
        self._connections: deque[tuple[C, float]] = deque()
        self._pid = this_process.pid

    def take(self) -> C:
        """Return a connection that nothing comes from but the answer to what is sent next."""
        if self._pid != this_process.pid:  # a fork took our memory along: those sockets are the other process's
            self._connections, self._pid = deque(), this_process.pid
        try:
            connection, used_at = self._connections.pop()
        except IndexError:
            return self._make()
        if self._monotonic() - used_at > TRUSTED_SECONDS and connection.is_connected and not _is_fresh(connection):
            connection.disconnect()  # type: ignore[no-untyped-call]
        return connection

    def give_back(self, connection: C) -> None:
        """Keep the connection for the next call."""
        self._connections.append((connection, self._monotonic()))

    def close(self) -> None:
        """Close every connection that waits."""
        while self._connections:
            self._connections.pop()[0].disconnect()  # type: ignore[no-untyped-call]


def _is_fresh(connection: Connection) -> bool:
    """Tell whether nothing waits to be read: an answer that nobody took, or that the server has hung up."""
    try:
        return not connection.can_read()
    except (redis.RedisError, OSError):
        return False
