"""A server that is frozen, gone, full, read-only or not itself is a fault within the deadline, and recovers."""

from __future__ import annotations

import os
import signal
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from metering.budget import TimedSocket
from metering.idle import TRUSTED_SECONDS
from metering.meter import MeterUnavailable, Outcome, Pass, Subject
from metering.redis_meter import RedisMeter
from metering.window import Window
from sandbox.processes import Child, free_port
from sandbox.servers import Valkey

FAILURES_BEFORE_PAUSE = 5


@dataclass
class Seconds:
    """A monotonic clock that moves when told, so that a pause needs no waiting."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def own_server(own_valkey: tuple[Valkey, Child]) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(own_valkey[0].url, protocol=2) as client:
        yield client


@pytest.fixture
def own_desk(
    own_valkey: tuple[Valkey, Child],
    make_meter: Callable[..., RedisMeter],
    make_desk: Callable[..., Any],
    seconds: Seconds,
) -> Any:
    """A desk on a server of its own. The deadline is ten of production's: a busy test machine is not a frozen Redis."""
    return make_desk(make_meter(own_valkey[0].url, timeout_seconds=0.5, monotonic=seconds))


@pytest.mark.parametrize("warm", [True, False], ids=["pooled connection", "new connection"])
def test_a_frozen_server_is_given_up(
    warm: bool, own_desk: Any, own_valkey: tuple[Valkey, Child], visitor: Subject
) -> None:
    """Claim: a stopped process that still accepts connections is a fault in far less than redis-py's 59.8 s."""
    if warm:
        own_desk.reads(visitor, "a-1", consume=False)
    os.kill(own_valkey[1].pid, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(MeterUnavailable):
        own_desk.reads(visitor, "a-1")
    assert time.monotonic() - started < 5

    os.kill(own_valkey[1].pid, signal.SIGCONT)
    assert own_desk.outcome(visitor, "a-2") in {Outcome.ROOM, Outcome.FULL}  # a-1 may have been counted in the meantime


def test_a_late_answer_is_never_taken_for_the_next_question(
    own_desk: Any, own_valkey: tuple[Valkey, Child], visitor: Subject, reader: Subject, make_pass: Callable[..., Pass]
) -> None:
    """Claim: an answer that came after the deadline dies with its connection."""
    own_desk.meter.publish(reader.id, make_pass())
    os.kill(own_valkey[1].pid, signal.SIGSTOP)
    with pytest.raises(MeterUnavailable):
        own_desk.reads(reader, "a-1")
    os.kill(own_valkey[1].pid, signal.SIGCONT)
    assert own_desk.outcome(visitor, "a-1") is Outcome.ROOM
    assert own_desk.outcome(visitor, "a-1") is Outcome.SEEN


def test_an_address_cannot_lift_the_deadline(
    own_valkey: tuple[Valkey, Child],
    make_meter: Callable[..., RedisMeter],
    make_desk: Callable[..., Any],
    visitor: Subject,
) -> None:
    """Claim: `?socket_timeout=60` in the address leaves the deadline as it is."""
    url = f"{own_valkey[0].url}?socket_timeout=60&socket_connect_timeout=60&retry_on_timeout=true"
    desk = make_desk(make_meter(url, timeout_seconds=0.5))
    os.kill(own_valkey[1].pid, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(MeterUnavailable):
        desk.reads(visitor, "a-1")
    assert time.monotonic() - started < 5


def test_no_server_at_all_is_a_fault(
    make_meter: Callable[..., RedisMeter], make_desk: Callable[..., Any], visitor: Subject
) -> None:
    """Claim: a meter can be made while Redis is down; only asking raises, and only MeterUnavailable."""
    meter = make_meter(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(MeterUnavailable):
        make_desk(meter).reads(visitor, "a-1")
    with pytest.raises(MeterUnavailable):
        meter.ping()


def test_after_repeated_failures_the_server_is_left_alone_then_probed(
    own_desk: Any, own_valkey: tuple[Valkey, Child], visitor: Subject, seconds: Seconds
) -> None:
    """Claim: a broken server is not asked during the pause, even when it is back; after the pause it is."""
    own_valkey[1].stop()
    for _ in range(FAILURES_BEFORE_PAUSE):
        with pytest.raises(MeterUnavailable, match="ConnectionError"):
            own_desk.reads(visitor, "a-1")
    restarted = own_valkey[0].start()
    try:
        with pytest.raises(MeterUnavailable, match="left alone"):
            own_desk.reads(visitor, "a-1")
        seconds.now += 1
        assert own_desk.outcome(visitor, "a-1") is Outcome.ROOM
        assert own_desk.outcome(visitor, "a-1") is Outcome.SEEN  # the probe's success lets everyone in at once
    finally:
        restarted.stop()


def test_pauses_grow_while_the_server_stays_away(
    make_meter: Callable[..., RedisMeter], make_desk: Callable[..., Any], visitor: Subject, seconds: Seconds
) -> None:
    """Claim: after half a second one caller asks in vain, and the next only after a second more."""
    desk = make_desk(make_meter(f"redis://127.0.0.1:{free_port()}/0", monotonic=seconds))
    for _ in range(FAILURES_BEFORE_PAUSE):
        with pytest.raises(MeterUnavailable, match="ConnectionError"):
            desk.reads(visitor, "a-1")
    for later_seconds, said in ((0.5, "ConnectionError"), (0.6, "left alone"), (0.5, "ConnectionError")):
        seconds.now += later_seconds
        with pytest.raises(MeterUnavailable, match=said):
            desk.reads(visitor, "a-1")


def test_a_restart_between_two_questions_is_not_noticed(
    own_desk: Any, own_valkey: tuple[Valkey, Child], visitor: Subject
) -> None:
    """Claim: a connection that the server has closed meanwhile is replaced, and the script loaded anew."""
    own_desk.reads(visitor, "a-1")
    own_valkey[1].stop()
    restarted = own_valkey[0].start()
    try:
        assert own_desk.outcome(visitor, "a-2") is Outcome.ROOM
    finally:
        restarted.stop()


def test_connections_killed_by_the_server_are_replaced(
    own_desk: Any, own_server: redis.Redis, visitor: Subject
) -> None:
    """Claim: an operator's CLIENT KILL, or an idle timeout, costs no decision but one in the very next moment."""
    own_desk.reads(visitor, "a-1")
    own_server.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    time.sleep(TRUSTED_SECONDS * 1.1)
    assert own_desk.outcome(visitor, "a-1") is Outcome.SEEN


@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    ],
    ids=["full", "read-only"],
)
def test_a_server_that_cannot_write_still_lets_subscribers_in(
    own_desk: Any,
    own_server: redis.Redis,
    visitor: Subject,
    reader: Subject,
    make_pass: Callable[..., Pass],
    spoil: tuple[str, ...],
    mend: tuple[str, ...],
) -> None:
    """Claim: OOM and READONLY are faults to what must be counted and to health checks; passes and peeks are served."""
    own_desk.meter.publish(reader.id, make_pass())
    own_server.execute_command(*spoil)
    with pytest.raises(MeterUnavailable):
        own_desk.reads(visitor, "a-1")
    with pytest.raises(MeterUnavailable):
        own_desk.meter.ping()
    assert own_desk.outcome(reader, "a-1") is Outcome.PASS
    assert own_desk.outcome(visitor, "a-1", consume=False) is Outcome.ROOM
    own_server.execute_command(*mend)
    assert own_desk.outcome(visitor, "a-1") is Outcome.ROOM


def _clients(server: redis.Redis) -> set[str]:
    """Return who is connected; each connection ever made has a number of its own."""
    return {each["id"] for each in server.client_list()}


def test_only_a_primary_no_longer_has_its_connection_closed(own_desk: Any, own_server: redis.Redis) -> None:
    """Claim: a fault that was answered leaves the connection as it is; after READONLY the address is asked anew."""
    connections = own_desk.meter.connections
    connections.command("SET", "key", "text")
    before = _clients(own_server)
    with pytest.raises(MeterUnavailable, match="WRONGTYPE"):
        connections.command("HGET", "key", "field")
    assert connections.command("GET", "key") == b"text"
    assert _clients(own_server) == before
    own_server.execute_command("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(MeterUnavailable, match="ReadOnly"):
        connections.command("SET", "key", "other")
    assert connections.command("GET", "key") == b"text"
    assert _clients(own_server) != before


def test_an_answer_that_was_not_waited_for_is_nobody_elses(
    own_desk: Any, own_server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claim: who is interrupted between asking and hearing leaves no connection on which the answer still comes."""
    connections = own_desk.meter.connections
    own_server.set("key", "text")
    assert connections.command("GET", "key") == b"text"  # connected
    with monkeypatch.context() as patched:
        patched.setattr(TimedSocket, "recv_into", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            connections.command("ECHO", "one")
    assert connections.command("GET", "key") == b"text"


def test_who_takes_no_connection_is_given_up(make_meter: Callable[..., RedisMeter]) -> None:
    """Claim: connecting spends the deadline too: a host that is silent, as behind a firewall, holds nobody longer."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        waiting = [socket.socket() for _ in range(2)]  # more than its queue holds: whoever comes next hears nothing
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(deaf.getsockname())
        meter = make_meter(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0", timeout_seconds=0.3)
        began = time.monotonic()
        with pytest.raises(MeterUnavailable, match="Timeout"):
            meter.ping()
        assert time.monotonic() - began < 2
        for each in waiting:
            each.close()


def test_a_host_of_several_addresses_costs_one_deadline(
    make_meter: Callable[..., RedisMeter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claim: addresses that take no connection are tried within one budget, not each within its own."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        waiting = [socket.socket() for _ in range(2)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(deaf.getsockname())
        [one, *_] = socket.getaddrinfo(*deaf.getsockname(), type=socket.SOCK_STREAM)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: [one] * 20)
        began = time.monotonic()
        with pytest.raises(MeterUnavailable):
            make_meter("redis://several.example/0", timeout_seconds=0.3).ping()
        assert time.monotonic() - began < 3
        for each in waiting:
            each.close()


def test_a_decision_whose_time_is_spent_is_one_failure(
    make_meter: Callable[..., RedisMeter], make_desk: Callable[..., Any], visitor: Subject
) -> None:
    """Claim: of a decision's calls only the one that waited counts as a fault; those after it are not made."""
    faults: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        desk = make_desk(make_meter(address, timeout_seconds=0.05, on_fault=faults.append))
        for _ in range(FAILURES_BEFORE_PAUSE):
            with desk.meter.one_decision():
                for _ in range(3):
                    with pytest.raises(MeterUnavailable, match=r"[Tt]ime"):
                        desk.reads(visitor, "a-1")
        assert faults == ["TimeoutError"] * FAILURES_BEFORE_PAUSE
        with pytest.raises(MeterUnavailable, match="left alone"):
            desk.reads(visitor, "a-1")


def _interrupted(_connection: object, *_given: object, **_options: object) -> None:
    raise KeyboardInterrupt


class _Refusing(socketserver.StreamRequestHandler):
    """Reads commands and answers each with the server's one error."""

    def handle(self) -> None:
        while (header := self.rfile.readline()).startswith(b"*"):
            for _ in range(int(header[1:])):
                self.rfile.read(int(self.rfile.readline()[1:]) + 2)
            self.wfile.write(self.server.reply)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "reply",
    [
        b"-LOADING Redis is loading the dataset in memory\r\n",
        b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n",
        b"-CLUSTERDOWN The cluster is down\r\n",
        b"-MOVED 3999 127.0.0.1:6381\r\n",
        b"-ASK 3999 127.0.0.1:6381\r\n",
        b"-NOAUTH Authentication required.\r\n",
        b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
        b"-NOSCRIPT No matching script.\r\n",
        b"-BUSY Redis is busy running a script.\r\n",
        b"-ERR max number of clients reached\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"",
    ],
    ids=lambda reply: reply[:12].decode().strip() or "silence",
)
def test_whatever_the_server_answers_is_one_fault(
    reply: bytes, make_meter: Callable[..., RedisMeter], make_desk: Callable[..., Any], visitor: Subject
) -> None:
    """Claim: no error of Redis, of its cluster or of something else on that port escapes as another exception."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Refusing) as stand_in:
        stand_in.daemon_threads = True
        stand_in.block_on_close = False
        stand_in.reply = reply  # type: ignore[attr-defined]
        thread = threading.Thread(target=stand_in.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            meter = make_meter(f"redis://127.0.0.1:{stand_in.server_address[1]}/0", timeout_seconds=0.3)
            with pytest.raises(MeterUnavailable):
                make_desk(meter).reads(visitor, "a-1")
        finally:
            stand_in.shutdown()
            thread.join()


def test_scripts_are_loaded_again_after_a_script_flush(desk: Any, server: redis.Redis, visitor: Subject) -> None:
    """Claim: SCRIPT FLUSH costs one more round trip, no decision and no count."""
    desk.reads(visitor, "a-1")
    server.script_flush()
    assert desk.outcome(visitor, "a-1") is Outcome.SEEN


def test_a_forked_child_opens_connections_of_its_own(desk: Any, visitor: Subject) -> None:
    """Claim: gunicorn may fork after the meter was used; parent and child never share a socket."""
    desk.reads(visitor, "a-1")
    child = os.fork()
    if child == 0:
        seen = all(desk.outcome(visitor, "a-1") is Outcome.SEEN for _ in range(50))
        os._exit(0 if seen else 1)
    assert all(desk.outcome(visitor, "a-2", consume=False) is Outcome.FULL for _ in range(50))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_closed_meter_opens_again(desk: Any, visitor: Subject, month: Window) -> None:
    """Claim: closing drops connections, not the meter."""
    desk.reads(visitor, "a-1")
    desk.meter.close()
    assert desk.outcome(visitor, "a-1") is Outcome.SEEN
