"""Waiting connections are ready ones, whatever happened to them meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import redis
from redis.connection import Connection, parse_url

from metering.idle import TRUSTED_SECONDS, Idle


class Clock:
    """Monotonic seconds, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    """A clock that stands."""
    return Clock()


@pytest.fixture
def idle(redis_url: str, clock: Clock) -> Iterator[Idle]:
    """No connection yet, to an empty Valkey."""
    waiting = Idle(lambda: Connection(**parse_url(redis_url)), monotonic=clock)
    yield waiting
    waiting.close()


def _kill_all(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as admin:
        admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def _ping(connection: Connection) -> object:
    connection.send_command("PING")
    return connection.read_response()


def test_a_connection_is_used_again(idle: Idle) -> None:
    """Claim: one call after the other needs one connection; two at once need two."""
    first = idle.take()
    second = idle.take()
    assert first is not second
    idle.give_back(first)
    assert idle.take() is first
    assert _ping(first) == _ping(second) == b"PONG"


def test_one_that_the_server_hung_up_is_connected_again(idle: Idle, clock: Clock, redis_url: str) -> None:
    """Claim: after a restart of the server the next call does not fail on a dead connection."""
    connection = idle.take()
    _ping(connection)
    idle.give_back(connection)
    _kill_all(redis_url)
    clock.seconds += TRUSTED_SECONDS * 1.01
    assert _ping(idle.take()) == b"PONG"


def test_one_that_waited_long_and_is_well_stays_connected(idle: Idle, clock: Clock) -> None:
    """Claim: looking costs a call to the kernel, not a new connection."""
    connection = idle.take()
    socket = connection._sock
    idle.give_back(connection)
    clock.seconds += TRUSTED_SECONDS * 1.01
    assert idle.take()._sock is socket


def test_one_used_just_now_is_not_looked_at(idle: Idle, redis_url: str) -> None:
    """Claim: under load no call asks the kernel first; a server that hangs up in that moment costs one call."""
    connection = idle.take()
    _ping(connection)
    idle.give_back(connection)
    _kill_all(redis_url)
    with pytest.raises(redis.ConnectionError):
        _ping(idle.take())
    idle.give_back(connection)
    assert _ping(idle.take()) == b"PONG"


def test_an_answer_that_nobody_took_is_nobody_elses(idle: Idle, clock: Clock) -> None:
    """Claim: what waits to be read on an idle connection is no answer to the next call."""
    connection = idle.take()
    connection.send_command("PING")
    connection.send_command("ECHO", "not yours")
    connection.read_response()
    assert connection.can_read(timeout=5)  # the second answer came, whenever the server sent it
    idle.give_back(connection)
    clock.seconds += TRUSTED_SECONDS * 1.01
    assert _ping(idle.take()) == b"PONG"


def test_nothing_is_connected_before_something_is_sent(idle: Idle, clock: Clock) -> None:
    """Claim: one that broke is handed out as it is, however long ago, and connects with what it is asked."""
    connection = idle.take()
    assert not connection.is_connected
    idle.give_back(connection)
    clock.seconds += TRUSTED_SECONDS * 1.01
    assert idle.take() is connection
    assert not connection.is_connected
    assert _ping(connection) == b"PONG"


def test_a_fork_takes_none_along(idle: Idle) -> None:
    """Claim: a forked process makes its own connections, and the parent's answers stay the parent's."""
    idle.give_back(idle.take())
    child = os.fork()
    if child == 0:
        os._exit(0 if _ping(idle.take()) == b"PONG" and not idle._connections else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    kept, _ = idle._connections[0]
    assert idle.take() is kept
    assert _ping(kept) == b"PONG"
