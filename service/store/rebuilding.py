"""What a rebuild asks of the record: whom to restore, and who is restored already."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, exists, func, or_, select, update

from service.store.tables import accounts, customer_snapshots, grants


@dataclass(frozen=True, kw_only=True)
class Owner:
    """An account that may be entitled to something."""

    reader_id: str
    customer_id: str | None


def next_owners(connection: Connection, after: str, limit: int) -> list[Owner]:
    """Return the accounts that follow reader `after`: customers at Stripe, and readers whom staff gave something."""
    query = (
        select(accounts.c.reader_id, accounts.c.customer_id)
        .where(accounts.c.reader_id > after, _may_be_entitled())
        .order_by(accounts.c.reader_id)
        .limit(limit)
    )
    return [Owner(**row) for row in connection.execute(query).mappings()]


def count_owners(connection: Connection, *, up_to: str | None = None) -> int:
    """Return how many such accounts there are, or how many up to a reader."""
    query = select(func.count()).select_from(accounts).where(_may_be_entitled())
    if up_to is not None:
        query = query.where(accounts.c.reader_id <= up_to)
    return int(connection.execute(query).scalar_one())


def unpublish(connection: Connection, reader_ids: Collection[str]) -> None:
    """Forget that Redis holds these readers' passes: until they are published, the outbox has them."""
    connection.execute(update(accounts).where(accounts.c.reader_id.in_(reader_ids)).values(published_version=0))


def with_snapshot(connection: Connection, customer_ids: Collection[str]) -> set[str]:
    """Return those of the customers of whom a snapshot is stored."""
    column = customer_snapshots.c.customer_id
    return set(connection.scalars(select(column).where(column.in_(customer_ids))))


def _may_be_entitled() -> ColumnElement[bool]:
    given = exists().where(grants.c.reader_id == accounts.c.reader_id)
    return or_(accounts.c.customer_id.is_not(None), given)
