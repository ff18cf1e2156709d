"""How long and how often each thing is measured: `BENCH=quick` for a first look, else the whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The size of one run. Rounds alternate between the peers; what is reported is the median."""

    rounds: int
    burst_seconds: float
    page_views: int
    memory_readers: int
    known_readers: tuple[int, ...]
    events: int
    customers: int
    journal_entries: int
    accounts: int
    searches: int


WHOLE = Scale(
    rounds=7, burst_seconds=2.0, page_views=20_000, memory_readers=1_000_000,
    known_readers=(1_000, 100_000, 10_000_000), events=10_000, customers=500, journal_entries=500_000,
    accounts=1_000_000, searches=20,
)  # fmt: skip
QUICK = Scale(
    rounds=3, burst_seconds=1.0, page_views=5_000, memory_readers=100_000,
    known_readers=(1_000, 100_000), events=1_000, customers=50, journal_entries=50_000,
    accounts=100_000, searches=10,
)  # fmt: skip
TINY = Scale(
    rounds=1, burst_seconds=0.2, page_views=200, memory_readers=2_000,
    known_readers=(1_000, 2_000), events=40, customers=4, journal_entries=1_000,
    accounts=1_000, searches=2,
)  # fmt: skip
"""For the test that keeps the benchmarks from rotting; its figures mean nothing."""
