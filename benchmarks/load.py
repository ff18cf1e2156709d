"""The load: one small client on keep-alive connections, asking as fast as it is answered, or at a steady rate.

It runs on the same cores as the servers, so it does as little as it can: requests are bytes made beforehand, and an
answer is only searched for its length and for one word that a right answer holds.
"""

from __future__ import annotations

import gc
import itertools
import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_HEAD_ENDS = b"\r\n\r\n"
_LENGTH = b"content-length:"
_LONGEST_WAIT_SECONDS = 30.0


class WrongAnswer(Exception):
    """A server answered something else than it should; no figure of it would mean anything."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A server on 127.0.0.1 and what to ask it, over and over; every answer is 200 and holds `expected`."""

    port: int
    requests: Sequence[bytes]
    expected: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Burst:
    """What one burst of load showed; latencies are sorted."""

    seconds: float
    latencies_seconds: Sequence[float]

    @property
    def per_second(self) -> float:
        return len(self.latencies_seconds) / self.seconds

    def quantile(self, share: float) -> float:
        """Return the latency that `share` of all answers stayed within, in seconds."""
        return self.latencies_seconds[min(len(self.latencies_seconds) - 1, int(share * len(self.latencies_seconds)))]


def saturate(target: Target, *, connections: int, seconds: float) -> Burst:
    """Ask again on each connection as soon as it is answered."""
    [burst] = _Client([target], connections).run(_without_pause(time.perf_counter() + seconds))
    return burst


def pace(target: Target, *, connections: int, per_second: float, seconds: float) -> Burst:
    """Ask at a steady rate, whether or not the last answer has come.

    A latency runs from the moment its request was *due*: a request that had to wait for a connection, because the
    server was behind, has waited like a reader. Timing from the moment of sending would hide just the worst.
    """
    [burst] = pace_together([target], connections=connections, per_second=per_second, seconds=seconds)
    return burst


def pace_together(targets: Sequence[Target], *, connections: int, per_second: float, seconds: float) -> Sequence[Burst]:
    """Ask several servers in turn at one steady rate, each on so many connections; return a burst for each.

    Whatever the machine does meanwhile meets them all: their latencies can be compared where those of one
    burst after the other differ by half.
    """
    client = _Client(targets, connections)
    begin = time.perf_counter()
    return client.run(begin + number / per_second for number in range(int(per_second * seconds)))


def ask(target: Target, count: int, *, connections: int) -> Burst:
    """Ask `count` times, as fast as it is answered."""
    [burst] = _Client([target], connections).run(time.perf_counter() for _ in range(count))
    return burst


def _without_pause(until: float) -> Iterator[float]:
    while (now := time.perf_counter()) < until:
        yield now


class _Connection:
    """One connection and the request on its way, if any."""

    def __init__(self, target: int, port: int, expected: bytes) -> None:
        self.target = target
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_LONGEST_WAIT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._expected = expected
        self._answer = b""
        self.since = 0.0

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, request: bytes, since: float) -> None:
        self.since = since
        self._answer = b""
        self._socket.sendall(request)

    def has_answered(self) -> bool:
        """Take in what has come; tell whether it is the whole answer. Raises WrongAnswer."""
        received = self._socket.recv(65_536)
        self._answer += received
        head, end, body = self._answer.partition(_HEAD_ENDS)
        if end and len(body) >= _length(head):
            self._check()
            return True
        if not received:
            raise WrongAnswer(f"the connection was closed after {self._answer[:200]!r}")
        return False

    def _check(self) -> None:
        if not self._answer.startswith(b"HTTP/1.1 200 ") or self._expected not in self._answer:
            raise WrongAnswer(f"{self._answer[:600]!r}")

    def close(self) -> None:
        self._socket.close()


class _Client:
    """A burst at work: hands requests that are due to connections that are free."""

    def __init__(self, targets: Sequence[Target], connections: int) -> None:
        self._requests = [itertools.cycle(target.requests) for target in targets]
        self._free = [
            deque(_Connection(number, target.port, target.expected) for _ in range(connections))
            for number, target in enumerate(targets)
        ]
        self._busy: dict[int, _Connection] = {}
        self._latencies: list[list[float]] = [[] for _ in targets]

    def run(self, due: Iterator[float]) -> Sequence[Burst]:
        """Send one request for each instant that `due` yields, not before it; return when all are answered."""
        began = time.perf_counter()
        gc.disable()  # a pause of ours would count as a pause of theirs
        try:
            self._send_all(due)
        finally:
            gc.enable()
            for each in (*itertools.chain(*self._free), *self._busy.values()):
                each.close()
        seconds = time.perf_counter() - began
        return [Burst(seconds=seconds, latencies_seconds=sorted(each)) for each in self._latencies]

    def _send_all(self, due: Iterator[float]) -> None:
        for requests, free in itertools.cycle(zip(self._requests, self._free, strict=True)):
            while not free:
                self._take_answers(_LONGEST_WAIT_SECONDS)
            at = next(due, None)
            if at is None:
                break
            while (left := at - time.perf_counter()) > 0:
                self._take_answers(left)
            connection = free.popleft()
            connection.send(next(requests), at)
            self._busy[connection.fileno()] = connection
        while self._busy:
            self._take_answers(_LONGEST_WAIT_SECONDS)

    def _take_answers(self, longest_wait_seconds: float) -> None:
        # select(2), not epoll: it waits to the microsecond, and there are few connections.
        readable, _, _ = select.select(list(self._busy), [], [], longest_wait_seconds)
        if not readable and longest_wait_seconds >= _LONGEST_WAIT_SECONDS:
            raise WrongAnswer(f"no answer in {longest_wait_seconds:g} s")
        for descriptor in readable:
            connection = self._busy[descriptor]
            if connection.has_answered():
                self._latencies[connection.target].append(time.perf_counter() - connection.since)
                del self._busy[descriptor]
                self._free[connection.target].append(connection)


def _length(head: bytes) -> int:
    """Return the length that the head states; every server here states one."""
    at = head.lower().index(_LENGTH) + len(_LENGTH)
    return int(head[at:].split(b"\r", 1)[0])
