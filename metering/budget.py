"""How long the calls of one decision may wait for a server together: a deadline that no number of waits can stretch."""

from __future__ import annotations

import math
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Any

SLICE_SECONDS = 0.01
"""After how long a wait looks at the budget again."""
GRAIN_SECONDS = 0.001
_TIMEVAL = struct.Struct("@ll")


class _Mine(threading.local):
    """What one thread may still wait: within how many `shared` it is, `left` to their calls, and its call's end."""

    depth = 0
    left: float | None = None
    began_at = 0.0
    give_up_at = 0.0


class Budget:
    """`seconds` for each decision; every thread has one of its own.

    A socket's time-out counts each wait anew, so a server that sends a byte now and then holds its caller for ever, and
    a decision of two round trips waits twice. Only the time inside `call` is spent: what a decision does between two
    calls is not the server's fault.
    """

    def __init__(self, seconds: float) -> None:
        self._mine = _Mine()
        self._shared = Shared(self._mine, seconds)
        self._call = Call(self._mine, seconds)

    def shared(self) -> Shared:
        """Return a context in which all calls spend one budget; inside another it is part of that one."""
        return self._shared

    def call(self) -> Call:
        """Return a context in which `left` runs down; without `shared` around it, it has a budget of its own."""
        return self._call

    @property
    def is_spent(self) -> bool:
        """Tell whether the calls before have used up what this one shares with them."""
        left = self._mine.left
        return left is not None and left <= 0

    def left(self) -> float:
        """Return the seconds this thread may still wait; raise TimeoutError when there are none."""
        left = self._mine.give_up_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("no time is left")
        return left


class Shared:
    """Keeps what is left from one call to the next."""

    def __init__(self, mine: _Mine, seconds: float) -> None:
        self._mine = mine
        self._seconds = seconds

    def __enter__(self) -> None:
        mine = self._mine
        if mine.depth == 0:
            mine.left = self._seconds
        mine.depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        mine = self._mine
        mine.depth -= 1
        if mine.depth == 0:
            mine.left = None


class Call:
    """Lets the present thread wait until the budget is spent."""

    def __init__(self, mine: _Mine, seconds: float) -> None:
        self._mine = mine
        self._seconds = seconds

    def __enter__(self) -> None:
        mine = self._mine
        mine.began_at = time.monotonic()
        mine.give_up_at = mine.began_at + (self._seconds if mine.left is None else mine.left)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        mine = self._mine
        if mine.left is not None:
            mine.left -= time.monotonic() - mine.began_at


class TimedSocket:
    """A connected socket that waits only while the thread's budget lasts.

    The kernel ends each wait after a slice of it, and the budget is looked at anew: telling the kernel each time how
    much is left is one more call to it, and so is the look that Python's own time-out takes before each wait.
    """

    def __init__(self, connected: Any, budget: Budget) -> None:
        self._socket = connected
        self._budget = budget
        self._told_seconds = 0.0

    def sendall(self, data: bytes) -> None:
        left: bytes | memoryview = data
        while left:
            self._limit()
            try:
                sent = self._socket.send(left)
            except BlockingIOError:
                continue
            left = memoryview(left)[sent:]

    def recv_into(self, buffer: Any) -> int:
        while True:
            self._limit()
            try:
                received: int = self._socket.recv_into(buffer)
            except BlockingIOError:
                continue
            return received

    def _limit(self) -> None:
        """Have the kernel end the next wait in time; raises TimeoutError when no time is left."""
        seconds = min(self._budget.left(), SLICE_SECONDS)
        if seconds != self._told_seconds:
            self._tell(seconds)

    def _tell(self, seconds: float) -> None:
        self._told_seconds = seconds
        self._socket.settimeout(None)
        whole, part = divmod(math.ceil(seconds * 1_000_000), 1_000_000)
        for wait in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self._socket.setsockopt(socket.SOL_SOCKET, wait, _TIMEVAL.pack(whole, part))

    def __getattr__(self, name: str) -> Any:
        """Hand everything that does not wait to the socket itself."""
        return getattr(self._socket, name)


class TimedTlsSocket(TimedSocket):
    """One that is encrypted: OpenSSL knows nothing of the kernel's time-outs, and a wait that ended cannot go on."""

    def sendall(self, data: bytes) -> None:
        self._limit()
        self._socket.sendall(data)

    def recv_into(self, buffer: Any) -> int:
        self._limit()
        received: int = self._socket.recv_into(buffer)
        return received

    def _limit(self) -> None:
        """Have the socket give up with the budget, to the millisecond."""
        left = self._budget.left()
        if abs(self._told_seconds - left) > GRAIN_SECONDS:
            self._told_seconds = left
            self._socket.settimeout(left)
