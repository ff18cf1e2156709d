"""HTTP under one deadline, over connections that are kept open.

A time-out of the standard library counts each wait anew, so a server that sends a byte now and then holds its caller
for ever. Here the deadline covers connecting, sending and the whole answer. (Looking up a host's name is the system's,
and outside it: use an address, or a name in /etc/hosts, where that matters.)
"""

from __future__ import annotations

import http.client
import io
import os
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from newsstand_client.errors import NoAnswer

MOST_IDLE = 32
MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """Connections to one address such as `https://newsstand.internal:8000`. Safe to share between threads; a process
    that forks opens its own."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise ValueError(f"not an http or https address: {base_url}")
        self._host = parts.hostname
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._prefix = parts.path.rstrip("/")
        self._idle: deque[_Connection] = deque()
        self._process = os.getpid()

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, *, give_up_at: float
    ) -> Answer:
        """Return the answer; raise NoAnswer, at the latest when `time.monotonic()` reaches `give_up_at`."""
        try:
            connection = self._take(give_up_at)
            try:
                return self._exchange(connection, method, path, headers, body)
            except BaseException:
                connection.close()  # what is still to come on it would be taken for the next answer
                raise
        except TimeoutError as error:
            raise NoAnswer("timeout", f"{method} {path}") from error
        except ConnectionRefusedError as error:
            raise NoAnswer("refused", f"{method} {path}") from error
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer("broken", f"{method} {path} ({type(error).__name__})") from error

    def close(self) -> None:
        """Close every connection that is not in use."""
        while self._idle:
            with suppress(IndexError):
                self._idle.pop().close()

    def _take(self, give_up_at: float) -> _Connection:
        if self._process != os.getpid():  # two processes on one connection would read each other's answers
            self._process, self._idle = os.getpid(), deque()
        while self._idle:
            with suppress(IndexError):  # another thread took the last
                connection = self._idle.pop()
                if connection.is_silent():
                    connection.timed.give_up_at = give_up_at
                    return connection
                connection.close()
        return _Connection(self._host, self._port, self._tls, give_up_at)

    def _exchange(
        self, connection: _Connection, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        connection.request(method, self._prefix + path, body, dict(headers))
        response = connection.getresponse()
        received = response.read(MOST_BYTES + 1)
        if len(received) > MOST_BYTES:
            raise NoAnswer("unreadable", f"more than {MOST_BYTES} bytes")
        if response.will_close or len(self._idle) >= MOST_IDLE:
            connection.close()
        else:
            self._idle.append(connection)
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, received)


class _Connection(http.client.HTTPConnection):
    """A connected HTTP connection whose socket keeps the deadline."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, give_up_at: float) -> None:
        super().__init__(host, port)
        self.default_port = 443 if tls else 80
        self.timed = _TimedSocket(host, port, tls, give_up_at)
        self.sock = self.timed

    def is_silent(self) -> bool:
        """Tell whether nothing waits to be read: what does is the server's goodbye, or the rest of a broken answer."""
        return self.timed.is_silent()


class _TimedSocket:
    """The part of a socket that `http.client` uses, every wait of which ends by `give_up_at`."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, give_up_at: float) -> None:
        self.give_up_at = give_up_at
        self._readers = 0
        self._closing = False
        self._socket = self._connected(host, port)
        if tls is not None:
            self._socket.settimeout(self._left())
            self._socket = tls.wrap_socket(self._socket, server_hostname=host)

    def sendall(self, data: Any) -> None:
        self._socket.settimeout(self._left())
        self._socket.sendall(data)

    def recv_into(self, buffer: Any) -> int:
        self._socket.settimeout(self._left())
        return self._socket.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        self._readers += 1
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Close, but like a socket only after its readers: `http.client` closes first, then reads the body."""
        self._closing = True
        if self._readers == 0:
            self._socket.close()

    def reader_closed(self) -> None:
        self._readers -= 1
        if self._closing:
            self.close()

    def is_silent(self) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            return not selector.select(0)

    def _connected(self, host: str, port: int) -> socket.socket:
        """Return a connection to the first of the host's addresses that takes one."""
        failure: OSError = ConnectionRefusedError(host)
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            candidate = socket.socket(family, kind, protocol)
            try:
                candidate.settimeout(self._left())
                candidate.connect(address)
                candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                candidate.close()
                failure = error
            else:
                return candidate
        raise failure

    def _left(self) -> float:
        left = self.give_up_at - time.monotonic()
        if left <= 0:  # zero would mean: do not wait at all, and fail in another way
            raise TimeoutError
        return left


class _Reader(io.RawIOBase):
    """Lets `http.client` read lines from a timed socket."""

    def __init__(self, timed: _TimedSocket) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._timed.reader_closed()

    def readinto(self, buffer: Any) -> int:
        return self._timed.recv_into(buffer)
