"""A server that would unpack the buckets is found at start."""

from __future__ import annotations

from typing import Any

import redis

from metering.packing import packing_warnings


def test_a_limit_too_large_for_the_server_is_told(desk: Any, server: redis.Redis) -> None:
    """Claim: ten articles fit the default of 64 bytes, eleven do not, and the warning names what would."""

    def ask(most: int) -> list[str]:
        return packing_warnings(desk.meter.connections, most_articles=most, window=desk.window)

    assert ask(10) == []
    [warning] = ask(11)
    assert warning.startswith("hash-max-listpack-value is 64: set it to 66 or more")
    server.config_set("hash-max-listpack-value", 128)
    try:
        assert ask(11) == []
    finally:
        server.config_set("hash-max-listpack-value", 64)
