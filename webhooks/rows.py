"""The rows of `customer_syncs` in PostgreSQL: hint, lock, save."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select, text, update

from webhooks.tables import customer_syncs
from webhooks.turn import SyncRow


class Work(StrEnum):
    """What a job is to do: sync a customer (by its id), or route an event (by its id)."""

    SYNC = "sync"
    ROUTE = "route"


Defer = Callable[[Connection, Work, str], None]
"""Queues a bare job inside the caller's transaction. A lost or doubled job is harmless: the rows decide."""

Forgotten = Callable[[Connection, str], bool]
"""Tells whether nothing may be kept of this customer any more."""
FORGOTTEN_REASON = "customer_erased"
NOTHING = b"{}"
"""What is kept of an event about somebody of whom nothing may be kept: with its id, so that it comes but once."""


def nobody_forgotten(_connection: Connection, _customer_id: str) -> bool:
    """Tell of everybody that they may be kept."""
    return False


BUMP_UPSERT = """
    on conflict (customer_id) do update set
        dirty = customer_syncs.dirty + 1,
        dirty_since = case when customer_syncs.dirty > customer_syncs.synced then customer_syncs.dirty_since
                           else excluded.dirty_since end
"""
"""What a hint changes in the row of a customer who has one."""
_BUMP = f"""
    insert into customer_syncs (customer_id, dirty, dirty_since) values (:customer_id, 1, :now)
    {BUMP_UPSERT} returning dirty, synced
"""  # noqa: S608 - of constants
_HINT = text(_BUMP)
_HINT_BY_EVENT = text(f"""
    with hinted as ({_BUMP})
    update events set customer_id = :customer_id, mark = hinted.dirty from hinted where events.id = :event_id
    returning hinted.dirty, hinted.synced
""")  # noqa: S608 - of constants


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


def hint_by(connection: Connection, event_id: str, customer_id: str, now: datetime, defer: Defer) -> None:
    """Do as `hint` does because of a stored event, and write the customer and the mark on it: in one statement."""
    given = {"event_id": event_id, "customer_id": customer_id, "now": now}
    dirty, synced = connection.execute(_HINT_BY_EVENT, given).one()
    if dirty - 1 <= synced:
        defer(connection, Work.SYNC, customer_id)


def _bumped(connection: Connection, customer_id: str, now: datetime) -> tuple[int, bool]:
    """Return the new mark, and whether everything before it had been applied."""
    dirty, synced = connection.execute(_HINT, {"customer_id": customer_id, "now": now}).one()
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
