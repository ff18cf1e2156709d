"""One deadline for all that a decision waits for Redis, however slowly the bytes come."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metering.budget import SLICE_SECONDS, Budget, TimedSocket
from metering.meter import MeterUnavailable, Outcome, Subject, SubjectKind

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def proxy(redis_url: str, make_proxy: Callable[[int], Any]) -> Any:
    """A proxy before an empty Valkey, as fast as can be until told."""
    return make_proxy(int(redis_url.rpartition(":")[2].partition("/")[0]))


def visitor(name: str = "v-5") -> Subject:
    return Subject(SubjectKind.VISITOR, name)


def test_a_server_that_dribbles_is_given_up(
    proxy: Any, make_meter: Callable[..., Any], make_desk: Callable[..., Any]
) -> None:
    """Claim: a byte now and then does not stretch the deadline: an answer that would take 3 s costs a tenth of it."""
    desk = make_desk(make_meter(proxy.url, timeout_seconds=0.3))
    assert desk.outcome(visitor(), "a-1") is Outcome.ROOM
    proxy.piece, proxy.pause_seconds = 1, 0.1
    began = time.monotonic()
    with pytest.raises(MeterUnavailable, match="Timeout"):
        desk.reads(visitor(), "a-1")
    assert time.monotonic() - began < 2

    proxy.piece, proxy.pause_seconds = 65_536, 0.0
    assert desk.outcome(visitor(), "a-1") is Outcome.SEEN


def test_the_calls_of_a_decision_share_one_deadline(
    proxy: Any, make_meter: Callable[..., Any], make_desk: Callable[..., Any]
) -> None:
    """Claim: an aliased visitor's two round trips, each within the deadline, may not take it twice."""
    desk = make_desk(make_meter(proxy.url, timeout_seconds=0.6))
    reader = Subject(SubjectKind.READER, "r-81")
    desk.link(visitor(), reader)
    desk.reads(visitor(), "a-1")
    proxy.pause_seconds = 0.4
    assert desk.outcome(visitor("v-6"), "a-1") is Outcome.ROOM  # one round trip fits
    with desk.meter.one_decision(), pytest.raises(MeterUnavailable, match="Timeout"):
        desk.reads(visitor(), "a-1")
    with desk.meter.one_decision():
        assert desk.outcome(visitor("v-6"), "a-1") is Outcome.SEEN  # the next decision has a deadline of its own


def test_only_time_inside_the_calls_is_spent() -> None:
    """Claim: what a decision does between two calls, such as asking PostgreSQL, leaves the budget as it is."""
    budget = Budget(0.2)
    with budget.shared():
        with budget.call():
            first = budget.left()
        time.sleep(0.25)
        with budget.call():
            assert 0 < budget.left() <= first
            time.sleep(0.25)
            with pytest.raises(TimeoutError):
                budget.left()
        with budget.call(), pytest.raises(TimeoutError):
            budget.left()
    with budget.call():
        assert budget.left() > 0.1


def test_threads_have_budgets_of_their_own() -> None:
    """Claim: a decision that waits takes no time from another's."""
    budget, lefts = Budget(5), []

    def other() -> None:
        with budget.shared(), budget.call():
            lefts.append(budget.left())

    with budget.shared(), budget.call():
        budget._mine.left = 0.0
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert lefts[0] > 4


def test_a_decision_within_a_decision_spends_the_same_budget() -> None:
    """Claim: whoever asks for one deadline inside another's gets what is left of that, and ends it for nobody."""
    budget = Budget(5)
    with budget.shared():
        with budget.shared(), budget.call():
            budget._mine.give_up_at -= 3
            time.sleep(0.05)
        with budget.call():
            spent = budget.left()
    assert spent < 4.96
    with budget.shared(), budget.call():
        assert budget.left() > spent


def test_every_wait_of_a_timed_socket_ends_with_the_budget() -> None:
    """Claim: bytes come and go as through the socket itself; reading and writing both give up when no time is left."""
    near, far = socket.socketpair()
    budget = Budget(0.2)
    timed, buffer = TimedSocket(near, budget), bytearray(4)
    with far, near:
        with budget.call():
            far.sendall(b"abc")
            assert timed.recv_into(buffer) == 3
            assert buffer == b"abc\x00"
            timed.sendall(b"d")
            assert far.recv(9) == b"d"
            assert timed.fileno() == near.fileno()
        for wait in (lambda: timed.recv_into(buffer), lambda: timed.sendall(bytes(10_000_000))):
            with budget.call(), pytest.raises(TimeoutError):
                wait()


class Told(socket.socket):
    """A socket that notes how often the kernel is told anything of it."""

    times = 0

    def setsockopt(self, *told: Any) -> None:
        self.times += 1
        super().setsockopt(*told)


def test_the_kernel_is_told_once_how_long_a_wait_is() -> None:
    """Claim: while more than a slice is left, no wait tells it again, however little is left of a second."""
    near, far = socket.socketpair()
    told = Told(fileno=near.detach())
    budget = Budget(5)
    timed = TimedSocket(told, budget)
    with told, far, budget.shared():
        for number in range(20):
            with budget.call():
                timed.sendall(b"a")
                far.sendall(b"b")
                assert timed.recv_into(bytearray(4)) == 1
                budget._mine.give_up_at -= number / 50
        assert told.times == 2  # of receiving and of sending
        seconds, microseconds = struct.unpack("@ll", told.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16))
        assert seconds + microseconds / 1_000_000 == pytest.approx(SLICE_SECONDS, abs=0.005)


ROUND_TRIPS = {"new visitor": 1, "visitor": 1, "subscriber": 1, "known reader": 1, "linked visitor": 2}


@pytest.mark.parametrize("who", ROUND_TRIPS)
def test_round_trips_are_counted(
    proxy: Any, make_meter: Callable[..., Any], make_desk: Callable[..., Any], make_pass: Any, who: str
) -> None:
    """Claim: counted on the wire, a question is one exchange; an aliased visitor's is two."""
    desk = make_desk(make_meter(proxy.url))
    desk.link(visitor("linked visitor"), Subject(SubjectKind.READER, "r-0"))
    desk.meter.publish("subscriber", make_pass())
    desk.meter.publish_absent("known reader", NOW)
    desk.reads(visitor("visitor"), "a-1")
    kind = SubjectKind.READER if who in {"subscriber", "known reader"} else SubjectKind.VISITOR
    before = proxy.requests
    desk.reads(Subject(kind, who), "a-2")
    assert proxy.requests == before + ROUND_TRIPS[who]


def test_a_pass_is_published_and_the_question_asked_in_one_round_trip(
    proxy: Any, make_meter: Callable[..., Any], make_desk: Callable[..., Any], make_pass: Any
) -> None:
    """Claim: an unknown reader costs two exchanges: one says so, one brings what the record knew."""
    desk = make_desk(make_meter(proxy.url))
    desk.reads(visitor(), "a-1")
    desk.meter.publish_absent("r-0", NOW)
    common = {"limit": 1, "window": desk.window, "consume": True, "now": NOW, "wall_now": NOW}
    for published, outcome in (
        (make_pass(version=0, absent=True), Outcome.ROOM),
        (make_pass(version=3, absent=True), Outcome.ROOM),
        (make_pass(), Outcome.PASS),
    ):
        reader = Subject(SubjectKind.READER, f"r-{published.version}-{published.absent}")
        before = proxy.requests
        assert desk.outcome(reader, "a-1") is Outcome.UNKNOWN
        readings = desk.meter.ask_many(reader, ["a-1"], published=published, **common)
        assert [each.outcome for each in readings.each] == [outcome]
        assert proxy.requests == before + 2


def test_scripts_sent_together_survive_a_server_that_forgot_them(desk: Any, server: Any, make_pass: Any) -> None:
    """Claim: after SCRIPT FLUSH the pass is published and the question answered all the same."""
    server.script_flush()
    reader = Subject(SubjectKind.READER, "r-81")
    readings = desk.meter.ask_many(
        reader, ["a-1"], limit=1, window=desk.window, consume=True, now=NOW, wall_now=NOW,
        published=make_pass(absent=True, valid_until=NOW + timedelta(days=1)),
    )  # fmt: skip
    assert readings.each[0].outcome is Outcome.ROOM
    assert desk.outcome(reader, "a-1") is Outcome.SEEN
