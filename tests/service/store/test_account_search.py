"""Every search is answered from an index, in its order: what PostgreSQL says it will do, and what it then touches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from benchmarks.town import NOW, fill, searches
from service.store.account_search import AccountQuery, owners_of, owners_statement, search_statement

ACCOUNTS = 40_000
MOST_PAGES = 300
"""Of PostgreSQL's 8 KiB pages, per search: `accounts` alone has some 900, and grows with the paper."""


@pytest.fixture
def town(engine: Engine) -> Engine:
    """A database whose statistics are those of real rows."""
    fill(engine, ACCOUNTS)
    return engine


def test_every_search_reads_an_index_and_little_of_it(town: Engine) -> None:
    """No table is read from end to end, nor an index: what is touched is bounded by the page, not by the paper."""
    touched = {name: _explained(town, query) for name, query in searches(ACCOUNTS).items()}
    assert {name: nodes for name, (nodes, _) in touched.items() if "Seq Scan" in nodes} == {}
    assert {name: pages for name, (_, pages) in touched.items() if pages > MOST_PAGES} == {}


def _explained(engine: Engine, query: AccountQuery) -> tuple[list[str], int]:
    """Return the kinds of nodes of the plan, and how many of PostgreSQL's pages carrying it out touched."""
    with engine.connect() as connection:
        statements = [search_statement(query, NOW, owners_of(connection, query))]
        if query.prefix is not None:
            statements.append(owners_statement(query.prefix))
        plans = [_plan(connection, each) for each in statements]
    nodes = [node["Node Type"] for plan in plans for node in _nodes(plan)]
    return nodes, sum(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in plans)


def _plan(connection: Connection, statement: Any) -> dict[str, Any]:
    bare = statement.compile(connection, compile_kwargs={"literal_binds": True})
    (found,) = connection.exec_driver_sql(f"explain (analyze, buffers, format json) {bare}").scalar_one()
    plan: dict[str, Any] = found["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)
