"""Rows of things to be done at Stripe, once each: what waits, what is set back, what is settled.

Beside its key every table of errands has `customer_id`, `attempts`, `not_before`, `settled_at`, `outcome`, `found_at`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from service.store.money_tables import warned_charges
from service.store.tables import repeated_cards

FAILING = "failing:"
"""How the outcome begins of an errand that Stripe refused and that is tried again."""


@dataclass(frozen=True, kw_only=True)
class Errand:
    """One thing to be done. `facts` is its whole row."""

    id: str
    customer_id: str
    attempts: int
    facts: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What of one kind is not done yet: `failing` of the `waiting` are refused by Stripe, one of them for `reason`."""

    kind: str
    waiting: int
    failing: int
    reason: str | None


class ErrandRows:
    """The errands of one kind, under its name in logs and metrics."""

    def __init__(self, name: str, table: Table) -> None:
        self.name = name
        self._table = table
        (self._key,) = table.primary_key.columns

    def note(self, connection: Connection, **facts: object) -> bool:
        """Remember it once, whoever sees it again; tell whether it was new."""
        statement = insert(self._table).values(facts).on_conflict_do_nothing().returning(self._key)
        return connection.scalar(statement) is not None

    def unsettled(
        self, connection: Connection, wall_now: datetime, *, limit: int, customer_id: str | None = None
    ) -> Sequence[Errand]:
        """Return those that wait to be done and are not backing off, of one customer or of all."""
        column = self._table.c
        query = (
            select(self._table)
            .where(column.settled_at.is_(None), or_(column.not_before.is_(None), column.not_before <= wall_now))
            .order_by(column.found_at)
            .limit(limit)
        )
        if customer_id is not None:
            query = query.where(column.customer_id == customer_id)
        return [self._errand(dict(row)) for row in connection.execute(query).mappings()]

    def settle(self, connection: Connection, errand: Errand, *, outcome: str, wall_now: datetime) -> None:
        """Record what became of it: nothing is done about it any more."""
        self._write(connection, errand, outcome=outcome, settled_at=wall_now)

    def set_back(
        self, connection: Connection, errand: Errand, *, not_before: datetime, refusal: str | None = None
    ) -> None:
        """Count a failure, and leave it alone until `not_before`; a refusal is kept, and stands until it is done."""
        told = {} if refusal is None else {"outcome": f"{FAILING}{refusal}"}
        self._write(connection, errand, attempts=errand.attempts + 1, not_before=not_before, **told)

    def backlog(self, connection: Connection) -> Backlog:
        """Return how many of this kind are still to be done."""
        outcome = self._table.c.outcome
        counted = select(func.count(), func.count(outcome), func.max(outcome))
        waiting, failing, refusal = connection.execute(counted.where(self._table.c.settled_at.is_(None))).one()
        reason = None if refusal is None else refusal.removeprefix(FAILING)
        return Backlog(kind=self.name, waiting=waiting, failing=failing, reason=reason)

    def _errand(self, row: dict[str, Any]) -> Errand:
        return Errand(id=row[self._key.name], customer_id=row["customer_id"], attempts=row["attempts"], facts=row)

    def _write(self, connection: Connection, errand: Errand, **values: object) -> None:
        mine = self._table.update().where(self._key == errand.id, self._table.c.settled_at.is_(None))
        connection.execute(mine.values(**values))


REPEATED_CARDS = ErrandRows("repeated_card", repeated_cards)
WARNED_CHARGES = ErrandRows("warned_charge", warned_charges)
ALL = (REPEATED_CARDS, WARNED_CHARGES)
