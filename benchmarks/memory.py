"""How many bytes of Redis one reader takes in a month, beside the usual ways to keep a count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis

from benchmarks.findings import Section, at_most
from benchmarks.pipelined import BATCH, check_known, in_two_processes, read_by_many
from benchmarks.scale import Scale
from benchmarks.servers import Backdrop

MONTH = "2026-11"
TTL_SECONDS = 31 * 86_400
OURS, A_SET, A_COUNTER = "Newsstand", "a SET of articles per reader", "a counter key per reader"


def measure(backdrop: Backdrop, scale: Scale) -> list[Section]:
    """Fill one empty Valkey in each of the three ways."""
    valkey, child = backdrop.new_valkey("valkey-memory")
    readers = scale.memory_readers
    ways: dict[str, Callable[[], None]] = {
        OURS: lambda: _ours(valkey.url, readers),
        A_SET: lambda: _pipelined(valkey.url, readers, _set_of_articles),
        A_COUNTER: lambda: _pipelined(valkey.url, readers, _counter),
    }
    found = {name: _bytes_each(valkey.url, fill, readers) for name, fill in ways.items()}
    child.stop()
    beside = ", ".join(f"{name} {size:.0f} B" for name, size in found.items() if name != OURS)
    return [
        Section(
            title="Memory of the meter",
            how=(
                f"{readers:,} readers of one article each, `used_memory` before and after. Ours through the meter's "
                "own code and script (calls sent in batches); every way forgets after the month."
            ),
            findings=[at_most("bytes for each reader and month", found[OURS], 24, beside, format_=".1f", suffix=" B")],
            bars=found,
            unit="bytes",
        )
    ]


def _bytes_each(url: str, fill: Callable[[], None], readers: int) -> float:
    with redis.Redis.from_url(url) as client:
        client.flushall()
        before = client.info("memory")["used_memory"]
        fill()
        return (client.info("memory")["used_memory"] - before) / readers  # type: ignore[no-any-return]


def _ours(url: str, readers: int) -> None:
    in_two_processes(read_by_many, url, readers)
    check_known(url, readers)


def _pipelined(url: str, readers: int, add: Callable[[Any, int], None]) -> None:
    with redis.Redis.from_url(url) as client:
        pipeline = client.pipeline(transaction=False)
        for number in range(readers):
            add(pipeline, number)
            if len(pipeline) >= 2 * BATCH:
                pipeline.execute()
        pipeline.execute()


def _set_of_articles(pipeline: Any, number: int) -> None:
    key = f"reads:{MONTH}:v-{number}"
    pipeline.sadd(key, "article-0")
    pipeline.expire(key, TTL_SECONDS)


def _counter(pipeline: Any, number: int) -> None:
    key = f"count:{MONTH}:v-{number}"
    pipeline.incr(key)
    pipeline.expire(key, TTL_SECONDS)
