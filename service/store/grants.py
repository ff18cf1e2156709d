"""Grants: access that staff gave, until when and why; a revoked one stays on record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from service.domain.vocabulary import Grant
from service.store.tables import grants


def add(connection: Connection, reader_id: str, grant: Grant, *, given_by: str) -> int:
    """Add a grant, and return its number; the reader has an account."""
    row: dict[str, Any] = {
        "reader_id": reader_id, "kind": grant.kind.value, "features": list(grant.features), "from_at": grant.from_at,
        "until_at": grant.until_at, "reason": grant.reason, "given_by": given_by,
    }  # fmt: skip
    return int(connection.execute(insert(grants).values(row).returning(grants.c.id)).scalar_one())


def find(connection: Connection, reader_id: str, grant_id: int) -> RowMapping | None:
    """Return the reader's grant of that number, or None."""
    query = select(grants).where(grants.c.id == grant_id, grants.c.reader_id == reader_id)
    return connection.execute(query).mappings().first()


def revoke(connection: Connection, reader_id: str, grant_id: int, now: datetime) -> bool:
    """End the reader's grant; tell whether it was in force or to come. `now` is business time."""
    standing = (grants.c.id == grant_id, grants.c.reader_id == reader_id, grants.c.revoked_at.is_(None))
    ended = update(grants).where(*standing, grants.c.until_at > now).values(revoked_at=now)
    return connection.execute(ended.returning(grants.c.id)).first() is not None
