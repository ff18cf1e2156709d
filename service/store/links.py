"""Which browser is whose: the newest link wins."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import visitor_links


def record_link(connection: Connection, visitor_id: str, reader_id: str, linked_at: datetime) -> None:
    """Record that this visitor is this reader's, unless a newer link says otherwise. `linked_at` is wall time."""
    statement = insert(visitor_links).values(visitor_id=visitor_id, reader_id=reader_id, linked_at=linked_at)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["visitor_id"],
            set_={
                "reader_id": statement.excluded.reader_id,
                "linked_at": statement.excluded.linked_at,
            },
            where=visitor_links.c.linked_at <= statement.excluded.linked_at,
        )
    )
