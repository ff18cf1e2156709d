"""Support's search over a large paper: every kind of it, the awkward ones above all, as the console asks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from math import ceil
from statistics import median

from sqlalchemy import Engine, text

from benchmarks.findings import Finding, Section, at_most
from benchmarks.paper import paper
from benchmarks.scale import Scale
from benchmarks.servers import Backdrop
from benchmarks.town import NOW, searches
from service.store.database import make_engine
from service.support.accounts import AccountQuery, Accounts

GOAL_MS = 50.0


def measure(backdrop: Backdrop, scale: Scale) -> list[Section]:
    """Search among `scale.accounts` accounts."""
    engine = make_engine(paper(backdrop, scale.accounts), pool_size=1)
    try:
        taken = _taken(engine, searches(scale.accounts), scale.searches)
        megabytes = _megabytes(engine)
    finally:
        engine.dispose()
    return [_section(scale, taken, megabytes)]


def _section(scale: Scale, taken: Mapping[str, Sequence[float]], megabytes: float) -> Section:
    slowest = max(taken, key=lambda name: _p95(taken[name]))
    usual = median(median(each) for each in taken.values())
    beside = f"“{slowest}”; median of all {len(taken)} searches {usual:.1f} ms"
    worst = at_most("the slowest search, p95", _p95(taken[slowest]), GOAL_MS, beside, format_=".1f", suffix=" ms")
    steady = max(taken, key=lambda name: median(taken[name]))
    middle = at_most(
        "the slowest search, median", median(taken[steady]), GOAL_MS, f"“{steady}”", format_=".1f", suffix=" ms"
    )
    weight = Finding(what="the accounts and their indexes on disk", figure=f"{megabytes:.0f} MB", beside="")
    return Section(
        title="Support's search",
        how=(
            f"{scale.accounts:,} accounts in PostgreSQL, with what belongs to them. Every kind of search (an id of "
            "each kind, beginnings that all share, filters alone and together, pages far in) is made "
            f"{scale.searches} times as the console makes it, the accounts of the page read included."
        ),
        findings=[middle, worst, weight],
        bars={name: median(each) for name, each in sorted(taken.items(), key=lambda item: -median(item[1]))[:8]},
        unit="ms",
    )


def _taken(engine: Engine, wanted: Mapping[str, AccountQuery], times: int) -> dict[str, list[float]]:
    """Return the milliseconds of each time, once everything has been asked once."""
    accounts = Accounts(engine, business_clock=lambda: NOW, owner_at_stripe=lambda _: None)
    for query in wanted.values():
        accounts.search(query)
    return {name: [_once(accounts, query) for _ in range(times)] for name, query in wanted.items()}


def _once(accounts: Accounts, query: AccountQuery) -> float:
    began = time.perf_counter()
    accounts.search(query)
    return (time.perf_counter() - began) * 1000


def _p95(times: Sequence[float]) -> float:
    return sorted(times)[ceil(len(times) * 0.95) - 1]


def _megabytes(engine: Engine) -> float:
    with engine.connect() as connection:
        return float(connection.execute(text("select pg_total_relation_size('accounts') / 1e6")).scalar_one())
