"""Whether the server keeps buckets packed: asked once at start, because unpacked ones take three times the memory."""

from __future__ import annotations

from metering.connections import Connections
from metering.keys import ARTICLE_BYTES
from metering.layout import head_of
from metering.window import Window

MARKS = "set-max-intset-entries"
LEAST_ENTRIES = 128
"""Redis 7.0's default; buckets are planned for 64 readers and vary."""


def packing_warnings(redis: Connections, *, most_articles: int, window: Window) -> list[str]:
    """Return what to change at the server so that buckets stay packed; raises MeterUnavailable.

    Where CONFIG is not allowed, as at hosted servers, that is a MeterUnavailable too.
    """
    reply = redis.command("CONFIG", "GET", "hash-max-listpack-*", MARKS)
    told = {reply[at].decode(): int(reply[at + 1]) for at in range(0, len(reply), 2)}
    wanted = {
        "hash-max-listpack-value": len(head_of(window)) + most_articles * ARTICLE_BYTES,
        "hash-max-listpack-entries": LEAST_ENTRIES,
        MARKS: LEAST_ENTRIES,
    }
    return [
        f"{name} is {told[name]}: set it to {least} or more, or readers take three times the memory"
        for name, least in wanted.items()
        if told.get(name, least) < least
    ]
