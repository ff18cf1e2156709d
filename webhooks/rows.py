"""The rows of `customer_syncs` in PostgreSQL: hint, lock, save."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, case, select, update
from sqlalchemy.dialects.postgresql import insert

from webhooks.tables import customer_syncs
from webhooks.turn import SyncRow


class Work(StrEnum):
    """What a job is to do: sync a customer (by its id), or route an event (by its id)."""

    SYNC = "sync"
    ROUTE = "route"


Defer = Callable[[Connection, Work, str], None]
"""Queues a bare job inside the caller's transaction. A lost or doubled job is harmless: the rows decide."""


def mark_dirty(connection: Connection, customer_id: str, now: datetime) -> int:
    """Note that something about this customer may have changed; return the mark that `synced` must reach.

    Locks the customer's row until the transaction ends. A sync locks this row before any row of the projection, so
    a caller that writes projected rows too must call this first, or risk a deadlock.
    """
    return _bumped(connection, customer_id, now)[0]


def hint(connection: Connection, customer_id: str, now: datetime, defer: Defer) -> int:
    """Mark the customer dirty and queue a sync, unless one is due anyway; return the mark.

    A customer that was dirty already has a job queued, or a holder that queues one when it sees the new mark; a
    burst of events costs one sync and not one job each. Should that job be lost, the sweeper finds the customer.
    """
    mark, was_clean = _bumped(connection, customer_id, now)
    if was_clean:
        defer(connection, Work.SYNC, customer_id)
    return mark


def _bumped(connection: Connection, customer_id: str, now: datetime) -> tuple[int, bool]:
    """Return the new mark, and whether everything before it had been applied."""
    row = customer_syncs.c
    statement = (
        insert(customer_syncs)
        .values(customer_id=customer_id, dirty=1, dirty_since=now)
        .on_conflict_do_update(
            index_elements=[row.customer_id],
            set_={
                "dirty": row.dirty + 1,
                "dirty_since": case((row.dirty > row.synced, row.dirty_since), else_=now),
            },
        )
        .returning(row.dirty, row.synced)
    )
    dirty, synced = connection.execute(statement).one()
    return dirty, dirty - 1 <= synced


def locked(connection: Connection, customer_id: str) -> SyncRow | None:
    """Return the customer's row, locked until the transaction ends; None when nothing was ever heard of them."""
    found = connection.execute(
        select(customer_syncs).where(customer_syncs.c.customer_id == customer_id).with_for_update()
    ).one_or_none()
    return SyncRow(**found._mapping) if found else None


def save(connection: Connection, row: SyncRow) -> None:
    """Write a row that was `locked` in this transaction."""
    values = asdict(row)
    customer_id = values.pop("customer_id")
    connection.execute(update(customer_syncs).where(customer_syncs.c.customer_id == customer_id).values(**values))
