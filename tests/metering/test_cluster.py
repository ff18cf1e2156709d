"""On a real cluster: keys are found where they lie, while slots move and while a primary dies."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from redis.crc import key_slot

from metering.cluster import is_cluster, seeds
from metering.meter import MeterUnavailable, Outcome, Reading, Subject, SubjectKind
from metering.redis_meter import RedisMeter
from sandbox.cluster import ClusterNode, ValkeyCluster, running_cluster

VISITORS = [Subject(SubjectKind.VISITOR, f"v-{number}") for number in range(90)]
pytestmark = pytest.mark.xdist_group("breakable-cluster")


@pytest.fixture(scope="module")
def breakable(server_directory: Path) -> Iterator[ValkeyCluster]:
    """Three primaries with a replica each; the last test kills one."""
    # A folder of its own each time: run in another order, this module is set up more than once, and servers remember.
    with running_cluster(Path(mkdtemp(dir=server_directory))) as cluster:
        yield cluster


@pytest.fixture
def desk(breakable: ValkeyCluster, make_meter: Callable[..., RedisMeter], make_desk: Callable[..., Any]) -> Any:
    """A desk on the emptied cluster."""
    breakable.flush()
    return make_desk(make_meter(breakable.url, expected_readers=10_000, timeout_seconds=2.0))


def slots_of(node: ClusterNode) -> set[int]:
    with node.client() as client:
        ranges = client.execute_command("CLUSTER", "SLOTS")
    held = {(each, node.port) for first, last, primary, *_ in _rows(ranges) for each in range(first, last + 1)
            if primary == node.port}  # fmt: skip
    return {slot for slot, _ in held}


def _rows(ranges: Any) -> Iterator[tuple[int, int, int]]:
    """Yield first slot, last slot and primary's port, whichever shape redis-py gives the reply."""
    if isinstance(ranges, dict):
        for (first, last), found in ranges.items():
            yield int(first), int(last), int(found["primary"][1])
    else:
        for first, last, primary, *_ in ranges:
            yield int(first), int(last), int(primary[1])


def node_id(node: ClusterNode) -> str:
    with node.client() as client:
        return client.execute_command("CLUSTER", "MYID").decode()


def move(slot: int, source: ClusterNode, target: ClusterNode, during: Callable[[], None]) -> None:
    """Hand a slot over as `valkey-cli --cluster reshard` does; `during` runs while its keys are under way."""
    with source.client() as giving, target.client() as taking:
        taking.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", node_id(source))
        giving.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", node_id(target))
        during()
        while keys := giving.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1):
            giving.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
            during()
        for client in (taking, giving):
            client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", node_id(target))


def test_an_address_names_some_servers_of_a_cluster() -> None:
    """Claim: user, secret, TLS and several hosts are understood, and other schemes are no cluster's."""
    assert is_cluster("redis+cluster://h:1")
    assert not is_cluster("redis://h:1")
    found = seeds("rediss+cluster://user:secret@one:7001,two:7002/?ssl_cert_reqs=none")
    assert [(each["host"], each["port"], each["username"], each["password"]) for each in found] == [
        ("one", 7001, "user", "secret"), ("two", 7002, "user", "secret"),
    ]  # fmt: skip
    assert {each["connection_class"].__name__ for each in found} == {"SSLConnection"}


def test_an_address_says_no_more_than_it_does() -> None:
    """Claim: without user and query only host, port and database are known; with them, both go for each host."""
    assert seeds("redis+cluster://one:7001,two:7002") == [
        {"host": "one", "port": 7001, "db": 0}, {"host": "two", "port": 7002, "db": 0},
    ]  # fmt: skip
    common = {"username": "user", "password": "secret", "db": 0, "socket_timeout": 3.0}
    assert seeds("redis+cluster://user:secret@one:7001,two:7002/?socket_timeout=3") == [
        {"host": "one", "port": 7001} | common, {"host": "two", "port": 7002} | common,
    ]  # fmt: skip


def test_keys_are_spread_and_found(breakable: ValkeyCluster, desk: Any) -> None:
    """Claim: every primary has its share, each question is one command at the right one, and nothing is sent around."""
    for visitor in VISITORS:
        assert desk.outcome(visitor, "a-1") is Outcome.ROOM
    commands = []
    for node in breakable.primaries:
        with node.client() as client:
            assert client.dbsize() > 10
            commands.append(client.info("commandstats")["cmdstat_evalsha"])
    assert [desk.outcome(visitor, "a-1") for visitor in VISITORS] == [Outcome.SEEN] * len(VISITORS)
    calls = 0
    for node, before in zip(breakable.primaries, commands, strict=True):
        with node.client() as client:
            after = client.info("commandstats")["cmdstat_evalsha"]
        calls += after["calls"] - before["calls"]
        assert after["rejected_calls"] == before["rejected_calls"]
    assert calls == len(VISITORS)


def test_a_link_between_two_servers_unites(breakable: ValkeyCluster, desk: Any) -> None:
    """Claim: a browser and its reader need not lie on one server."""
    readers = [Subject(SubjectKind.READER, f"r-{number}") for number in range(12)]
    for visitor, reader in zip(VISITORS, readers, strict=False):
        desk.reads(visitor, "a-1")
        desk.link(visitor, reader)
        assert desk.used(reader) == desk.used(visitor) == 1
        assert desk.outcome(visitor, "a-2") is Outcome.FULL


def test_a_slot_under_way_is_followed(
    breakable: ValkeyCluster, desk: Any, make_meter: Callable[..., RedisMeter]
) -> None:
    """Claim: answers are true before a slot's first key goes and after its last; in between is a fault, TRYAGAIN."""
    faults: list[str] = []
    desk = desk.with_(
        meter=make_meter(breakable.url, expected_readers=10_000, timeout_seconds=2.0, on_fault=faults.append)
    )
    for visitor in VISITORS:
        desk.reads(visitor, "a-1")
    place = desk.meter._keys.place(VISITORS[0])
    desk.meter.connections.command("HSET", place.aliases, "somebody", "else")  # both keys of the question exist
    source = next(node for node in breakable.primaries if key_slot(place.aliases.encode()) in slots_of(node))
    target = next(node for node in breakable.primaries if node is not source)
    told: list[Outcome | None] = []

    def ask() -> None:
        try:
            told.append(desk.outcome(VISITORS[0], "a-2"))
        except MeterUnavailable:
            told.append(None)

    move(key_slot(place.aliases.encode()), source, target, during=ask)
    assert told == [Outcome.FULL, None, Outcome.FULL]
    assert faults == ["TryAgainError"]
    assert [desk.outcome(visitor, "a-1") for visitor in VISITORS] == [Outcome.SEEN] * len(VISITORS)


def test_an_empty_slot_under_way_is_asked_for_elsewhere(breakable: ValkeyCluster, desk: Any) -> None:
    """Claim: ASK is followed with ASKING, to a server that does not own the slot yet."""
    visitor = VISITORS[7]
    slot = key_slot(desk.meter._keys.place(visitor).aliases.encode())
    source = next(node for node in breakable.primaries if slot in slots_of(node))
    target = next(node for node in breakable.primaries if node is not source)
    desk.reads(VISITORS[8], "a-1")
    counted: list[Any] = []

    def usage() -> None:
        key = desk.meter._keys.place(visitor).meters(desk.window)[0]
        counted.append(desk.meter.connections.command("HSET", key, "field", "value"))

    with source.client() as giving, target.client() as taking:
        taking.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", node_id(source))
        giving.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", node_id(target))
        usage()
        assert taking.execute_command("CLUSTER", "COUNTKEYSINSLOT", slot) == 1
        for client in (taking, giving):
            client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", node_id(target))
    assert counted == [1]
    assert desk.outcome(visitor, "a-1") is Outcome.ROOM


def test_a_dead_primary_costs_its_share_until_its_replica_takes_over(breakable: ValkeyCluster, desk: Any) -> None:
    """Claim: meanwhile every question ends in an answer or a fault within the deadline; afterwards all are answered."""
    for visitor in VISITORS:
        desk.reads(visitor, "a-1")
    time.sleep(0.2)  # replication is asynchronous
    breakable.kill(breakable.primaries[0])
    lost = 0
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        answers = [_answer(desk, visitor) for visitor in VISITORS]
        lost += answers.count(None)
        assert set(answers) <= {Outcome.SEEN, None}
        if None not in answers:
            break
    assert lost > 0
    assert [_answer(desk, visitor) for visitor in VISITORS] == [Outcome.SEEN] * len(VISITORS)

    outcomes: list[Outcome] = []
    threads = [threading.Thread(target=lambda n=n: outcomes.append(desk.outcome(VISITORS[0], f"b-{n}", limit=3)))
               for n in range(50)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(Outcome.ROOM) == 2


def _answer(desk: Any, visitor: Subject) -> Outcome | None:
    try:
        reading: Reading = desk.reads(visitor, "a-1")
    except MeterUnavailable:
        return None
    return reading.outcome
