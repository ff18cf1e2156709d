"""From an address to connections.

`redis://`, `rediss://` and `unix://` name one server; `redis+cluster://` and `rediss+cluster://` one or more servers of
a cluster, comma-separated, from which the others are learnt.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from redis.connection import parse_url

from metering.breaker import Breaker
from metering.budget import Budget
from metering.cluster import Cluster, is_cluster, seeds
from metering.connections import Connections, OneServer
from metering.server import Server


def connect(
    url: str,
    *,
    timeout_seconds: float,
    on_fault: Callable[[str], None] = lambda _name: None,
    failures_before_pause: int = 5,
    pause_seconds: float = 0.5,
    longest_pause_seconds: float = 2.0,
    monotonic: Callable[[], float] = time.monotonic,
) -> Connections:
    """Return the connections for an address; nothing is connected before it is needed.

    `timeout_seconds` is what one decision may wait. After `failures_before_pause` in a row a server is left alone for
    `pause_seconds`, then asked by one caller at a time, after pauses that double. It is back unnoticed for at most
    `longest_pause_seconds`.
    """
    budget = Budget(timeout_seconds)

    def server(options: Mapping[str, Any]) -> Server:
        breaker = Breaker(
            failures=failures_before_pause, open_seconds=pause_seconds, longest_seconds=longest_pause_seconds,
            monotonic=monotonic,
        )  # fmt: skip
        return Server(options, budget=budget, breaker=breaker)

    if is_cluster(url):
        return Cluster(seeds(url), server, budget=budget, on_fault=on_fault, monotonic=monotonic)
    options = parse_url(url)  # type: ignore[no-untyped-call]
    return OneServer(server(options), budget=budget, on_fault=on_fault)
