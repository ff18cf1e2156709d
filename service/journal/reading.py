"""What the journal tells: of one reader, of one browser, of one moment; and how a reader's part of it is erased."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, select, update

from service.catalog.load import catalog_from_source
from service.convergence.progress import Progress, unseen
from service.domain.catalog import Catalog
from service.domain.decision import Reason
from service.errors import ConfigurationError
from service.journal.entry import Entry, entry_of
from service.journal.what_if import Tried
from service.store import catalogs
from service.store.journal_tables import decisions, paid_but_refused, refusal_checks
from service.store.links import LINKED_SINCE
from service.store.tables import visitor_links


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


PORTION = 5000
"""How many rows are fetched at a time."""


def catalog_of(connection: Connection, entry: Entry) -> Catalog | None:
    """Return the offer an entry was decided under, for `decide_again`; None when it was not kept.

    Raises ConfigurationError when today's rules can't read that offer any more.
    """
    source = catalogs.find(connection, entry.catalog_version)
    return catalog_from_source(source) if source else None


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


def tries(engine: Engine, *, until: datetime, progress: Progress = unseen) -> Iterator[Tried]:
    """Yield every counted read and every wall of the meter decided before `until`, in the order they were written down.

    Read as a stream, so that millions need no memory.
    """
    query = _TRIES.where(decisions.c.decided_at < until)
    with engine.connect().execution_options(yield_per=PORTION) as connection:
        usual_limits = _reader_limits(connection)
        total = connection.scalar(select(func.count()).select_from(query.order_by(None).subquery()))
        for number, row in enumerate(connection.execute(query), start=1):
            if number % PORTION == 0 or number == total:
                progress("entries", number, total)
            yield Tried(
                at=row.decided_at.astimezone(UTC),
                reader_id=row.owner_id,
                visitor_id=row.visitor_id,
                signed_in=row.reader_id is not None,
                article_id=row.article_id,
                counted=row.counted,
                used=row.meter_used,
                added=_added(row, usual_limits),
                resets_at=row.resets_at.astimezone(UTC),
            )


def _reader_limits(connection: Connection) -> Mapping[str, int]:
    """Return how many articles readers had by each kept offer that today's rules can read."""
    limits = {}
    for version, source in catalogs.every(connection):
        with suppress(ConfigurationError):
            limits[version] = catalog_from_source(source).meter.limit_reader
    return limits


def _added(row: Any, usual_limits: Mapping[str, int]) -> int:
    """Return what staff had added for a reader; a browser has the visitors' limit, whoever's reads it shares."""
    usual = usual_limits.get(row.catalog_version)
    return 0 if row.reader_id is None or usual is None else max(0, row.meter_limit - usual)


_TRIES = (
    select(
        decisions.c.decided_at,
        decisions.c.reader_id,
        func.coalesce(decisions.c.reader_id, visitor_links.c.reader_id).label("owner_id"),
        decisions.c.visitor_id,
        decisions.c.article_id,
        decisions.c.counted,
        decisions.c.meter_used,
        decisions.c.meter_limit,
        decisions.c.catalog_version,
        decisions.c.resets_at,
    )
    .select_from(
        decisions.outerjoin(
            visitor_links,
            (visitor_links.c.visitor_id == decisions.c.visitor_id) & (decisions.c.recorded_at >= LINKED_SINCE),
        )
    )
    .where(decisions.c.consume, decisions.c.reason.in_([Reason.METERED.value, Reason.METER_EXHAUSTED.value]))
    .where(decisions.c.meter_outcome.is_not(None))
    .order_by(decisions.c.recorded_at, decisions.c.id)
)
