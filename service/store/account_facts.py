"""All that is kept of one account, for people: one query a table, none of them across accounts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, Table, or_, select

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
    row = connection.execute(_account(reader_id)).mappings().first()
    if row is None:
        return None
    queries = _of_customer(row["customer_id"]) | _of_reader(reader_id) | {"merges": _merges(reader_id)}
    rows = {name: [dict(each) for each in connection.execute(query).mappings()] for name, query in queries.items()}
    shown = {name: each[:ROWS_SHOWN] for name, each in rows.items()}
    more = frozenset(name for name, each in rows.items() if len(each) > ROWS_SHOWN)
    return dict(row) | shown | {"more": more, "unbound": unbound_payers(connection, reader_id)}


def unbound_payers(connection: Connection, reader_id: str) -> list[str]:
    """Return the customers at Stripe that name this reader, are not theirs here, and pay for a plan of ours."""
    named, sold = customer_snapshots.c, subscriptions.c
    paying = select(sold.id).where(
        sold.customer_id == named.customer_id, sold.plan.is_not(None), sold.status.in_(RUNNING)
    )
    query = select(named.customer_id).where(named.named_reader_id == reader_id, paying.exists())
    return list(connection.scalars(query.order_by(named.customer_id)))


def _account(reader_id: str) -> Select[Any]:
    columns = accounts.c
    joined = accounts.outerjoin(customer_snapshots, customer_snapshots.c.customer_id == columns.customer_id).outerjoin(
        customer_syncs, customer_syncs.c.customer_id == columns.customer_id
    )
    shown = (columns.reader_id, columns.email, columns.customer_id, columns.created_at)
    fresh = (customer_snapshots.c.fetched_at, customer_syncs.c.error.label("sync_failure"))
    return select(*shown, *fresh).select_from(joined).where(columns.reader_id == reader_id)


def _of_customer(customer_id: str | None) -> dict[str, Select[Any]]:
    return {
        "subscriptions": _newest(subscriptions, subscriptions.c.customer_id == customer_id, subscriptions.c.created_at),
        "invoices": _newest(invoices, invoices.c.customer_id == customer_id, invoices.c.created_at),
        "holds": _newest(holds, holds.c.customer_id == customer_id, holds.c.from_at),
        "fraud_warnings": _newest(
            warned_charges, warned_charges.c.customer_id == customer_id, warned_charges.c.found_at
        ),
    }


def _of_reader(reader_id: str) -> dict[str, Select[Any]]:
    ordered = {
        "grants": (grants, grants.c.id),
        "refunds": (staff_refunds, staff_refunds.c.asked_at),
        "trial_ledger": (trial_ledger, trial_ledger.c.created_at),
        "visitors": (visitor_links, visitor_links.c.linked_at),
        "checkouts": (checkouts, checkouts.c.created_at),
        "consents": (consents, consents.c.agreed_at),
        "gifts": (gifts, gifts.c.given_at),
        "notes": (notes, notes.c.written_at),
        "notices_told": (notices_told, notices_told.c.told_at),
    }
    return {name: _newest(table, table.c.reader_id == reader_id, by) for name, (table, by) in ordered.items()}


def _merges(reader_id: str) -> Select[Any]:
    """Return the merges that this account stayed in, and the one in which it went."""
    columns = account_merges.c
    return _newest(
        account_merges, or_(columns.reader_id == reader_id, columns.gone_reader_id == reader_id), columns.merged_at
    )


def _newest(table: Table, condition: Any, by: Any) -> Select[Any]:
    first_key = next(iter(table.primary_key.columns))
    return select(table).where(condition).order_by(by.desc(), first_key).limit(ROWS_SHOWN + 1)
