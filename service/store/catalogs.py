"""The offers that decisions and consents were made under, each kept whole beside its version."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from service.store.journal_tables import catalogs


def keep(connection: Connection, version: str, source: str) -> None:
    """Keep the offer of this version, once; `source` is what `catalog_from_source` reads."""
    connection.execute(insert(catalogs).values(version=version, source=source).on_conflict_do_nothing())


def find(connection: Connection, version: str) -> str | None:
    """Return the offer of that version, or None for one that no decision was remembered under."""
    found: str | None = connection.scalar(select(catalogs.c.source).where(catalogs.c.version == version))
    return found


def every(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield each kept offer's version and source."""
    for row in connection.execute(select(catalogs.c.version, catalogs.c.source)):
        yield row.version, row.source
