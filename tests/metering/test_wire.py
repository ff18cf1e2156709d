"""Commands go out as they are and each has its reply, in whatever pieces the bytes come."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import redis
from redis.exceptions import BusyLoadingError, InvalidResponse, NoScriptError, ResponseError

from metering.budget import SLICE_SECONDS, Budget, TimedSocket
from metering.wire import Wire


@pytest.fixture
def budget() -> Budget:
    """More than any of it takes."""
    return Budget(30)


@pytest.fixture
def ends(budget: Budget) -> Iterator[tuple[Wire, socket.socket]]:
    """A wire, and the server's end of it."""
    near, far = socket.socketpair()
    with near, far:
        yield Wire(TimedSocket(near, budget)), far


def test_each_command_has_its_reply(ends: tuple[Wire, socket.socket], budget: Budget) -> None:
    """Claim: what is sent arrives as it is; several replies that come together are told apart, one by one."""
    wire, far = ends
    far.sendall(b"+PONG\r\n$3\r\nabc\r\n")
    with budget.call():
        assert wire.exchange(b"PING\r\nGET a\r\n", 2) == [b"PONG", b"abc"]
        assert far.recv(99) == b"PING\r\nGET a\r\n"
        far.sendall(b":7\r\n")
        assert wire.exchange(b"INCR b\r\n", 1) == [7]


def test_a_reply_in_pieces_is_waited_for(ends: tuple[Wire, socket.socket], budget: Budget) -> None:
    """Claim: a wait that is longer than a slice goes on; nothing is sent or read twice."""
    wire, far = ends

    def answer() -> None:
        for piece in (b"$5\r\nhel", b"lo", b"\r\n"):
            time.sleep(1.2 * SLICE_SECONDS)
            far.sendall(piece)

    server = threading.Thread(target=answer)
    server.start()
    with budget.call():
        assert wire.exchange(b"GET a\r\n", 1) == [b"hello"]
    server.join()
    assert far.recv(99) == b"GET a\r\n"


def test_what_is_refused_is_a_reply(ends: tuple[Wire, socket.socket], budget: Budget) -> None:
    """Claim: a refusal is one of the replies, of the class that redis-py knows it by; those beside it are not lost."""
    wire, far = ends
    far.sendall(b"-NOSCRIPT no\r\n:1\r\n-LOADING soon\r\n-WRONGTYPE no\r\n")
    with budget.call():
        unknown, one, loading, wrong = wire.exchange(b"x", 4)
    assert (type(unknown), one, type(loading), type(wrong)) == (NoScriptError, 1, BusyLoadingError, ResponseError)


def test_who_hangs_up_is_a_broken_connection(ends: tuple[Wire, socket.socket], budget: Budget) -> None:
    """Claim: between two bytes or before the first, redis-py's ConnectionError; writing to it as well."""
    wire, far = ends
    far.sendall(b"$5\r\nhe")
    far.shutdown(socket.SHUT_WR)
    with budget.call():
        with pytest.raises(redis.ConnectionError, match=r"^the server hung up$"):
            wire.exchange(b"GET a\r\n", 1)
        far.close()
        with pytest.raises(redis.ConnectionError, match="Broken pipe"):
            wire.exchange(b"GET a\r\n", 1)


def test_who_says_nothing_is_given_up() -> None:
    """Claim: redis-py's TimeoutError once the budget is spent, some slices later but no slice earlier."""
    seconds = 5.5 * SLICE_SECONDS
    near, far = socket.socketpair()
    budget = Budget(seconds)
    with near, far, budget.call():
        began = time.monotonic()
        with pytest.raises(redis.TimeoutError, match=r"^no time is left$"):
            Wire(TimedSocket(near, budget)).exchange(b"GET a\r\n", 1)
        assert seconds - SLICE_SECONDS < time.monotonic() - began < seconds + 5


def test_what_is_not_the_protocol_is_no_reply(ends: tuple[Wire, socket.socket], budget: Budget) -> None:
    """Claim: another kind of server is told apart from one that answers."""
    wire, far = ends
    far.sendall(b"HTTP/1.1 400 Bad Request\r\n")
    with budget.call(), pytest.raises(InvalidResponse):
        wire.exchange(b"GET a\r\n", 1)


def test_an_answer_to_nobody_is_nobodys(ends: tuple[Wire, socket.socket], budget: Budget) -> None:
    """Claim: where more comes than was asked for, nobody takes it for the answer to the next question."""
    wire, far = ends
    far.sendall(b":1\r\n:2\r\n")
    with budget.call(), pytest.raises(InvalidResponse, match=r"^more came than was asked for$"):
        wire.exchange(b"GET a\r\n", 1)


def test_more_than_the_kernel_takes_at_once_is_sent_whole(ends: tuple[Wire, socket.socket], budget: Budget) -> None:
    """Claim: a batch larger than the socket's buffer arrives once, in order, though each slice takes a part of it."""
    wire, far = ends
    sent, came = bytes(range(256)) * 8_000, bytearray()

    def read_slowly() -> None:
        time.sleep(2 * SLICE_SECONDS)
        while len(came) < len(sent):
            came.extend(far.recv(200_000))
        far.sendall(b":1\r\n")

    server = threading.Thread(target=read_slowly)
    server.start()
    with budget.call():
        assert wire.exchange(sent, 1) == [1]
    server.join()
    assert bytes(came) == sent
