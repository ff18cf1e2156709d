"""Entitlements as append-only versions: what was in force at any moment can be shown later."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from service.store.tables import accounts, entitlements


def newest(connection: Connection, reader_id: str) -> dict[str, Any] | None:
    """Return the newest recorded entitlement as JSON, or None."""
    query = (
        select(entitlements.c.entitlement)
        .where(entitlements.c.reader_id == reader_id)
        .order_by(entitlements.c.version.desc())
        .limit(1)
    )
    found: dict[str, Any] | None = connection.scalar(query)
    return found


def append(
    connection: Connection, reader_id: str, *, version: int, entitlement: dict[str, Any], as_of: datetime, cause: str
) -> None:
    """Record the next version, and on the account what it says; the caller holds the account's row.

    `as_of` is business time.
    """
    connection.execute(
        insert(entitlements).values(
            reader_id=reader_id, version=version, entitlement=entitlement, as_of=as_of, cause=cause
        )
    )
    found = {"version": version, "status": entitlement["status"], "plan": entitlement["plan"]}
    connection.execute(update(accounts).where(accounts.c.reader_id == reader_id).values(found))
