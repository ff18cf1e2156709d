"""Who gave which money back, when and why."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, update
from sqlalchemy.dialects.postgresql import insert

from service.store.money_tables import staff_refunds


def record(connection: Connection, **facts: Any) -> None:
    """Keep what is asked for before Stripe is; the first of two presses with one key is kept."""
    connection.execute(insert(staff_refunds).values(**facts).on_conflict_do_nothing())


def conclude(connection: Connection, idempotency_key: str, *, refund_id: str | None, outcome: str) -> None:
    """Note what Stripe made of it."""
    mine = staff_refunds.c.idempotency_key == idempotency_key
    connection.execute(update(staff_refunds).where(mine).values(refund_id=refund_id, outcome=outcome))
