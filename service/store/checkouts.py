"""Checkout rows: what was asked of Stripe, what the reader was told, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import checkouts

PENDING = ("creating", "open")
LASTS = timedelta(days=1)
"""How long Stripe takes a repeated call for the same, and keeps a page open."""


@dataclass(frozen=True, kw_only=True)
class CheckoutRow:
    """One row of `checkouts`; see the table for what each column means."""

    id: str
    reader_id: str
    plan: str
    status: str
    parameters: dict[str, Any]
    idempotency_key: str
    success_url: str
    cancel_url: str
    session_id: str | None
    url: str | None
    expires_at: datetime | None
    trial: dict[str, Any]
    disclosure: dict[str, Any]
    created_at: datetime

    @property
    def payable_until(self) -> datetime:
        """Return when it can't be paid any more; one that has no page yet lasts as long as Stripe keeps its key."""
        return self.expires_at or self.created_at + LASTS


def find(connection: Connection, checkout_id: str) -> CheckoutRow | None:
    """Return the checkout of that id, or None."""
    return _one(connection.execute(_SELECT.where(checkouts.c.id == checkout_id)).first())


def pending(connection: Connection, reader_id: str) -> CheckoutRow | None:
    """Return the reader's one checkout that is being created or open, or None."""
    query = _SELECT.where(checkouts.c.reader_id == reader_id, checkouts.c.status.in_(PENDING))
    return _one(connection.execute(query).first())


def insert_creating(connection: Connection, row: CheckoutRow, *, catalog_version: str) -> bool:
    """Insert the row unless the reader has a pending one; tell whether it was inserted."""
    values = {name: getattr(row, name) for name in row.__dataclass_fields__} | {"catalog_version": catalog_version}
    statement = insert(checkouts).values(values).on_conflict_do_nothing().returning(checkouts.c.id)
    return connection.scalar(statement) is not None


def lease(connection: Connection, checkout_id: str, *, wall_now: datetime, lease_seconds: float) -> bool:
    """Take the right to call Stripe for a row still being created; tell whether we have it."""
    statement = (
        update(checkouts)
        .where(
            checkouts.c.id == checkout_id,
            checkouts.c.status == "creating",
            or_(checkouts.c.leased_until.is_(None), checkouts.c.leased_until <= wall_now),
        )
        .values(leased_until=wall_now + timedelta(seconds=lease_seconds))
        .returning(checkouts.c.id)
    )
    return connection.scalar(statement) is not None


def release(connection: Connection, checkout_id: str) -> None:
    """Give the lease back after a failed call, so that a repeat need not wait for it to run out."""
    connection.execute(update(checkouts).where(checkouts.c.id == checkout_id).values(leased_until=None))


def opened(connection: Connection, checkout_id: str, *, session_id: str, url: str, expires_at: datetime) -> None:
    """Record the session that Stripe made."""
    connection.execute(
        update(checkouts)
        .where(checkouts.c.id == checkout_id, checkouts.c.status == "creating")
        .values(status="open", session_id=session_id, url=url, expires_at=expires_at, leased_until=None)
    )


def complete(connection: Connection, checkout_ids: Sequence[str]) -> None:
    """Record that these led to a subscription."""
    if checkout_ids:
        connection.execute(update(checkouts).where(checkouts.c.id.in_(checkout_ids)).values(status="complete"))


def expire(connection: Connection, checkout_id: str) -> None:
    """Record that nothing can be bought through this one any more."""
    connection.execute(
        update(checkouts).where(checkouts.c.id == checkout_id, checkouts.c.status.in_(PENDING)).values(status="expired")
    )


_SELECT = select(*(checkouts.c[name] for name in CheckoutRow.__dataclass_fields__))


def _one(row: Any) -> CheckoutRow | None:
    return None if row is None else CheckoutRow(**row._mapping)
