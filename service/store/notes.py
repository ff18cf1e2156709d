"""Staff's notes on accounts: added, never changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert

from service.store.note_tables import notes


def add(connection: Connection, reader_id: str, *, body: str, written_by: str, written_at: datetime) -> int:
    """Add a note in the caller's transaction, and return its id; the reader has an account."""
    row = {"reader_id": reader_id, "body": body, "written_by": written_by, "written_at": written_at}
    return int(connection.execute(insert(notes).values(row).returning(notes.c.id)).scalar_one())
