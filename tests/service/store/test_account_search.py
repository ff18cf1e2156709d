"""Every search is answered from an index, in its order: what PostgreSQL says it will do, and what it then touches.

Forty thousand accounts of a paper some years old: statuses hang together with plans and with age, as they do in
life, so that a plan which only works when they don't is found out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from service.store.account_search import AccountQuery, Match, Order, Place, search_statement

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
MOST_PAGES = 300
"""Of PostgreSQL's 8 KiB pages, per search: `accounts` alone has some 900, and grows."""

BESIDE_KEYS = r"select indexname, indexdef from pg_indexes where tablename = 'accounts' and indexname like '%\_idx'"
MANY = """
insert into accounts (reader_id, customer_id, email, email_folded, status, plan, in_trial, past_due, cancelling,
                      created_at)
select 'r-' || lpad(n::text, 7, '0'), case when kind <> 'none' then 'cus_' || n end,
       'someone' || n || '@example.com', 'someone' || n || '@example.com', kind,
       case when kind = 'none' then null when n % 4 = 0 then 'annual' else 'monthly' end,
       kind = 'trialing', kind = 'grace', kind = 'cancelling',
       timestamptz '2026-11-10 09:00Z' - interval '1 minute' * (40000 - n)
from (select n, case when n > 38800 then 'trialing' when n % 200 = 0 then 'grace' when n % 100 = 1 then 'cancelling'
                     when n % 2500 = 2 then 'held' when n % 5 = 0 and n < 20000 then 'ended'
                     when n % 5 = 1 then 'active' else 'none' end as kind
      from generate_series(1, 40000) n) as people;
insert into subscriptions (id, customer_id, status, plan, price_id, created_at, fetched_at)
select 'sub_' || lpad(substr(customer_id, 5), 7, '0'), customer_id, 'active', plan, 'price', now(), now()
from accounts where customer_id is not null;
insert into invoices (id, customer_id, status, currency, amount_due_minor, amount_paid_minor, created_at)
select 'in_' || substr(customer_id, 5), customer_id, 'paid', 'usd', 290, 290, now()
from accounts where customer_id is not null;
insert into holds (id, customer_id, kind, status, amount_minor, currency, charge_id, from_at, blocks, revokes)
select 'dp_' || substr(customer_id, 5), customer_id, 'dispute', 'needs_response', 290, 'usd',
       'ch_' || substr(customer_id, 5), now(), status = 'held', false
from accounts where customer_id is not null;
insert into grants (reader_id, kind, features, from_at, until_at, reason, given_by)
select reader_id, 'courtesy', '{archives}', created_at, created_at + interval '2 days', 'x', 's'
from accounts where substr(reader_id, 3)::int % 4 = 3;
insert into visitor_links (visitor_id, reader_id) select 'v-' || n, 'r-' || lpad(n::text, 7, '0')
from generate_series(1, 40000, 3) n
"""

SEARCHES = {
    "an e-mail address": AccountQuery(prefix="Someone39123@EXAMPLE.com"),
    "how all addresses begin": AccountQuery(prefix="some"),
    "one letter": AccountQuery(prefix="s"),
    "a reader": AccountQuery(prefix="r-0012001"),
    "how all readers begin": AccountQuery(prefix="r-"),
    "far into all readers": AccountQuery(
        prefix="r-", after=Place(match=Match.READER, key="r-0030000", reader_id="r-0030000")
    ),
    "far into all addresses": AccountQuery(
        prefix="some", after=Place(match=Match.EMAIL, key="someone77", reader_id="r-0000077")
    ),
    "how all customers begin": AccountQuery(prefix="cus_"),
    "a subscription": AccountQuery(prefix="sub_0012001"),
    "how all subscriptions begin": AccountQuery(prefix="sub_"),
    "an invoice": AccountQuery(prefix="in_12001"),
    "a charge": AccountQuery(prefix="ch_12501"),
    "a browser": AccountQuery(prefix="v-12001"),
    "what is nobody's": AccountQuery(prefix="zz"),
    "held, among all readers": AccountQuery(prefix="r-", status="held"),
    "the newest": AccountQuery(),
    "the oldest, far in": AccountQuery(
        order=Order.OLDEST, after=Place(match=None, key=(NOW - timedelta(days=3)).isoformat(), reader_id="r-1")
    ),
    "a usual status": AccountQuery(status="none"),
    "a rare status": AccountQuery(status="held", order=Order.OLDEST),
    "a plan": AccountQuery(plan="annual"),
    "a status that has no plan": AccountQuery(status="none", plan="annual"),
    "trials, from where there are none": AccountQuery(in_trial=True, order=Order.OLDEST),
    "past due": AccountQuery(past_due=True),
    "past due, a plan": AccountQuery(past_due=True, plan="annual"),
    "cancelling": AccountQuery(cancelling=True, order=Order.OLDEST),
    "on hold": AccountQuery(on_hold=True),
    "courtesy": AccountQuery(courtesy=True),
    "courtesy, cancelling": AccountQuery(courtesy=True, cancelling=True),
}


@pytest.fixture
def town(engine: Engine) -> Engine:
    """A database with the forty thousand, whose statistics are those of real rows."""
    with engine.begin() as connection:
        indexes = connection.execute(text(BESIDE_KEYS)).all()
        for name, _ in indexes:  # made whole afterwards, which takes a fifth of the time
            connection.exec_driver_sql(f"drop index {name}")
        for statement in MANY.split(";"):
            connection.execute(text(statement))
        for _, made in indexes:
            connection.exec_driver_sql(made)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze accounts, subscriptions, invoices, holds, grants, visitor_links"))
    return engine


def test_every_search_reads_an_index_and_little_of_it(town: Engine) -> None:
    """No table is read from end to end, nor an index: what is touched is bounded by the page, not by the paper."""
    touched = {name: _explained(town, query) for name, query in SEARCHES.items()}
    assert {name: nodes for name, (nodes, _) in touched.items() if "Seq Scan" in nodes} == {}
    assert {name: pages for name, (_, pages) in touched.items() if pages > MOST_PAGES} == {}


def _explained(engine: Engine, query: AccountQuery) -> tuple[list[str], int]:
    """Return the kinds of nodes of the plan, and how many of PostgreSQL's pages carrying it out touched."""
    with engine.connect() as connection:
        bare = search_statement(query, NOW).compile(connection, compile_kwargs={"literal_binds": True})
        (found,) = connection.exec_driver_sql(f"explain (analyze, buffers, format json) {bare}").scalar_one()
    nodes = list(_nodes(found["Plan"]))
    return [each["Node Type"] for each in nodes], nodes[0]["Shared Hit Blocks"] + nodes[0]["Shared Read Blocks"]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)
