"""All that is kept of one account, for people, in one query; none of it is looked for across accounts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, DateTime, Table, Text, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from service.domain.standings import RUNNING
from service.store.act_tables import account_merges
from service.store.gift_tables import gifts
from service.store.money_tables import consents, staff_refunds, warned_charges
from service.store.note_tables import notes
from service.store.notice_tables import notices_told
from service.store.tables import (
    accounts,
    checkouts,
    customer_snapshots,
    grants,
    holds,
    invoices,
    subscriptions,
    trial_ledger,
    visitor_links,
)
from webhooks.tables import customer_syncs

ROWS_SHOWN = 100
"""Of each kind, the newest."""


def facts_of(connection: Connection, reader_id: str) -> dict[str, Any] | None:
    """Return the account's row, how fresh it is, and its rows in every table by the table's name; None for nobody.

    `more` names the tables that have more rows than are shown.
    """
    row = connection.execute(_ACCOUNT, {"reader_id": reader_id}).mappings().first()
    if row is None:
        return None
    rows = {name: [_typed(table, each) for each in row[name]] for name, (table, _) in _ROWS.items()}
    shown = {name: each[:ROWS_SHOWN] for name, each in rows.items()}
    more = frozenset(name for name, each in rows.items() if len(each) > ROWS_SHOWN)
    return dict(row) | shown | {"more": more}


def _typed(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as its table has it: JSON knows no instants. A later release's columns are left as they come."""
    instants = {each.name for each in table.c if isinstance(each.type, DateTime) and row.get(each.name)}
    return row | {name: datetime.fromisoformat(row[name]) for name in instants}


def _newest(table: Table, condition: ColumnElement[bool], by: Column[Any]) -> Any:
    """Return the account's newest rows as an array of JSON: so that one round trip brings all tables."""
    rows = select(func.to_jsonb(table.table_valued())).where(condition)
    newest = rows.order_by(by.desc(), next(iter(table.primary_key.columns))).limit(ROWS_SHOWN + 1)
    return func.array(newest.scalar_subquery(), type_=ARRAY(JSONB))


def _of_customer(table: Table, by: Column[Any]) -> Any:
    return _newest(table, table.c.customer_id == accounts.c.customer_id, by)


def _of_reader(table: Table, by: Column[Any]) -> Any:
    return _newest(table, table.c.reader_id == accounts.c.reader_id, by)


def _unbound() -> Any:
    """Return the customers at Stripe that name this reader, are not theirs here, and pay for a plan of ours."""
    named, sold = customer_snapshots.alias("named").c, subscriptions.c
    paying = select(sold.id).where(
        sold.customer_id == named.customer_id, sold.plan.is_not(None), sold.status.in_(RUNNING)
    )
    query = select(named.customer_id).where(named.named_reader_id == accounts.c.reader_id, paying.exists())
    return func.array(query.order_by(named.customer_id).scalar_subquery(), type_=ARRAY(Text))


_MERGED = or_(
    account_merges.c.reader_id == accounts.c.reader_id, account_merges.c.gone_reader_id == accounts.c.reader_id
)
"""Of the merges, those that this account stayed in, and the one in which it went."""
_ROWS: Mapping[str, tuple[Table, Any]] = {
    "subscriptions": (subscriptions, _of_customer(subscriptions, subscriptions.c.created_at)),
    "invoices": (invoices, _of_customer(invoices, invoices.c.created_at)),
    "holds": (holds, _of_customer(holds, holds.c.from_at)),
    "fraud_warnings": (warned_charges, _of_customer(warned_charges, warned_charges.c.found_at)),
    "grants": (grants, _of_reader(grants, grants.c.id)),
    "refunds": (staff_refunds, _of_reader(staff_refunds, staff_refunds.c.asked_at)),
    "trial_ledger": (trial_ledger, _of_reader(trial_ledger, trial_ledger.c.created_at)),
    "visitors": (visitor_links, _of_reader(visitor_links, visitor_links.c.linked_at)),
    "checkouts": (checkouts, _of_reader(checkouts, checkouts.c.created_at)),
    "consents": (consents, _of_reader(consents, consents.c.agreed_at)),
    "gifts": (gifts, _of_reader(gifts, gifts.c.given_at)),
    "notes": (notes, _of_reader(notes, notes.c.written_at)),
    "notices_told": (notices_told, _of_reader(notices_told, notices_told.c.told_at)),
    "merges": (account_merges, _newest(account_merges, _MERGED, account_merges.c.merged_at)),
}
_ACCOUNT = (
    select(
        accounts.c.reader_id,
        accounts.c.email,
        accounts.c.customer_id,
        accounts.c.created_at,
        customer_snapshots.c.fetched_at,
        customer_syncs.c.error.label("sync_failure"),
        _unbound().label("unbound"),
        *(rows.label(name) for name, (_, rows) in _ROWS.items()),
    )
    .select_from(
        accounts.outerjoin(customer_snapshots, customer_snapshots.c.customer_id == accounts.c.customer_id).outerjoin(
            customer_syncs, customer_syncs.c.customer_id == accounts.c.customer_id
        )
    )
    .where(accounts.c.reader_id == bindparam("reader_id"))
)
