"""Drift: where our record of a subscription was found to say something else than Stripe."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import accounts, customer_snapshots, drift, holds, invoices, subscriptions
from webhooks.snapshot import CustomerSnapshot, snapshot_from_json
from webhooks.tables import customer_syncs


class DriftKind(StrEnum):
    MISSING_HERE = "missing_here"
    GONE_AT_STRIPE = "gone_at_stripe"
    DIFFERS = "differs"
    UNREADABLE = "unreadable"
    UNBOUND = "unbound"
    """A running subscription to a plan of ours whose customer is no reader's: what it pays for opens nothing."""


BEYOND_A_SYNC = frozenset({DriftKind.UNREADABLE, DriftKind.UNBOUND})
"""What asking Stripe again cannot put right: people must."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One difference. `field` and `ours` are set for DIFFERS alone, `theirs` for UNBOUND too: the reader it names.

    `subscription_id` may be empty.
    """

    customer_id: str
    subscription_id: str
    kind: DriftKind
    field: str = ""
    ours: str | None = None
    theirs: str | None = None


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What we hold of one subscription: its row, and the snapshot of its customer, which may be lost."""

    row: Mapping[str, Any]
    snapshot: CustomerSnapshot | None


def kept(
    connection: Connection, ids: Collection[str], *, after: datetime | None, until: datetime | None
) -> dict[str, Kept]:
    """Return our subscriptions of these ids, and all those created later than `after` and not later than `until`."""
    column = subscriptions.c
    stretch = and_(
        true() if after is None else column.created_at > after, true() if until is None else column.created_at <= until
    )
    joined = subscriptions.outerjoin(customer_snapshots, customer_snapshots.c.customer_id == column.customer_id)
    query = (
        select(subscriptions, customer_snapshots.c.snapshot).select_from(joined).where(or_(column.id.in_(ids), stretch))
    )
    found = {}
    for row in connection.execute(query).mappings():
        values = dict(row)
        snapshot = values.pop("snapshot")
        found[values["id"]] = Kept(row=values, snapshot=snapshot_from_json(snapshot) if snapshot else None)
    return found


def kept_holds(connection: Connection, ids: Collection[str]) -> dict[str, tuple[str, str | None]]:
    """Return (status, subscription) of our holds of these ids."""
    query = select(holds.c.id, holds.c.status, holds.c.subscription_id).where(holds.c.id.in_(ids))
    return {row.id: (row.status, row.subscription_id) for row in connection.execute(query)}


@dataclass(frozen=True, kw_only=True)
class Owed:
    """What we know of an invoice that is not settled: it may have been paid, or given up, without our hearing of it."""

    id: str
    customer_id: str
    subscription_id: str
    status: str
    amount_paid_minor: int


def next_owed(connection: Connection, after_id: str, limit: int, *, since: datetime) -> list[Owed]:
    """Return, by id, invoices made `since` then that are neither paid nor void, of subscriptions that are not over."""
    invoice, sold = invoices.c, subscriptions.c
    columns = (invoice.id, invoice.customer_id, invoice.subscription_id, invoice.status, invoice.amount_paid_minor)
    query = (
        select(*columns)
        .join_from(invoices, subscriptions, sold.id == invoice.subscription_id)
        .where(invoice.id > after_id, invoice.status.not_in(["paid", "void"]), invoice.created_at >= since)
        .where(sold.plan.is_not(None), sold.ended_at.is_(None))
    )
    return [Owed(**row) for row in connection.execute(query.order_by(invoice.id).limit(limit)).mappings()]


def known_customers(connection: Connection, customer_ids: Collection[str]) -> set[str]:
    """Return those customers who are a reader's: of others on the same Stripe account nothing is drift."""
    row = customer_snapshots.c
    query = select(row.customer_id).where(row.customer_id.in_(customer_ids), row.reader_id.is_not(None))
    return set(connection.scalars(query))


def in_flight(
    connection: Connection, customer_ids: Collection[str], *, asked_at: datetime, since: datetime
) -> set[str]:
    """Return those customers who were synced after `asked_at`, or of whom a hint came after `since` and still waits."""
    row = customer_syncs.c
    waiting = and_(row.dirty > row.synced, row.dirty_since >= since)
    query = select(row.customer_id).where(row.customer_id.in_(customer_ids), or_(row.synced_at >= asked_at, waiting))
    return set(connection.scalars(query))


def record(connection: Connection, found: Sequence[Drift], now: datetime) -> None:
    """Note what was found; a difference that is open already is seen again."""
    if not found:
        return
    rows = [asdict(each) | {"found_at": now, "seen_at": now} for each in found]
    statement = insert(drift).values(rows)
    changed = {name: statement.excluded[name] for name in ("ours", "theirs", "seen_at")}
    keys = ["customer_id", "subscription_id", "kind", "field"]
    connection.execute(
        statement.on_conflict_do_update(index_elements=keys, index_where=drift.c.repaired_at.is_(None), set_=changed)
    )


def close(connection: Connection, customer_id: str, now: datetime) -> None:
    """Note that this customer was synced after all that was found."""
    mine = and_(drift.c.customer_id == customer_id, drift.c.repaired_at.is_(None))
    connection.execute(update(drift).where(mine).values(repaired_at=now))


def close_unseen(connection: Connection, run_started_at: datetime, now: datetime) -> None:
    """Note of everything open that a whole run did not find again that it is no more."""
    unseen = and_(drift.c.seen_at < run_started_at, drift.c.repaired_at.is_(None))
    connection.execute(update(drift).where(unseen).values(repaired_at=now))


def latest(connection: Connection, *, before_id: int | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """Return drift rows with the reader whose they are, newest first, ids below `before_id` when given."""
    whose = drift.outerjoin(accounts, accounts.c.customer_id == drift.c.customer_id)
    query = select(drift, accounts.c.reader_id).select_from(whose).order_by(drift.c.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(drift.c.id < before_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def count_open(connection: Connection, most: int) -> int:
    """Return how many differences stand unrepaired, `most` for that many or more."""
    some = select(drift.c.id).where(drift.c.repaired_at.is_(None)).limit(most).subquery()
    return int(connection.scalar(select(func.count()).select_from(some)) or 0)


def seen_since(connection: Connection, started_at: datetime) -> list[dict[str, Any]]:
    """Return the rows that a run found, by customer."""
    query = select(drift).where(drift.c.seen_at >= started_at).order_by(drift.c.customer_id, drift.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def count_curable(connection: Connection, started_at: datetime) -> int:
    """Return of how many customers a run found differences that a sync may put right."""
    customers = select(drift.c.customer_id).where(_curable_since(started_at)).distinct().subquery()
    return int(connection.scalar(select(func.count()).select_from(customers)) or 0)


def next_curable(connection: Connection, started_at: datetime, after_id: str, limit: int) -> list[str]:
    """Return, by id, customers of whom a run found what a sync may put right."""
    mine = _curable_since(started_at) & (drift.c.customer_id > after_id)
    query = select(drift.c.customer_id).where(mine).distinct().order_by(drift.c.customer_id).limit(limit)
    return list(connection.scalars(query))


def _curable_since(started_at: datetime) -> ColumnElement[bool]:
    return and_(drift.c.seen_at >= started_at, drift.c.kind.not_in(list(BEYOND_A_SYNC)))


def count_subscriptions(connection: Connection) -> int:
    """Return how many subscriptions we hold: what a progress bar expects."""
    return int(connection.execute(select(func.count()).select_from(subscriptions)).scalar_one())
