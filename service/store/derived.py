"""What can be rebuilt from Stripe: the customer's snapshot, and rows of it that people search."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from service.domain.vocabulary import Hold
from service.store.tables import customer_snapshots, holds, invoices, payment_method_held, subscriptions
from webhooks.snapshot import (
    CustomerSnapshot,
    HoldFacts,
    InvoiceFacts,
    SubscriptionFacts,
    snapshot_from_json,
    snapshot_to_json,
)


def store_snapshot(
    connection: Connection,
    snapshot: CustomerSnapshot,
    judged: Sequence[Hold],
    *,
    reader_id: str | None,
    named_reader_id: str | None,
    resync_at: datetime | None,
) -> None:
    """Replace all that is known of this customer; the caller holds the customer's ticket.

    `reader_id` is whose it is, `named_reader_id` who is named in vain. `judged` are the snapshot's holds, in its order,
    as `holds_from` sees them.
    """
    row = {
        "customer_id": snapshot.customer_id,
        "reader_id": reader_id,
        "named_reader_id": named_reader_id,
        "snapshot": snapshot_to_json(snapshot),
        "fetched_at": snapshot.fetched_at,
        "resync_at": resync_at,
    }
    _upsert(connection, customer_snapshots, [row], key="customer_id")
    _replace(
        connection,
        subscriptions,
        snapshot,
        [_subscription(each, snapshot, reader_id) for each in snapshot.subscriptions],
    )
    _replace(connection, invoices, snapshot, [_invoice(each, snapshot) for each in snapshot.invoices])
    rows = [_hold(facts, hold, snapshot) for facts, hold in zip(snapshot.holds, judged, strict=True)]
    _replace(connection, holds, snapshot, rows)


def find_snapshot(connection: Connection, customer_id: str) -> CustomerSnapshot | None:
    """Return the customer as last fetched, or None."""
    query = select(customer_snapshots.c.snapshot).where(customer_snapshots.c.customer_id == customer_id)
    found = connection.scalar(query)
    return snapshot_from_json(found) if found else None


def payer_of(connection: Connection, customer_id: str | None) -> tuple[str | None, str | None]:
    """Return the e-mail address that Stripe has of the customer, and the fingerprint of what they pay with.

    As last seen: of a card or a bank account.
    """
    kept = customer_snapshots.c.snapshot
    fingerprint = func.coalesce(kept["pays_with"]["fingerprint"].astext, kept["card"]["fingerprint"].astext)
    query = select(kept["email"].astext, fingerprint).where(customer_snapshots.c.customer_id == customer_id)
    found = connection.execute(query).first() if customer_id else None
    return (None, None) if found is None else (found[0], found[1])


def payer_with(connection: Connection, payment_method_id: str) -> str | None:
    """Return the customer who was last seen to pay with this payment method, or None."""
    query = select(customer_snapshots.c.customer_id).where(payment_method_held == payment_method_id)
    found: str | None = connection.scalar(query.limit(1))
    return found


def due_for_resync(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Return customers at whose last fetch a boundary lay ahead that has passed by business `now`."""
    query = select(customer_snapshots.c.customer_id).where(customer_snapshots.c.resync_at <= now).limit(limit)
    return list(connection.scalars(query))


def resync_marked(connection: Connection, customer_ids: list[str]) -> None:
    """Forget the resync instants: those customers are marked dirty now, and the next sync sets new ones."""
    connection.execute(
        update(customer_snapshots).where(customer_snapshots.c.customer_id.in_(customer_ids)).values(resync_at=None)
    )


def _replace(connection: Connection, table: Table, snapshot: CustomerSnapshot, rows: list[dict[str, Any]]) -> None:
    kept = [row["id"] for row in rows]
    connection.execute(delete(table).where(table.c.customer_id == snapshot.customer_id, table.c.id.not_in(kept)))
    _upsert(connection, table, rows, key="id")


def _upsert(connection: Connection, table: Table, rows: list[dict[str, Any]], *, key: str) -> None:
    if not rows:
        return
    statement = insert(table).values(rows)
    changed = {column.name: statement.excluded[column.name] for column in table.columns if column.name != key}
    connection.execute(statement.on_conflict_do_update(index_elements=[key], set_=changed))


def _subscription(each: SubscriptionFacts, snapshot: CustomerSnapshot, reader_id: str | None) -> dict[str, Any]:
    same = (
        "id", "status", "plan", "price_id", "amount_minor", "currency", "interval", "created_at", "trial_end_at",
        "period_end_at", "cancel_at", "ended_at",
    )  # fmt: skip
    return {name: getattr(each, name) for name in same} | {
        "customer_id": snapshot.customer_id,
        "reader_id": reader_id,
        "fetched_at": snapshot.fetched_at,
    }


def _invoice(each: InvoiceFacts, snapshot: CustomerSnapshot) -> dict[str, Any]:
    same = (
        "id", "subscription_id", "status", "currency", "amount_due_minor", "amount_paid_minor", "attempt_count",
        "period_end_at", "created_at", "paid_at", "hosted_url",
    )  # fmt: skip
    return {name: getattr(each, name) for name in same} | {"customer_id": snapshot.customer_id}


def _hold(facts: HoldFacts, hold: Hold, snapshot: CustomerSnapshot) -> dict[str, Any]:
    told = {name: getattr(facts, name) for name in ("id", "status", "amount_minor", "currency", "charge_id")}
    judged = ("kind", "invoice_id", "subscription_id", "from_at", "released_at", "blocks", "revokes")
    return told | {name: getattr(hold, name) for name in judged} | {"customer_id": snapshot.customer_id}
