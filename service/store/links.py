"""Which browser is whose: the newest link wins."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, case, func
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import visitor_links

LINKED_SINCE = func.coalesce(visitor_links.c.since, visitor_links.c.linked_at)
"""From when on a browser's reads are its present reader's; rows of an earlier release know only the last sign-in."""


def record_link(connection: Connection, visitor_id: str, reader_id: str, linked_at: datetime) -> None:
    """Record that this visitor is this reader's, unless a newer link says otherwise. `linked_at` is wall time.

    Signing in again moves `linked_at`, by which links that overtake each other are put in order, but not `since`.
    """
    statement = insert(visitor_links).values(
        visitor_id=visitor_id, reader_id=reader_id, linked_at=linked_at, since=linked_at
    )
    new = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["visitor_id"],
            set_={
                "reader_id": new.reader_id,
                "linked_at": new.linked_at,
                "since": case((visitor_links.c.reader_id == new.reader_id, LINKED_SINCE), else_=new.since),
            },
            where=visitor_links.c.linked_at <= new.linked_at,
        )
    )
