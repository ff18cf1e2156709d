"""Trials begun with a card that had another reader's trial: found by a sync, acted on at Stripe afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from service.domain.vocabulary import RepeatedCard
from service.store.tables import repeated_cards


@dataclass(frozen=True, kw_only=True)
class RepeatedTrial:
    """One trial to be acted on by `policy`, as it stood when the trial was found."""

    subscription_id: str
    customer_id: str
    reader_id: str
    policy: RepeatedCard
    attempts: int


def note(
    connection: Connection, *, subscription_id: str, customer_id: str, reader_id: str, policy: RepeatedCard
) -> bool:
    """Remember it once, whoever sees it again; tell whether it was new."""
    values = {
        "subscription_id": subscription_id, "customer_id": customer_id, "reader_id": reader_id, "policy": policy.value,
    }  # fmt: skip
    statement = insert(repeated_cards).values(values).on_conflict_do_nothing().returning(repeated_cards.c.policy)
    return connection.scalar(statement) is not None


def unsettled(
    connection: Connection, wall_now: datetime, *, limit: int, customer_id: str | None = None
) -> Sequence[RepeatedTrial]:
    """Return those that wait to be acted on and are not backing off, of one customer or of all."""
    column = repeated_cards.c
    query = (
        select(column.subscription_id, column.customer_id, column.reader_id, column.policy, column.attempts)
        .where(column.settled_at.is_(None), or_(column.not_before.is_(None), column.not_before <= wall_now))
        .order_by(column.found_at)
        .limit(limit)
    )
    if customer_id is not None:
        query = query.where(column.customer_id == customer_id)
    rows = connection.execute(query).mappings()
    return [RepeatedTrial(**{**row, "policy": RepeatedCard(row["policy"])}) for row in rows]


def settle(connection: Connection, subscription_id: str, *, outcome: str, wall_now: datetime) -> None:
    """Record what became of it: nothing is done about it any more."""
    _write(connection, subscription_id, outcome=outcome, settled_at=wall_now)


def set_back(connection: Connection, subscription_id: str, *, attempts: int, not_before: datetime) -> None:
    """Leave it alone until `not_before`."""
    _write(connection, subscription_id, attempts=attempts, not_before=not_before)


def _write(connection: Connection, subscription_id: str, **values: object) -> None:
    connection.execute(
        update(repeated_cards)
        .where(repeated_cards.c.subscription_id == subscription_id, repeated_cards.c.settled_at.is_(None))
        .values(**values)
    )
