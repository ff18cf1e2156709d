"""A Redis or Valkey Cluster behind the same interface: which server holds a key, and following it when it moves.

redis-py's own cluster client is not used: it asks every server when it is made and retries with pauses of its own, both
without a deadline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.connection import parse_url
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import AskError, ClusterDownError, ClusterError, MovedError

from metering.budget import Budget
from metering.connections import Connections
from metering.script import Argument, Asked, Command
from metering.server import Server

Address = tuple[str, int]
Options = dict[str, Any]

_PERHAPS_REPLACED = redis.ConnectionError, redis.TimeoutError, OSError, ClusterDownError
"""What a primary shows whose replica may have taken over: one cut off from the others is CLUSTERDOWN."""
_SLOTS = (Command(("CLUSTER", "SLOTS")),)
_NAMELESS = "", "?"
"""How a server that does not know a host's name writes it; it means the host that was asked."""
MOST_REDIRECTS = 3
REFRESH_SECONDS = 0.25
"""How often the map of slots is asked for at most, while something shows that it is out of date."""


def is_cluster(url: str) -> bool:
    """Tell whether an address is one of a cluster."""
    return urlsplit(url).scheme.endswith("+cluster")


def seeds(url: str) -> list[Options]:
    """Return the options of each server that `redis+cluster://user:secret@host:port,host:port` names."""
    parts = urlsplit(url)
    who, _, hosts = parts.netloc.rpartition("@")
    at = f"{who}@" if who else ""
    query = f"?{parts.query}" if parts.query else ""
    scheme = parts.scheme.removesuffix("+cluster")
    urls = (f"{scheme}://{at}{host}/0{query}" for host in hosts.split(","))
    return [dict(parse_url(url)) for url in urls]  # type: ignore[no-untyped-call]


class Cluster(Connections):
    """Keys lie on the server that the map of slots names; it is asked for when first needed and when it proves wrong.

    Each server has a breaker of its own: one that is down costs its share of the decisions, and no other.
    """

    def __init__(
        self,
        seeds: Sequence[Options],
        server: Callable[[Mapping[str, Any]], Server],
        *,
        budget: Budget,
        on_fault: Callable[[str], None],
        monotonic: Callable[[], float],
    ) -> None:
        super().__init__(budget=budget, on_fault=on_fault)
        self._options = dict(seeds[0])
        self._make = server
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._refreshed_at = float("-inf")
        self._is_stale, self._has_map = True, False
        self._slots: list[Address | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        self._seeds: list[Address] = [(each.get("host", "localhost"), each.get("port", 6379)) for each in seeds]
        self._servers: dict[Address, Server] = {}

    def _ask(self, asked: Asked) -> list[Any]:
        if self._is_stale:
            self._refresh()
        key = asked[0].key
        slot = 0 if key is None else key_slot(_bytes(key))
        address, asking = self._slots[slot], False
        if address is None:
            self._is_stale = True
            raise ClusterError(f"no server is known for slot {slot}")
        for _ in range(MOST_REDIRECTS):
            try:
                return self._server(address).ask(asked, asking=asking)
            except MovedError as moved:  # before AskError, of which redis-py makes it a kind
                address, asking = _address(moved, address), False
                self._slots[slot] = address
                self._is_stale = True  # where one slot went, others did
            except AskError as handing_over:
                address, asking = _address(handing_over, address), True
            except _PERHAPS_REPLACED:
                self._is_stale = True
                raise
        raise ClusterError(f"slot {slot} is being sent around")

    def _server(self, address: Address) -> Server:
        """Return the server to ask; raises TimeoutError when another has spent the time: that is no failure of this."""
        self.budget.left()
        with self._lock:
            if address not in self._servers:
                host, port = address
                self._servers[address] = self._make(self._options | {"host": host, "port": port})
            return self._servers[address]

    def _refresh(self) -> None:
        """Ask for the map of slots, one caller at a time; the others go on with the old one. Never raises."""
        if not self._refreshing.acquire(blocking=not self._has_map):
            return
        try:
            if not self._is_stale or self._monotonic() < self._refreshed_at + REFRESH_SECONDS:
                return
            self._refreshed_at = self._monotonic()
            self._ask_for_slots()
        finally:
            self._refreshing.release()

    def _ask_for_slots(self) -> None:
        # Another one first each time: one that is frozen takes the whole deadline with it.
        self._seeds = [*self._seeds[1:], self._seeds[0]]
        for address in self._seeds:
            try:
                [ranges] = self._server(address).ask(_SLOTS)
            except (redis.RedisError, OSError):
                continue
            if ranges:  # who knows of no slot was taken out of the cluster, or has not joined yet
                self._take(ranges, address[0])
                return

    def _take(self, ranges: list[Any], asked_host: str) -> None:
        slots: list[Address | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, primary, *_replicas in ranges:
            host = _named((primary[0] or b"").decode(), asked_host)
            slots[first : last + 1] = [(host, primary[1])] * (last - first + 1)
        self._slots, self._has_map = slots, True
        self._seeds = list(dict.fromkeys([*self._seeds, *(each for each in slots if each is not None)]))
        self._is_stale = None in slots

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for server in self._servers.values():
                server.close()


def _address(redirect: AskError, asked: Address) -> Address:
    return _named(str(redirect.host), asked[0]), int(redirect.port)


def _named(host: str, asked_host: str) -> str:
    return asked_host if host in _NAMELESS else host


def _bytes(key: Argument) -> bytes:
    return key if isinstance(key, bytes) else str(key).encode()
