"""Holds that staff released: kept beside what Stripe says, for every sync makes the holds anew."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update
from sqlalchemy.dialects.postgresql import insert

from service.domain.vocabulary import Release
from service.store.act_tables import hold_releases
from service.store.tables import holds


def of_customer(connection: Connection, customer_id: str) -> tuple[Release, ...]:
    """Return what was released of this customer's."""
    columns = hold_releases.c
    query = select(columns.hold_id, columns.revokes, columns.released_at).where(columns.customer_id == customer_id)
    return tuple(Release(**row._mapping) for row in connection.execute(query))


def find_hold(connection: Connection, customer_id: str, hold_id: str) -> RowMapping | None:
    """Return the customer's hold as last judged, or None."""
    query = select(holds).where(holds.c.id == hold_id, holds.c.customer_id == customer_id)
    return connection.execute(query).mappings().first()


def record(connection: Connection, release: Release, **facts: Any) -> None:
    """Remember the release, once, and let the hold as last judged close nothing any more."""
    row = {"hold_id": release.hold_id, "revokes": release.revokes, "released_at": release.released_at} | facts
    connection.execute(insert(hold_releases).values(row).on_conflict_do_nothing())
    _open(connection, release.hold_id, release.released_at)


def _open(connection: Connection, hold_id: str, at: datetime) -> None:
    connection.execute(update(holds).where(holds.c.id == hold_id, holds.c.released_at.is_(None)).values(released_at=at))
