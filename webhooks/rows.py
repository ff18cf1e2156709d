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
    row = customer_syncs.c
    hint = (
        insert(customer_syncs)
        .values(customer_id=customer_id, dirty=1, dirty_since=now)
        .on_conflict_do_update(
            index_elements=[row.customer_id],
            set_={
                "dirty": row.dirty + 1,
                "dirty_since": case((row.dirty > row.synced, row.dirty_since), else_=now),
            },
        )
        .returning(row.dirty)
    )
    return int(connection.execute(hint).scalar_one())


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
