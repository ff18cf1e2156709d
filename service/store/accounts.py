"""Accounts: which reader is which customer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from service.domain.standings import Standings
from service.store.tables import accounts


@dataclass(frozen=True, kw_only=True)
class Account:
    """Our record joining a reader to a customer. `version` is that of the newest entitlement, 0 for none yet."""

    reader_id: str
    customer_id: str | None
    email: str | None
    version: int


def find(connection: Connection, reader_id: str) -> Account | None:
    """Return the reader's account, or None."""
    return _one(connection.execute(_SELECT.where(accounts.c.reader_id == reader_id)).first())


def find_by_customer(connection: Connection, customer_id: str) -> Account | None:
    """Return the account bound to this customer, or None."""
    return _one(connection.execute(_SELECT.where(accounts.c.customer_id == customer_id)).first())


def lock(connection: Connection, reader_id: str) -> Account | None:
    """Return the account and hold its row until the transaction ends: versions are given out one at a time."""
    return _one(connection.execute(_SELECT.where(accounts.c.reader_id == reader_id).with_for_update()).first())


def ensure(connection: Connection, reader_id: str, email: str | None = None) -> None:
    """Make the account if there is none, and remember the newest e-mail address given."""
    values = {"reader_id": reader_id, "email": email, "email_folded": email.casefold() if email else None}
    statement = insert(accounts).values(values)
    if email is None:
        connection.execute(statement.on_conflict_do_nothing())
        return
    changed = {"email": statement.excluded.email, "email_folded": statement.excluded.email_folded}
    connection.execute(statement.on_conflict_do_update(index_elements=["reader_id"], set_=changed))


def bind_customer(connection: Connection, reader_id: str, customer_id: str, *, instead_of: str | None = None) -> str:
    """Bind the customer unless the reader has another than `instead_of`; return whichever the reader has now."""
    connection.execute(
        update(accounts)
        .where(accounts.c.reader_id == reader_id, accounts.c.customer_id.is_not_distinct_from(instead_of))
        .values(customer_id=customer_id)
    )
    bound: str = connection.execute(
        select(accounts.c.customer_id).where(accounts.c.reader_id == reader_id)
    ).scalar_one()
    return bound


def note_standings(connection: Connection, reader_id: str, standings: Standings) -> None:
    """Remember on the account how its subscriptions stand, for search; a row that says so already is not written."""
    values = asdict(standings)
    differs = or_(*(accounts.c[name] != value for name, value in values.items()))
    connection.execute(update(accounts).where(accounts.c.reader_id == reader_id, differs).values(values))


def unpublished(connection: Connection, limit: int) -> list[str]:
    """Return readers whose pass in Redis may be older than their entitlement: the outbox."""
    query = select(accounts.c.reader_id).where(accounts.c.published_version < accounts.c.version).limit(limit)
    return list(connection.scalars(query))


def mark_published(connection: Connection, reader_id: str, version: int) -> None:
    """Remember that Redis holds this version of the reader's pass."""
    connection.execute(
        update(accounts)
        .where(accounts.c.reader_id == reader_id)
        .values(published_version=func.greatest(accounts.c.published_version, version))
    )


_SELECT = select(accounts.c.reader_id, accounts.c.customer_id, accounts.c.email, accounts.c.version)


def _one(row: Any) -> Account | None:
    return None if row is None else Account(**row._mapping)
