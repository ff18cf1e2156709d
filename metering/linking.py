"""Joining two places of one person: a browser's reads become the reader's. Every step may be done twice."""

from __future__ import annotations

import struct

from metering.connections import Connections
from metering.keys import SUBJECT_BYTES, Place
from metering.layout import head_of, over_at
from metering.script import Script
from metering.window import Window

_LINK, _UNITE = Script("link", after=("reads", "aliases")), Script("unite", after=("reads",))
_SETTLE = Script("settle", after=("aliases",))
LINK_BYTES = SUBJECT_BYTES + 8
_STATE_BYTES, _DAY = 1, struct.Struct(">H")
_WAITING = b"\0"


def unite(redis: Connections, place: Place, reads: bytes, window: Window, *, ttl_seconds: int) -> None:
    """Add reads, as they lie in Redis, to those at `place`, each article once."""
    redis.run(_UNITE, place.meters(window), place.field, reads, ttl_seconds, head_of(window), over_at(window))


def link_places(
    redis: Connections, visitor: Place, reader: Place, link: bytes, window: Window, *, today: int, ttl_seconds: int
) -> None:
    """Point a visitor at a reader and move its reads there, unless a newer link stands; `link` is as in layout.py."""
    keys = [visitor.aliases, *visitor.meters(window)]
    reads = redis.run(_LINK, keys, visitor.field, link, head_of(window), over_at(window), today)
    if reads:
        unite(redis, reader, reads, window, ttl_seconds=ttl_seconds)
        redis.run(_SETTLE, keys, visitor.field, link, today)


def is_waiting(alias: bytes) -> bool:
    """Tell whether the browser's own reads are still to be united with the reader's."""
    return alias[LINK_BYTES : LINK_BYTES + _STATE_BYTES] == _WAITING


def link_in(alias: bytes) -> tuple[bytes, int]:
    """Return an alias' link, and the day of its last use; 0 in one of an earlier release, which has none."""
    day = alias[LINK_BYTES + _STATE_BYTES :]
    return alias[:LINK_BYTES], _DAY.unpack(day)[0] if day else 0
