"""What the journal tells: of one reader, of one browser, of one moment; and how a reader's part of it is erased."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select, update

from service.journal.entry import Entry, entry_of
from service.store.journal_tables import decisions, paid_but_refused, refusal_checks


def of_reader(
    connection: Connection, reader_id: str, *, since: datetime, until: datetime, limit: int = 200
) -> Sequence[Entry]:
    """Return what was decided about a reader in `since <= decided_at < until` (business time), the newest first."""
    return _entries(connection, decisions.c.reader_id == reader_id, since, until, limit)


def of_visitor(
    connection: Connection, visitor_id: str, *, since: datetime, until: datetime, limit: int = 200
) -> Sequence[Entry]:
    """Return what was decided about a browser, signed in or not, the newest first."""
    return _entries(connection, decisions.c.visitor_id == visitor_id, since, until, limit)


def forget_reader(connection: Connection, reader_id: str, visitor_ids: Sequence[str] = ()) -> int:
    """Erase what was decided about a reader, and about the reader's browsers; return how many entries.

    Entries still in a web process's buffer, for a second as a rule, are not reached: erase the account first, and
    repeat. Refusals that had been paid for stay counted, without saying whose.
    """
    row = decisions.c
    mine = row.reader_id == reader_id
    browsers = row.reader_id.is_(None) & row.visitor_id.in_(visitor_ids)
    gone = connection.execute(delete(decisions).where(mine | browsers if visitor_ids else mine)).rowcount
    connection.execute(delete(refusal_checks).where(refusal_checks.c.reader_id == reader_id))
    connection.execute(
        update(paid_but_refused)
        .where(paid_but_refused.c.reader_id == reader_id)
        .values(reader_id=None, article_id=None)
    )
    return int(gone)


def _entries(
    connection: Connection, whose: ColumnElement[bool], since: datetime, until: datetime, limit: int
) -> Sequence[Entry]:
    row = decisions.c
    query = (
        select(decisions)
        .where(whose, row.decided_at >= since, row.decided_at < until)
        .order_by(row.decided_at.desc(), row.recorded_at.desc(), row.id.desc())
        .limit(limit)
    )
    rows: Sequence[Any] = connection.execute(query).all()
    return [entry_of(each) for each in rows]
