"""One Redis or Valkey server: its connections, and the breaker that leaves it alone while it does not answer."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ReadOnlyError
from redis.retry import Retry

from metering.breaker import Breaker
from metering.budget import Budget, TimedSocket, TimedTlsSocket
from metering.idle import Idle
from metering.script import Asked, ask_on
from metering.wire import Wire


class Paused(redis.RedisError):
    """The server failed repeatedly and is being left alone for a moment."""


class _Timed:
    """Mixed into a kind of connection: connecting spends the budget too, and what is connected waits by it."""

    _sock: TimedSocket | None
    connect: Callable[[], None]

    def __init__(self, *, budget: Budget, **options: Any) -> None:
        self._budget = budget
        super().__init__(**options)

    def _connect(self) -> TimedSocket:
        connected = super()._connect()  # type: ignore[misc]
        kind = TimedTlsSocket if isinstance(connected, ssl.SSLSocket) else TimedSocket
        timed = kind(connected, self._budget)
        self._wire = Wire(timed)
        return timed

    @property
    def socket_connect_timeout(self) -> float:
        """Return how long redis-py may wait for the next of a host's addresses, and to shake hands: it asks anew."""
        return self._budget.left()

    @socket_connect_timeout.setter
    def socket_connect_timeout(self, _given: object) -> None:
        """Keep to the budget, whatever redis-py sets."""

    socket_timeout = socket_connect_timeout

    def exchange(self, packed: bytes, count: int) -> list[Any]:
        """Connect if need be, send `count` commands, and return their replies (wire.py)."""
        if self._sock is None:
            self.connect()
        return self._wire.exchange(packed, count)


class TimedConnection(_Timed, Connection):  # type: ignore[misc]
    """Over TCP."""


class TimedSSLConnection(_Timed, SSLConnection):  # type: ignore[misc]
    """Encrypted."""


class TimedUnixConnection(_Timed, UnixDomainSocketConnection):  # type: ignore[misc]
    """Over a socket of this machine."""


_KINDS: dict[type, Callable[..., Any]] = {
    Connection: TimedConnection,
    SSLConnection: TimedSSLConnection,
    UnixDomainSocketConnection: TimedUnixConnection,
}
_OF_POOLS = {"connection_class", "max_connections"}
"""What an address may say that means nothing to a single connection."""


class Server:
    """One connection for each thread that is calling, opened when first needed, so a fork takes none along.

    `options` are what redis-py's `parse_url` makes of an address. Nothing is retried, because the caller's deadline is
    nearer than any second attempt.
    """

    def __init__(self, options: Mapping[str, Any], *, budget: Budget, breaker: Breaker) -> None:
        kind = _KINDS[options.get("connection_class", Connection)]
        ours = {
            "budget": budget,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,  # RESP3 and naming the driver would cost each new connection three round trips
            "driver_info": None,
            "socket_timeout": None,
            "socket_connect_timeout": None,
        }
        # Ours last: nothing that an address says may lift the deadline.
        given = {name: value for name, value in options.items() if name not in _OF_POOLS} | ours
        self._idle = Idle[TimedConnection](lambda: kind(**given))
        self._breaker = breaker

    def ask(self, asked: Asked, *, asking: bool = False) -> list[Any]:
        """Return the replies (script.py); raises RedisError or OSError, Paused without asking."""
        if not self._breaker.allows():
            raise Paused("it failed repeatedly and is being left alone for a moment")
        connection = self._idle.take()
        try:
            replies = ask_on(connection, asked, asking=asking)
        except BaseException as error:
            self._failed(connection, error)
            raise
        self._breaker.succeeded()
        self._idle.give_back(connection)
        return replies

    def _failed(self, connection: TimedConnection, error: BaseException) -> None:
        refused = isinstance(error, redis.ResponseError)  # full, read-only or in the middle of something; but in time
        # Else an answer may be on its way; and a primary no longer means the address may lead to another by now.
        if not refused or isinstance(error, ReadOnlyError):
            connection.disconnect()  # type: ignore[no-untyped-call]
        self._idle.give_back(connection)
        if refused:
            self._breaker.succeeded()
        elif isinstance(error, redis.RedisError | OSError):
            self._breaker.failed()

    def close(self) -> None:
        """Close every connection that waits."""
        self._idle.close()
