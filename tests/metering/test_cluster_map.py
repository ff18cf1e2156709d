"""Which server of a cluster is asked, word for word: servers that say what the test wants stand in for real ones."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from redis import exceptions
from redis.crc import key_slot
from redis.exceptions import AskError, MovedError

from metering.budget import Budget
from metering.cluster import REFRESH_SECONDS, Cluster
from metering.meter import MeterUnavailable
from metering.script import Asked, ask_on
from tests.metering.wire import Wire

ONE, TWO = ("one", 7001), ("two", 7002)
SLOTS = ("CLUSTER", "SLOTS")
HALVES = [[8192, 16383, [b"two", 7002]], [0, 8191, [b"one", 7001]]]
"""As a server tells it, in no particular order and without replicas."""


def key_in(slot: int) -> str:
    """Return a key that lies in `slot`."""
    return next(key for key in map(str, range(1_000_000)) if key_slot(key.encode()) == slot)


FIRST, LAST_OF_ONE, FIRST_OF_TWO, LAST = key_in(0), key_in(8191), key_in(8192), key_in(16383)


class Room:
    """The servers: `answer` says what each replies, `log` what each was sent."""

    def __init__(self) -> None:
        self.log: list[tuple[Any, ...]] = []
        self.map: Any = HALVES
        self.replies: dict[tuple[Any, ...], Any] = {}
        self.made: list[Mapping[str, Any]] = []
        self.closed: list[tuple[str, int]] = []
        self.now = 100.0
        self.before_the_map: Callable[[], object] = lambda: None

    def answer(self, address: tuple[str, int], words: tuple[Any, ...]) -> Any:
        self.log.append((address, *words))
        if words == SLOTS:
            self.before_the_map()
        reply = self.replies.get((address, *words), self.map if words == SLOTS else b"from " + address[0].encode())
        if isinstance(reply, Exception):
            raise reply
        return reply

    def cluster(self, *seeds: Mapping[str, Any]) -> Cluster:
        given = [dict(each) for each in seeds] or [{"host": host, "port": port} for host, port in (ONE, TWO)]
        return Cluster(
            given, lambda options: _Server(self, options), budget=Budget(5), on_fault=lambda _name: None,
            monotonic=lambda: self.now,
        )  # fmt: skip


class _Server:
    def __init__(self, room: Room, options: Mapping[str, Any]) -> None:
        self._room, self._address = room, (options["host"], options["port"])
        room.made.append(options)

    def ask(self, asked: Asked, *, asking: bool = False) -> list[Any]:
        return ask_on(Wire(partial(self._room.answer, self._address)), asked, asking=asking)

    def close(self) -> None:
        self._room.closed.append(self._address)


@pytest.fixture
def room() -> Room:
    return Room()


def test_keys_are_asked_for_where_they_lie_and_the_map_once(room: Room) -> None:
    """Claim: a range's first and last slot are its own; a command without a key goes to the first slot's server."""
    cluster = room.cluster()
    asked = [cluster.command("GET", key) for key in (FIRST, LAST_OF_ONE, FIRST_OF_TWO.encode(), LAST)]
    assert asked == [b"from one", b"from one", b"from two", b"from two"]
    assert cluster.command("PING") == b"from one"
    assert [each for each in room.log if each[1:] == SLOTS] == [(TWO, *SLOTS)]
    assert len(room.log) == 6


def test_ranges_may_be_told_in_any_order(room: Room) -> None:
    """Claim: a range is laid over its own slots and moves no other's, also where those after it were told before it."""
    thirds = [[10_000, 16383, [b"three", 7003]], [5_000, 9_999, [b"two", 7002]], [0, 4_999, [b"one", 7001]]]
    keys = {key_in(slot): name for slot, name in (
        (0, b"one"), (4_999, b"one"), (5_000, b"two"), (9_999, b"two"), (10_000, b"three"), (16383, b"three")
    )}  # fmt: skip
    for told in itertools.permutations(thirds):
        room.map = list(told)
        cluster = room.cluster()
        assert {key: cluster.command("GET", key) for key in keys} == {
            key: b"from " + name for key, name in keys.items()
        }


def test_a_moved_slot_is_followed_and_remembered_and_the_map_asked_for_again(room: Room) -> None:
    """Claim: the next question goes straight there; where one slot went others did, so the map is renewed in time."""
    cluster = room.cluster()
    cluster.command("PING")
    room.replies[ONE, "GET", FIRST] = MovedError("0 two:7002")
    assert cluster.command("GET", FIRST) == b"from two"
    room.log.clear()
    assert cluster.command("GET", FIRST) == b"from two"
    assert room.log == [(TWO, "GET", FIRST)]

    room.now += REFRESH_SECONDS
    room.map = [[0, 16383, [b"two", 7002]]]
    assert cluster.command("GET", LAST_OF_ONE) == b"from two"
    assert room.log[1:] == [(ONE, *SLOTS), (TWO, "GET", LAST_OF_ONE)]
    room.now += 10
    cluster.command("GET", FIRST)
    assert len(room.log) == 4


def test_a_slot_being_handed_over_is_asked_for_once_at_the_other_end(room: Room) -> None:
    """Claim: ASK is followed with ASKING, and changes nothing about where the next question goes."""
    cluster = room.cluster()
    room.replies[ONE, "GET", FIRST] = AskError("0 two:7002")
    assert cluster.command("GET", FIRST) == b"from two"
    assert cluster.command("GET", FIRST) == b"from two"
    once = [(ONE, "GET", FIRST), (TWO, "ASKING"), (TWO, "GET", FIRST)]
    assert room.log[1:] == once * 2
    room.log.clear()
    room.replies[TWO, "GET", FIRST] = MovedError("0 three:7003")
    assert cluster.command("GET", FIRST) == b"from three"
    assert (("three", 7003), "ASKING") not in room.log, "what has moved is not being handed over"


def test_a_slot_that_is_sent_around_is_given_up(room: Room) -> None:
    """Claim: servers that point at each other cost three questions, not the deadline, and the fault says so."""
    cluster = room.cluster()
    room.replies[ONE, "GET", FIRST] = MovedError("0 two:7002")
    room.replies[TWO, "GET", FIRST] = MovedError("0 one:7001")
    with pytest.raises(MeterUnavailable, match="slot 0 is being sent around"):
        cluster.command("GET", FIRST)
    assert len(room.log) == 1 + 3


def test_the_map_is_asked_for_four_times_a_second_at_most(room: Room) -> None:
    """Claim: a cluster in trouble is not asked for its map with every question, and another server first each time."""
    cluster = room.cluster()
    cluster.command("PING")
    room.replies[ONE, "GET", FIRST] = exceptions.ConnectionError("gone")
    room.log.clear()
    for later in (0.0, REFRESH_SECONDS - 0.01, 0.01, 0.01):
        room.now += later
        with pytest.raises(MeterUnavailable):
            cluster.command("GET", FIRST)
    assert [each[:2] for each in room.log if each[1:] == SLOTS] == [(ONE, "CLUSTER")]
    room.now += REFRESH_SECONDS
    with pytest.raises(MeterUnavailable):
        cluster.command("GET", FIRST)
    assert [each[0] for each in room.log if each[1:] == SLOTS] == [ONE, TWO]


@pytest.mark.parametrize("refusal", [exceptions.ClusterDownError, exceptions.MasterDownError])
def test_a_primary_that_refuses_everything_has_the_map_asked_for_again(room: Room, refusal: type[Exception]) -> None:
    """Claim: one cut off from the others still answers, but its replica serves its slots; a full server is no such."""
    cluster = room.cluster()
    cluster.command("PING")
    room.now += REFRESH_SECONDS
    room.map = [[0, 16383, [b"two", 7002]]]
    for error, then_at in ((exceptions.OutOfMemoryError("full"), ONE), (refusal("down"), TWO)):
        room.replies[ONE, "GET", FIRST] = error
        with pytest.raises(MeterUnavailable):
            cluster.command("GET", FIRST)
        del room.replies[ONE, "GET", FIRST]
        assert cluster.command("GET", FIRST) == b"from " + then_at[0].encode()


def test_a_server_that_cannot_say_leaves_the_question_to_the_next(room: Room) -> None:
    """Claim: the map comes from the first server that answers; those learnt from it are asked too, when need be."""
    room.replies[TWO, *SLOTS] = exceptions.ConnectionError("gone")
    room.map = [[0, 16383, [b"three", 7003]]]
    cluster = room.cluster()
    assert cluster.command("GET", FIRST) == b"from three"
    room.replies[ONE, *SLOTS] = exceptions.ConnectionError("gone")
    room.replies[("three", 7003), "GET", FIRST] = exceptions.ConnectionError("gone")
    for _ in range(2):
        room.now += 1
        with pytest.raises(MeterUnavailable):
            cluster.command("GET", FIRST)
    assert (("three", 7003), *SLOTS) in room.log


def test_nobody_to_ask_is_a_fault_with_a_name(room: Room) -> None:
    """Claim: without a map, or with a gap in it, the question is a fault, and the map is asked for again."""
    room.map = [[1, 16383, [b"one", 7001]]]
    cluster = room.cluster()
    for number in (1, 2):
        with pytest.raises(MeterUnavailable, match="no server is known for slot 0"):
            cluster.command("GET", FIRST)
        assert len(room.log) == number
        room.now += 1
    room.map = HALVES
    assert cluster.command("GET", FIRST) == b"from one"
    room.replies[ONE, *SLOTS] = room.replies[TWO, *SLOTS] = exceptions.ConnectionError("gone")
    with pytest.raises(MeterUnavailable, match="no server is known"):
        room.cluster().command("PING")


def test_a_map_with_a_gap_is_asked_for_again_before_anybody_falls_into_it(room: Room) -> None:
    """Claim: a slot that was given to a server meanwhile is answered at once; no question has to fail first."""
    room.map = [[1, 16383, [b"one", 7001]]]
    cluster = room.cluster()
    assert cluster.command("GET", LAST) == b"from one"
    room.now += REFRESH_SECONDS
    room.map = HALVES
    assert cluster.command("GET", FIRST) == b"from one"


def test_a_server_that_does_not_know_its_own_name_is_where_it_was_asked(room: Room) -> None:
    """Claim: a host without a name in the map is the one that told it; a seed without host or port is the usual one."""
    for nameless in (b"", b"?", None):
        room.log.clear()
        room.map = [[0, 16383, [nameless, 6379]]]
        assert room.cluster({"password": "secret"}).command("PING") == b"from localhost"
        assert room.log[0] == (("localhost", 6379), *SLOTS)


@pytest.mark.parametrize("redirect", [MovedError, AskError])
@pytest.mark.parametrize("nameless", ["", "?"])
def test_a_redirect_without_a_name_leads_to_another_port_of_the_same_host(
    room: Room, redirect: type[AskError], nameless: str
) -> None:
    """Claim: servers that know no names, as behind one address with several ports, are followed all the same."""
    cluster = room.cluster()
    room.replies[ONE, "GET", FIRST] = redirect(f"0 {nameless}:7009")
    assert cluster.command("GET", FIRST) == b"from one"
    assert (("one", 7009), "GET", FIRST) in room.log


def test_learnt_servers_are_reached_as_the_first_seed_is(room: Room) -> None:
    """Claim: user, secret and encryption go for all; each server is made once."""
    cluster = room.cluster({"host": "one", "port": 7001, "password": "secret"})
    for key in (FIRST, LAST, FIRST, LAST):
        cluster.command("GET", key)
    assert room.made == [{"host": host, "port": port, "password": "secret"} for host, port in (ONE, TWO)]
    cluster.close()
    assert room.closed == [ONE, TWO]


def test_whoever_comes_while_the_map_is_on_its_way_waits_for_the_first_and_for_no_other(room: Room) -> None:
    """Claim: without a map there is nothing to go by; with an old one nobody waits for the new one."""
    cluster, asked, go_on = room.cluster(), threading.Event(), threading.Event()
    room.before_the_map = lambda: (asked.set(), go_on.wait(10))
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(cluster.command("GET", LAST))) for _ in range(2)]
    threads[0].start()
    assert asked.wait(10)
    threads[1].start()
    threads[1].join(0.05)
    assert found == []
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert found == [b"from two"] * 2
    assert room.log.count((TWO, *SLOTS)) == 1

    room.replies[ONE, "GET", FIRST] = MovedError("0 two:7002")
    cluster.command("GET", FIRST)
    room.now += 1
    asked.clear()
    go_on.clear()
    late = threading.Thread(target=lambda: cluster.command("GET", LAST))
    late.start()
    assert asked.wait(10)
    assert cluster.command("GET", FIRST) == b"from two"
    assert late.is_alive()
    go_on.set()
    late.join(10)


def test_a_cluster_says_that_its_keys_lie_apart(make_meter: Callable[..., Any]) -> None:
    """Claim: there the guard cannot judge in the round trip that counts, and the meter says so before it is asked."""
    assert make_meter("redis+cluster://127.0.0.1:1,127.0.0.1:2").can_judge is False
    assert make_meter("redis://127.0.0.1:1/0").can_judge is True


def test_a_server_that_was_taken_out_does_not_wipe_the_map(room: Room) -> None:
    """Claim: who knows of no slot has left the cluster, or has not joined it; the next is asked."""
    cluster = room.cluster()
    cluster.command("PING")
    room.replies[ONE, *SLOTS] = []
    room.map = [[0, 16383, [b"two", 7002]]]
    room.replies[ONE, "GET", FIRST] = MovedError("0 two:7002")
    assert cluster.command("GET", FIRST) == b"from two"
    room.now += REFRESH_SECONDS
    assert cluster.command("GET", LAST) == b"from two"


def test_who_would_be_asked_when_no_time_is_left_is_not(room: Room) -> None:
    """Claim: what one server has spent of a decision's time is no failure of the next: it is not even asked."""
    cluster = room.cluster()
    cluster.command("PING")
    cluster.budget = Budget(0.01)  # this one's calls are told to be over before they begin
    asked = len(room.log)
    with cluster.budget.call():
        time.sleep(0.02)
        with pytest.raises(TimeoutError):
            cluster._server(ONE)
    assert len(room.log) == asked
