"""How many bytes of Redis one reader takes in a month, beside the usual ways to keep a count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import redis

from benchmarks.findings import Finding, Section, at_most
from benchmarks.pipelined import (
    BATCH,
    check_known,
    current_window,
    in_two_processes,
    new_meter,
    read_by_many,
    visitor,
)
from benchmarks.scale import Scale
from benchmarks.servers import Backdrop
from metering.meter import Guarding

MONTH = "2026-11"
TTL_SECONDS = 31 * 86_400
GOAL_BYTES, ROLLING_DAYS = 24, 30
WARM_UP = 1_000
OURS, A_SET, A_COUNTER = "Newsstand", "a SET of articles per reader", "a counter key per reader"
Fill = Callable[[str, range, int], None]


def measure(backdrop: Backdrop, scale: Scale) -> list[Section]:
    """Fill one empty Valkey in each of the ways."""
    valkey, child = backdrop.new_valkey("valkey-memory")
    found, kinds = (
        {name: _bytes_each(valkey.url, fill, scale.memory_readers // part) for name, (fill, part) in ways.items()}
        for ways in (_WAYS, _KINDS)
    )
    child.stop()
    return [_section(scale.memory_readers, found, kinds)]


def _section(readers: int, found: Mapping[str, float], kinds: Mapping[str, float]) -> Section:
    beside = ", ".join(f"{name} {size:.0f} B" for name, size in found.items() if name != OURS)
    usual = at_most(
        "bytes for each reader and month", found[OURS], GOAL_BYTES, beside, format_=".1f", suffix=" B"
    )  # fmt: skip
    return Section(
        title="Memory of the meter",
        how=(
            f"{readers:,} readers of one article each, `used_memory` before and after. Ours through the meter's "
            "own code and script (calls sent in batches); every way forgets after the month. Visitors under the guard "
            "are newcomers whom it let in and marked. The peers and the other kinds of reader are fewer (a quarter; a "
            f"sixteenth who sign in): windows of {ROLLING_DAYS} days from the first read, and readers who read as a "
            "visitor before they signed in on that browser (the link is kept for 440 days)."
        ),
        findings=[usual, *(_of_kind(name, size) for name, size in kinds.items())],
        bars={**found, **kinds},
        unit="bytes",
    )


def _of_kind(name: str, size: float) -> Finding:
    if name not in _MEANT:
        return Finding(what=f"… {name}", figure=f"{size:.1f} B", beside="")
    return at_most(f"… {name}", size, GOAL_BYTES, "", format_=".1f", suffix=" B")


def _bytes_each(url: str, fill: Fill, readers: int) -> float:
    with redis.Redis.from_url(url) as client:
        fill(url, range(WARM_UP), WARM_UP)  # scripts, and what the server keeps for those who connect
        client.execute_command("FLUSHALL", "SYNC")  # by default it frees in the background, and is done too soon
        before = int(client.info("memory")["used_memory"])
        in_two_processes(fill, url, readers)
        if fill is read_by_many:
            check_known(url, readers)
        return (int(client.info("memory")["used_memory"]) - before) / readers


def _signed_in(url: str, numbers: range, readers: int) -> None:
    read_by_many(url, numbers, readers)
    meter, now, window = new_meter(url, readers), datetime.now(UTC), current_window()
    for number in numbers:
        meter.link(visitor(number).id, f"r-{number}", linked_at=now, window=window, now=now)


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


_GUARDED, _ROLLING = "a visitor under the guard", "a rolling window"
_MEANT = {_GUARDED, _ROLLING}
_WAYS: Mapping[str, tuple[Fill, int]] = {
    OURS: (read_by_many, 1),
    A_SET: (_sets_of_articles, 4),
    A_COUNTER: (_counters, 4),
}
_KINDS: Mapping[str, tuple[Fill, int]] = {
    _GUARDED: (partial(read_by_many, guarding=Guarding.VOUCHED), 1),
    _ROLLING: (partial(read_by_many, rolling_days=ROLLING_DAYS), 4),
    "a rolling window, under the guard": (
        partial(read_by_many, rolling_days=ROLLING_DAYS, guarding=Guarding.VOUCHED),
        4,
    ),
    "a reader and their linked browser": (_signed_in, 16),
}
"""How each is filled, and by which part of the readers."""
