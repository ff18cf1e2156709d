"""What is kept of one subject around one moment: decisions by the journal, and the entitlement then in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, select

from service.journal import partitions
from service.journal.entry import Entry, entry_of
from service.store.journal_tables import decisions, paid_but_refused
from service.store.story import decided_statement, in_order
from service.store.tables import entitlements, visitor_links


@dataclass(frozen=True)
class Whose:
    """A reader, or a browser on which nobody is signed in: one of the two is None."""

    reader_id: str | None
    visitor_id: str | None


@dataclass(frozen=True, kw_only=True)
class Version:
    """One recorded entitlement. `as_of` is business time, `recorded_at` wall time."""

    version: int
    entitlement: dict[str, Any]
    as_of: datetime
    recorded_at: datetime
    cause: str


def reader_of(connection: Connection, visitor_id: str) -> str | None:
    """Return whose browser this is, as last linked; None for nobody's."""
    found: str | None = connection.scalar(
        select(visitor_links.c.reader_id).where(visitor_links.c.visitor_id == visitor_id)
    )
    return found


def decided(
    connection: Connection,
    whose: Whose,
    *,
    since: datetime,
    until: datetime,
    article_id: str | None = None,
    counted: bool = False,
    limit: int = 200,
    oldest_first: bool = False,
) -> Sequence[Entry]:
    """Return what was decided in `since <= decided_at < until` (business time), the newest first unless told otherwise.

    Of a reader also what was decided about the reader's browsers while nobody was signed in; of a browser all of it.
    """
    row = decisions.c
    conditions: list[ColumnElement[bool]] = [row.decided_at >= since, row.decided_at < until]
    if article_id is not None:
        conditions.append(row.article_id == article_id)
    if counted:
        conditions.append(row.counted)
    query = whose_statement(whose, conditions, limit, oldest_first=oldest_first)
    return [entry_of(each) for each in connection.execute(query)]


def whose_statement(
    whose: Whose, conditions: Sequence[ColumnElement[bool]], limit: int, *, oldest_first: bool = False
) -> Any:
    """Return the query by which `decided` asks; apart, so that its plan can be looked at."""
    row = decisions.c
    if whose.reader_id is None:
        theirs = select(decisions).where(row.visitor_id == whose.visitor_id, *conditions)
        return in_order(theirs, oldest_first=oldest_first).limit(limit)
    return decided_statement(whose.reader_id, conditions, limit, oldest_first=oldest_first)


def version_known(connection: Connection, reader_id: str, recorded_by: datetime) -> Version | None:
    """Return the entitlement that the record had at a moment of wall time, None for none yet."""
    return _version(connection, reader_id, entitlements.c.recorded_at <= recorded_by)


def version_at(connection: Connection, reader_id: str, at: datetime) -> Version | None:
    """Return the entitlement in force at a moment of business time, by what is known today; None for none yet."""
    return _version(connection, reader_id, entitlements.c.as_of <= at)


def turned_out_paid(connection: Connection, entry: Entry) -> bool:
    """Tell whether a later sync showed that this refusal had been paid for."""
    row = paid_but_refused.c
    found = exists().where(row.recorded_at == entry.recorded_at, row.decision_id == entry.id)
    return bool(connection.scalar(select(found)))


def kept_since(connection: Connection) -> date | None:
    """Return the first day (UTC, wall time) that the journal still has, None for an empty one."""
    return next(iter(partitions.present(connection)), None)


def _version(connection: Connection, reader_id: str, condition: ColumnElement[bool]) -> Version | None:
    row = entitlements.c
    columns = (row.version, row.entitlement, row.as_of, row.recorded_at, row.cause)
    query = select(*columns).where(row.reader_id == reader_id, condition).order_by(row.version.desc()).limit(1)
    found = connection.execute(query).first()
    return None if found is None else Version(**found._mapping)
