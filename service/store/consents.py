"""What readers agreed to beside a checkout: told before, kept for good, whatever became of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, update

from service.store.money_tables import consents


def record(connection: Connection, **facts: Any) -> int:
    """Keep a consent whose outcome is open, and return its id; the columns are `consents`'."""
    statement = insert(consents).values(**facts).returning(consents.c.id)
    return int(connection.execute(statement).scalar_one())


def conclude(connection: Connection, consent_id: int, outcome: str) -> None:
    """Note what became of it."""
    connection.execute(update(consents).where(consents.c.id == consent_id).values(outcome=outcome))
