"""The scraper guard on real servers: exact to the bound, an hour long, and nothing about anybody in Redis."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import redis

from metering.guard import KEPT_SECONDS, NetworkGuard
from metering.meter import MeterUnavailable
from metering.redis_meter import RedisMeter
from sandbox.processes import free_port

HOUR = datetime(2026, 11, 22, 12, tzinfo=UTC)
NETWORK, OTHER = "192.0.2.0/24", "2001:db8:7::/48"


@dataclass(frozen=True)
class Desk:
    """Asks one guard with everything but the point of the test filled in."""

    guard: NetworkGuard

    def admits(
        self, visitor: str, network: str = NETWORK, at: datetime = HOUR, bound: int = 3, adds: bool = True
    ) -> bool:
        return self.guard.admits(network, visitor, bound=bound, adds=adds, wall_now=at)


@pytest.fixture
def desk(backend_url: str, meter: RedisMeter) -> Desk:
    return Desk(NetworkGuard(meter.connections, subject_key="a key that only the tests know, 32+"))


def test_the_bound_is_exact_and_who_fits_once_fits_for_the_hour(desk: Desk) -> None:
    """Three of one network and no fourth; the three any number of times, to the hour's last microsecond."""
    assert [desk.admits(f"v-{number}") for number in range(5)] == [True, True, True, False, False]
    last = HOUR + timedelta(hours=1) - timedelta(microseconds=1)
    assert [desk.admits(f"v-{number}", at=last) for number in range(5)] == [True, True, True, False, False]


def test_the_next_hour_begins_afresh(desk: Desk) -> None:
    """Whoever did not fit may try again; whoever did takes a place again."""
    for number in range(3):
        desk.admits(f"v-{number}")
    later = HOUR + timedelta(hours=1)
    assert [desk.admits(f"v-{number}", at=later) for number in (9, 0, 1, 2)] == [True, True, True, False]


def test_networks_are_bounded_apart(desk: Desk) -> None:
    """One network's flood costs another nothing."""
    for number in range(5):
        desk.admits(f"v-{number}")
    assert desk.admits("v-9", network=OTHER)
    assert not desk.admits("v-9")


def test_asking_without_adding_takes_no_place(desk: Desk, server: redis.Redis) -> None:
    """It tells the truth before and after, and writes nothing."""
    for number in range(9):
        assert desk.admits(f"v-{number}", adds=False)
    assert server.keys() == []
    for number in range(3):
        desk.admits(f"v-{number}")
    assert desk.admits("v-0", adds=False)
    assert not desk.admits("v-9", adds=False)


def test_a_thousand_at_once_are_bounded_exactly(desk: Desk) -> None:
    """No race lets one more in."""
    with ThreadPoolExecutor(16) as pool:
        admitted = list(pool.map(lambda number: desk.admits(f"v-{number}", bound=100), range(1000)))
    assert sum(admitted) == 100


def test_a_flood_costs_no_memory(desk: Desk, server: redis.Redis) -> None:
    """Past the bound nothing is written: one key of `bound` hashes, which goes after two hours."""
    for number in range(50):
        desk.admits(f"v-{number}")
    (key,) = server.keys()
    assert server.hlen(key) == 3
    assert KEPT_SECONDS - 60 < server.ttl(key) <= KEPT_SECONDS


def test_nothing_about_anybody_is_kept(desk: Desk, server: redis.Redis) -> None:
    """Neither address nor id, nor anything equal on two days: the salt is the day's."""
    desk.admits("v-visible")
    (before,) = server.keys()
    kept = before + b"".join(server.hkeys(before))
    for secret in (b"192.0.2", b"v-visible"):
        assert secret not in kept
    (visitor,) = server.hkeys(before)
    desk.admits("v-visible", at=HOUR + timedelta(hours=11, minutes=59))
    same_day = {key.split(b":")[2] for key in server.scan_iter()}
    assert same_day == {before.split(b":")[2]}
    desk.admits("v-visible", at=HOUR + timedelta(hours=12))
    next_day = next(key for key in server.scan_iter() if key.split(b":")[2] not in same_day)
    assert server.hkeys(next_day) != [visitor]
    assert server.hkeys(before) == [visitor]


def test_another_secret_gives_other_hashes(meter: RedisMeter, server: redis.Redis) -> None:
    """Without the key nobody can look an address up."""
    for secret in ("one secret", "another"):
        Desk(NetworkGuard(meter.connections, subject_key=secret)).admits("v-1")
    one, other = server.keys()
    assert one.split(b":")[2] != other.split(b":")[2]
    assert server.hkeys(one) != server.hkeys(other)


def test_without_redis_it_says_so(make_meter: Callable[..., RedisMeter]) -> None:
    """What then, the failure policy decides."""
    gone = make_meter(f"redis://127.0.0.1:{free_port()}/0", timeout_seconds=0.1)
    with pytest.raises(MeterUnavailable):
        Desk(NetworkGuard(gone.connections, subject_key="any")).admits("v-1")


def test_every_process_and_release_means_the_same_network(meter: RedisMeter, server: redis.Redis) -> None:
    """For one secret and day key and hash are these bytes: another hash would give every network a second hour."""
    Desk(NetworkGuard(meter.connections, subject_key="a key that only the tests know, 32+")).admits("v-\ud800")
    assert server.keys() == [b"newcomers:498708:6efdcdbb1477c680"]
    assert server.hkeys(server.keys()[0]) == [b"/'#\xda\xf2\x0b\x85\xf6"]
