"""A paper's accounts, as many as are asked for: statuses hang together with plans and with age, as they do in life.

A search whose plan only works when they don't is found out: all trials are among the newest, all that ended among the
older half, whoever has no subscription has no plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from service.store.account_search import AccountQuery, Match, Order, Place

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
_BESIDE_KEYS = """
select indexname, indexdef from pg_indexes
where tablename in ('accounts', 'subscriptions', 'invoices', 'holds', 'grants', 'visitor_links')
  and not exists (select from pg_constraint where conname = indexname)
"""
_ROWS = """
insert into accounts (reader_id, customer_id, email, email_folded, status, plan, in_trial, past_due, cancelling,
                      created_at)
select 'r-' || lpad(n::text, 7, '0'), case when kind <> 'none' then 'cus_' || lpad(n::text, 7, '0') end,
       'someone' || n || '@example.com', 'someone' || n || '@example.com', kind,
       case when kind = 'none' then null when n % 4 = 0 then 'annual' else 'monthly' end,
       kind = 'trialing', kind = 'grace', kind = 'cancelling',
       timestamptz '2026-11-10 09:00Z' - interval '1 minute' * (:number - n)
from (select n, case when n > :number * 0.97 then 'trialing' when n % 200 = 0 then 'grace'
                     when n % 100 = 1 then 'cancelling' when n % 2500 = 2 then 'held'
                     when n % 5 = 0 and n < :number / 2 then 'ended'
                     when n % 5 = 1 then 'active' else 'none' end as kind
      from generate_series(1, :number) n) as people;
insert into subscriptions (id, customer_id, status, plan, price_id, created_at, fetched_at)
select 'sub_' || substr(customer_id, 5), customer_id, 'active', plan, 'price', created_at, created_at
from accounts where customer_id is not null;
insert into invoices (id, customer_id, status, currency, amount_due_minor, amount_paid_minor, created_at)
select 'in_' || substr(customer_id, 5), customer_id, 'paid', 'usd', 290, 290, created_at
from accounts where customer_id is not null;
insert into holds (id, customer_id, kind, status, amount_minor, currency, charge_id, from_at, blocks, revokes)
select 're_' || substr(customer_id, 5), customer_id, 'refund', 'succeeded', 290, 'usd',
       'ch_' || substr(customer_id, 5), created_at, status = 'held', false
from accounts where customer_id is not null;
insert into grants (reader_id, kind, features, from_at, until_at, reason, given_by)
select reader_id, 'courtesy', '{archives}', created_at, created_at + interval '2 days', 'x', 's'
from accounts where substr(reader_id, 3)::int % 4 = 3;
insert into visitor_links (visitor_id, reader_id)
select 'v-' || lpad(n::text, 7, '0'), 'r-' || lpad(n::text, 7, '0') from generate_series(1, :number, 3) n
"""


def payer(accounts: int) -> str:
    """Return the number of somebody who pays, and of whom staff have looked at more than at others."""
    return f"{accounts * 3 // 10 // 5 * 5 + 1:07}"


def fill(engine: Engine, accounts: int) -> None:
    """Make the accounts and what belongs to them, and let PostgreSQL learn what there is."""
    with engine.begin() as connection:
        indexes = connection.execute(text(_BESIDE_KEYS)).all()
        for name, _ in indexes:  # made whole afterwards, which takes a fifth of the time
            connection.exec_driver_sql(f"drop index {name}")
        for statement in _ROWS.split(";"):
            asked = text(statement)
            connection.execute(asked, {"number": accounts} if ":number" in statement else {})
        for _, made in indexes:
            connection.exec_driver_sql(made)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze accounts, subscriptions, invoices, holds, grants, visitor_links"))


FILTERS: Mapping[str, Mapping[str, Any]] = {
    "none, annual": {"status": "none", "plan": "annual"},
    "trialing": {"status": "trialing"},
    "in trial": {"in_trial": True},
    "past due": {"past_due": True},
    "cancelling, monthly": {"cancelling": True, "plan": "monthly"},
    "ended": {"status": "ended"},
    "a plan": {"plan": "annual"},
    "none, in trial": {"status": "none", "in_trial": True},
    "on hold": {"on_hold": True},
    "courtesy, none": {"courtesy": True, "status": "none"},
}


def combined(accounts: int) -> dict[str, AccountQuery]:
    """Return every filter beside every list it can narrow: by age from both ends, by each id, from afar too."""
    late = f"{accounts * 7 // 10:07}"
    long_ago = (NOW - timedelta(minutes=accounts * 7 // 10)).isoformat()
    far = {
        "r-": Place(match=Match.READER, key=f"r-{late}", reader_id=f"r-{late}"),
        "some": Place(match=Match.EMAIL, key=f"someone{int(late)}@example.com", reader_id=f"r-{late}"),
        "cus_": Place(match=Match.CUSTOMER, key=f"cus_{late}", reader_id=f"r-{late}"),
    }
    lists: dict[str, dict[str, Any]] = {
        "the newest": {},
        "the newest, far in": {"after": Place(match=None, key=long_ago, reader_id="r-1")},
        "the oldest": {"order": Order.OLDEST},
        "sub_": {"prefix": "sub_"},
    }
    lists |= {prefix: {"prefix": prefix} for prefix in far}
    lists |= {f"{prefix}, far in": {"prefix": prefix, "after": place} for prefix, place in far.items()}
    return {
        f"{narrowed}, among {name}": AccountQuery(**asked, **chosen)
        for name, asked in lists.items()
        for narrowed, chosen in FILTERS.items()
    }


def searches(accounts: int) -> Mapping[str, AccountQuery]:
    """Return one search of every kind, the awkward ones above all, by what it looks for."""
    number, late = payer(accounts), accounts * 7 // 10
    place = f"r-{late:07}"
    long_ago = (NOW - timedelta(minutes=late)).isoformat()
    return {
        "an e-mail address": AccountQuery(prefix=f"Someone{int(number)}@EXAMPLE.com"),
        "how all addresses begin": AccountQuery(prefix="some"),
        "one letter": AccountQuery(prefix="s"),
        "a reader": AccountQuery(prefix=f"r-{number}"),
        "how all readers begin": AccountQuery(prefix="r-"),
        "far into all readers": AccountQuery(prefix="r-", after=Place(match=Match.READER, key=place, reader_id=place)),
        "far into all addresses": AccountQuery(
            prefix="some", after=Place(match=Match.EMAIL, key="someone77", reader_id="r-0000077")
        ),
        "how all customers begin": AccountQuery(prefix="cus_"),
        "a subscription": AccountQuery(prefix=f"sub_{number}"),
        "how all subscriptions begin": AccountQuery(prefix="sub_"),
        "an invoice": AccountQuery(prefix=f"in_{number}"),
        "a charge": AccountQuery(prefix=f"ch_{number}"),
        "a browser": AccountQuery(prefix=f"v-{(int(number) - 1) // 3 * 3 + 1:07}"),
        "what is nobody's": AccountQuery(prefix="zz"),
        "held, among all readers": AccountQuery(prefix="r-", status="held"),
        "the newest": AccountQuery(),
        "the oldest, far in": AccountQuery(order=Order.OLDEST, after=Place(match=None, key=long_ago, reader_id="r-1")),
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
    } | combined(accounts)
