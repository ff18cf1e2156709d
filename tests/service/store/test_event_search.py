"""What is looked for in the inbox is found from an index: what waits is few, and the inbox is years."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from service.store import event_search
from service.store.event_search import EventQuery
from webhooks.state import EventState

EVENTS = 20_000
MOST_PAGES = 600
"""Of PostgreSQL's 8 KiB pages, per list: `events` alone has some thousand here, and grows with the paper."""
_ROWS = """
insert into events (id, type, received_at, body, customer_id, mark, status, reason)
select 'evt_' || lpad(n::text, 7, '0'), case when n % 10 = 0 then 'product.updated' else 'invoice.paid' end,
       timestamptz '2026-11-10 09:00Z' - interval '1 minute' * (:number - n), decode(repeat('7b', 300), 'hex'),
       case when n % 10 = 0 then null else 'cus_' || (n % 5000) end, case when n % 10 = 0 then null else n end,
       case when n % 10 = 0 then 'ignored' else 'pending' end, case when n % 10 = 0 then 'concerns_no_customer' end
from generate_series(1, :number) n;
insert into customer_syncs (customer_id, dirty, synced, attempts)
select customer_id, max(mark), case when customer_id in ('cus_7', 'cus_11', 'cus_13') then 0 else max(mark) end,
       case customer_id when 'cus_7' then 0 when 'cus_11' then 3 when 'cus_13' then 9 else 0 end
from events where customer_id is not null group by customer_id
"""


@pytest.fixture
def inbox(engine: Engine) -> Engine:
    """Events of which most are done, some without effect, and a dozen stuck."""
    with engine.begin() as connection:
        for statement in _ROWS.split(";"):
            connection.execute(text(statement), {"number": EVENTS} if ":number" in statement else {})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze events, customer_syncs, accounts"))
    return engine


QUERIES = {
    "all": EventQuery(),
    "done": EventQuery(state=EventState.DONE),
    "ignored": EventQuery(state=EventState.IGNORED),
    "pending": EventQuery(state=EventState.PENDING),
    "failed": EventQuery(state=EventState.FAILED),
    "quarantined": EventQuery(state=EventState.QUARANTINED),
    "of a type": EventQuery(type="invoice.paid"),
    "of a customer": EventQuery(customer_id="cus_11"),
}


def test_no_list_reads_the_inbox_from_end_to_end(inbox: Engine) -> None:
    """What is touched is bounded by the page, not by the years."""
    with inbox.connect() as connection:
        plans = {name: _plan(connection, query) for name, query in QUERIES.items()}
    touched = {name: plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for name, plan in plans.items()}
    read = {name: _read_whole(plan) for name, plan in plans.items()}
    assert {name: tables for name, tables in read.items() if "events" in tables} == {}
    assert {name: pages for name, pages in touched.items() if pages > MOST_PAGES} == {}


def test_what_is_stuck_is_found_among_what_is_done(inbox: Engine) -> None:
    """Those of the customers that are behind, four each, and no others."""
    with inbox.connect() as connection:
        counts = {state: event_search.count(connection, EventQuery(state=state), 100) for state in EventState}
    assert counts == {"pending": 4, "failed": 4, "quarantined": 4, "done": 100, "ignored": 100}


def _plan(connection: Connection, query: EventQuery) -> dict[str, Any]:
    statement = event_search.page_statement(query, 51)
    bare = statement.compile(connection, compile_kwargs={"literal_binds": True})
    (found,) = connection.exec_driver_sql(f"explain (analyze, buffers, format json) {bare}").scalar_one()
    plan: dict[str, Any] = found["Plan"]
    return plan


def _read_whole(plan: dict[str, Any]) -> list[str]:
    return [node["Relation Name"] for node in _nodes(plan) if node["Node Type"] == "Seq Scan"]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)
