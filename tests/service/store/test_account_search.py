"""Every search is answered from an index, in its order: what PostgreSQL says it did, and how many rows that were."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from benchmarks.plans import Watched
from benchmarks.town import NOW, fill, searches
from service.support.accounts import AccountQuery, Accounts

ACCOUNTS = 40_000
MOST_ROWS = 600
"""A page for every standing that is asked for, once a kind of id; a walk to the end is 40,000, all trials are 1,200."""
WITH_COURTESY = 4_000
"""Whoever has courtesy is looked at, once a kind of id."""


@pytest.fixture
def search(engine: Engine) -> Callable[[AccountQuery], Watched]:
    """Search a database whose statistics are those of real rows, and tell what PostgreSQL did."""
    fill(engine, ACCOUNTS)
    accounts = Accounts(engine, business_clock=lambda: NOW, owner_at_stripe=lambda _: None)
    return lambda query: Watched.during(engine, lambda: accounts.search(query))


def test_every_search_reads_an_index_and_little_of_it(search: Callable[[AccountQuery], Watched]) -> None:
    """No table is read from end to end, nor an index: what is looked at is bounded by the page, not by the paper."""
    watched = {name: search(query) for name, query in searches(ACCOUNTS).items()}
    assert {name: each.scanned for name, each in watched.items() if each.scanned} == {}
    most = {name: WITH_COURTESY if query.courtesy else MOST_ROWS for name, query in searches(ACCOUNTS).items()}
    assert {name: each.rows for name, each in watched.items() if each.rows > most[name]} == {}
