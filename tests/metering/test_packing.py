"""A server that would unpack the buckets is found at start."""

from __future__ import annotations

from types import SimpleNamespace
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


def test_a_server_that_packs_few_entries_is_told_of(desk: Any) -> None:
    """Claim: fewer than 128 entries are warned of, 128 are enough, and a server that tells nothing is let be."""

    def told(reply: list[bytes]) -> list[str]:
        silent = SimpleNamespace(command=lambda *_words: reply)
        return packing_warnings(silent, most_articles=1, window=desk.window)

    assert told([]) == told([b"hash-max-listpack-entries", b"128"]) == []
    [warning] = told([b"hash-max-listpack-entries", b"127", b"hash-max-listpack-value", b"6"])
    assert warning.startswith("hash-max-listpack-entries is 127: set it to 128 or more")


def test_a_server_that_unpacks_the_guards_marks_is_told_of(desk: Any, server: redis.Redis) -> None:
    """Claim: a bucket's marks are a packed set of integers only while the server packs as many."""
    server.config_set("set-max-intset-entries", 127)
    try:
        [warning] = packing_warnings(desk.meter.connections, most_articles=1, window=desk.window)
        server.config_set("set-max-intset-entries", 128)
        assert packing_warnings(desk.meter.connections, most_articles=1, window=desk.window) == []
    finally:
        server.config_set("set-max-intset-entries", 512)
    assert warning.startswith("set-max-intset-entries is 127: set it to 128 or more")
