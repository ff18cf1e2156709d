"""The scraper guard: how many visitors nobody has seen before one network may send in an hour.

Counted exactly, as a set of hashes that is never larger than the bound. What is kept says nothing of anybody: network
and visitor are keyed hashes under a salt of the day, and go after two hours.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from metering.connections import Connections
from metering.keys import digest_of
from metering.script import Argument, Script

HOUR_SECONDS = 3600
KEPT_SECONDS = 2 * HOUR_SECONDS
HASH_BYTES = 8
_GUARD = Script("guard", after=("newcomers",))


class Ticket(NamedTuple):
    """A newcomer's claim to a place in a network's hour: its key, and guard.lua's visitor, bound and ttl."""

    key: str
    arguments: tuple[Argument, ...]


class NetworkGuard:
    """Counts newcomers by network and clock hour. `subject_key` keeps addresses from being guessed back."""

    def __init__(self, redis: Connections, *, subject_key: str) -> None:
        self._redis = redis
        self._secret = hashlib.blake2b(subject_key.encode(), digest_size=32, person=b"newsstand-guard").digest()
        self._hashers = lru_cache(maxsize=2)(self._hashers_of)

    def admits(self, network: str, visitor_id: str, *, bound: int, adds: bool, wall_now: datetime) -> bool:
        """Tell whether this newcomer is among the first `bound` of the network's hour; `adds` makes them one of these.

        One round trip; raises MeterUnavailable. `network` is any text that names it, such as `192.0.2.0/24`.
        """
        ticket = self.ticket(network, visitor_id, bound=bound, wall_now=wall_now)
        return bool(self._redis.run(_GUARD, [ticket.key], *ticket.arguments, int(adds)))

    def ticket(self, network: str, visitor_id: str, *, bound: int, wall_now: datetime) -> Ticket:
        """Return what the meter needs to have this newcomer judged in the round trip that counts."""
        hour = int(wall_now.timestamp()) // HOUR_SECONDS
        networks, visitors = self._hashers(hour // 24)
        key = f"newcomers:{hour}:{digest_of(networks, network).hex()}"
        return Ticket(key, (digest_of(visitors, visitor_id), bound, KEPT_SECONDS))

    def _hashers_of(self, day: int) -> tuple[hashlib.blake2b, hashlib.blake2b]:
        """Return what networks and visitors are hashed by on this day, ready to be copied."""
        size, key, salt = HASH_BYTES, self._secret, day.to_bytes(16)
        network = hashlib.blake2b(digest_size=size, key=key, salt=salt, person=b"network")
        return network, hashlib.blake2b(digest_size=size, key=key, salt=salt, person=b"visitor")
