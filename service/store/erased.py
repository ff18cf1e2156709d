"""Who was erased: noted for good, asked whenever something may bring them back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from service.store.erasure_tables import erased

SQL = "exists (select from erased where digest = %(known_as)s::text)"
"""Whether the digest `known_as` is of somebody who was erased: `is_erased`, to be part of a statement."""


def note(connection: Connection, digests: Mapping[str, str], erased_at: datetime) -> None:
    """Remember these digests, each with its kind; who was erased before keeps the newest instant."""
    rows = [{"digest": digest, "kind": kind, "erased_at": erased_at} for digest, kind in digests.items()]
    statement = insert(erased).values(rows)
    again = {"erased_at": statement.excluded.erased_at}
    connection.execute(statement.on_conflict_do_update(index_elements=["digest"], set_=again))


def is_erased(connection: Connection, digest: str) -> bool:
    """Tell whether this is somebody who was erased."""
    return bool(connection.exec_driver_sql(f"select {SQL}", {"known_as": digest}).scalar_one())


def erased_at(connection: Connection, digest: str) -> datetime | None:
    """Return when they were erased last, or None."""
    found: datetime | None = connection.scalar(select(erased.c.erased_at).where(erased.c.digest == digest))
    return found
