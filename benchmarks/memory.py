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
    ways = {OURS: read_by_many, A_SET: _sets_of_articles, A_COUNTER: _counters}
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


def _bytes_each(url: str, fill: Callable[[str, range, int], None], readers: int) -> float:
    with redis.Redis.from_url(url) as client:
        client.execute_command("FLUSHALL", "SYNC")  # by default it frees in the background, and is done too soon
        before = int(client.info("memory")["used_memory"])
        in_two_processes(fill, url, readers)
        if fill is read_by_many:
            check_known(url, readers)
        return (int(client.info("memory")["used_memory"]) - before) / readers


def _sets_of_articles(url: str, numbers: range, _readers: int) -> None:
    def add(pipeline: Any, number: int) -> None:
        key = f"reads:{MONTH}:v-{number}"
        pipeline.sadd(key, "article-0").expire(key, TTL_SECONDS)

    _pipelined(url, numbers, add)


def _counters(url: str, numbers: range, _readers: int) -> None:
    def add(pipeline: Any, number: int) -> None:
        key = f"count:{MONTH}:v-{number}"
        pipeline.incr(key).expire(key, TTL_SECONDS)

    _pipelined(url, numbers, add)


def _pipelined(url: str, numbers: range, add: Callable[[Any, int], None]) -> None:
    with redis.Redis.from_url(url) as client:
        pipeline = client.pipeline(transaction=False)
        for number in numbers:
            add(pipeline, number)
            if len(pipeline) >= BATCH:
                pipeline.execute()
        pipeline.execute()
