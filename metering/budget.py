"""How long the calls of one decision may wait for a server together: a deadline that no number of waits can stretch."""

from __future__ import annotations

import math
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Any

GRAIN_SECONDS = 0.001
_TIMEVAL = struct.Struct("@ll")


class Budget:
    """`seconds` for each decision; every thread has one of its own.

    A socket's time-out counts each wait anew, so a server that sends a byte now and then holds its caller for ever, and
    a decision of two round trips waits twice. Only the time inside `call` is spent: what a decision does between two
    calls is not the server's fault.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._mine = threading.local()

    def shared(self) -> Shared:
        """Return a context in which all calls spend one budget; inside another it is part of that one."""
        return Shared(self._mine, self._seconds)

    def call(self) -> Call:
        """Return a context in which `left` runs down; without `shared` around it, it has a budget of its own."""
        return Call(self._mine, self._seconds)

    @property
    def is_spent(self) -> bool:
        """Tell whether the calls before have used up what this one shares with them."""
        left = getattr(self._mine, "left", None)
        return left is not None and left <= 0

    def left(self) -> float:
        """Return the seconds this thread may still wait; raise TimeoutError when there are none."""
        left = float(self._mine.give_up_at) - time.monotonic()
        if left <= 0:
            raise TimeoutError("no time is left")
        return left


class Shared:
    """Keeps what is left from one call to the next."""

    def __init__(self, mine: threading.local, seconds: float) -> None:
        self._mine = mine
        self._seconds = seconds
        self._is_outer = getattr(mine, "left", None) is None

    def __enter__(self) -> None:
        if self._is_outer:
            self._mine.left = self._seconds

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_outer:
            self._mine.left = None


class Call:
    """Lets the present thread wait until the budget is spent."""

    def __init__(self, mine: threading.local, seconds: float) -> None:
        self._mine = mine
        self._seconds = seconds

    def __enter__(self) -> None:
        left = getattr(self._mine, "left", None)
        self._began_at = time.monotonic()
        self._mine.give_up_at = self._began_at + (self._seconds if left is None else left)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if getattr(self._mine, "left", None) is not None:
            self._mine.left -= time.monotonic() - self._began_at


class TimedSocket:
    """A connected socket that waits only while the thread's budget lasts."""

    def __init__(self, connected: Any, budget: Budget) -> None:
        self._socket = connected
        self._budget = budget
        self._told_seconds = 0.0

    def sendall(self, data: bytes) -> None:
        self._limit()
        try:
            self._socket.sendall(data)
        except BlockingIOError as over:
            raise TimeoutError("no time is left") from over

    def recv_into(self, buffer: Any) -> int:
        self._limit()
        try:
            received: int = self._socket.recv_into(buffer)
        except BlockingIOError as over:
            raise TimeoutError("no time is left") from over
        return received

    def _limit(self) -> None:
        """Let the socket wait what is left, to the millisecond: telling it anew costs a call into the kernel."""
        left = self._budget.left()
        if abs(self._told_seconds - left) > GRAIN_SECONDS:
            self._tell(left)
            self._told_seconds = left

    def _tell(self, seconds: float) -> None:
        """Have the kernel end each wait: Python's own time-out looks before each, and lets go of the interpreter."""
        self._socket.settimeout(None)
        whole, part = divmod(math.ceil(seconds * 1_000_000), 1_000_000)
        for wait in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self._socket.setsockopt(socket.SOL_SOCKET, wait, _TIMEVAL.pack(whole, part))

    def __getattr__(self, name: str) -> Any:
        """Hand everything that does not wait to the socket itself."""
        return getattr(self._socket, name)


class TimedTlsSocket(TimedSocket):
    """One that is encrypted: OpenSSL knows nothing of the kernel's time-outs."""

    def _tell(self, seconds: float) -> None:
        self._socket.settimeout(seconds)
