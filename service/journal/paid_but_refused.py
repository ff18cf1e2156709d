"""The number that should stay 0: refusals that, as a later sync showed, met a reader who had paid.

A sync that finds its reader entitled, or learns of a payment, asks for a check in its own transaction. The check is
made some seconds later, when every process has copied its journal, so that a wall shown a moment before the sync is
found too. Each refusal is counted once, in a row of its own: the total outlives restarts, and the journal's partitions.
"""

from __future__ import annotations

import structlog
from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from service.domain.catalog import Catalog
from service.domain.decision import decide
from service.domain.refusals import covering
from service.journal.entry import Entry, entry_of
from service.store.facts import Facts, find_facts
from service.store.journal_tables import decisions, paid_but_refused, refusal_checks
from webhooks.snapshot import CustomerSnapshot, snapshot_from_json, snapshot_to_json

log = structlog.get_logger(__name__)

DELAY_SECONDS = 15.0
"""How long after a sync its reader's refusals are looked at; a journal's copy is at most a second or two late."""
MOST_REFUSALS = 1000
"""Of one reader in one check, the newest."""


def ask_for_check(connection: Connection, reader_id: str, known_before: CustomerSnapshot | None) -> None:
    """Note that this reader's refusals are to be looked at; of several notes, the first knows what was known before.

    The check waits for the last of them: a wall shown just before that one is in no table yet either.
    """
    values = {
        "reader_id": reader_id,
        "known_before": snapshot_to_json(known_before) if known_before else None,
        "asked_at": func.now(),
    }
    asking = insert(refusal_checks).values(values)
    again = {"asked_at": asking.excluded.asked_at}
    connection.execute(asking.on_conflict_do_update(index_elements=["reader_id"], set_=again))


def total(connection: Connection) -> int:
    """Return how many refusals, ever, turned out to have been paid for."""
    return connection.scalar(select(func.count()).select_from(paid_but_refused)) or 0


class Checks:
    """Makes the checks that syncs asked for."""

    def __init__(self, engine: Engine, catalog: Catalog, *, delay_seconds: float = DELAY_SECONDS) -> None:
        self._engine = engine
        self._catalog = catalog
        self._delay_seconds = delay_seconds

    def make(self, limit: int) -> int:
        """Make up to `limit` checks that are due; return how many refusals had been paid for."""
        return sum(self._check_or_give_up(reader_id) for reader_id in self._due(limit))

    def total(self) -> int | None:
        """Return how many refusals, ever, turned out to have been paid for; None when PostgreSQL does not answer."""
        try:
            with self._engine.connect() as connection:
                return total(connection)
        except SQLAlchemyError:
            return None

    def _due(self, limit: int) -> list[str]:
        row = refusal_checks.c
        due = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, self._delay_seconds)
        query = select(row.reader_id).where(row.asked_at <= due).order_by(row.asked_at).limit(limit)
        with self._engine.connect() as connection:
            return list(connection.scalars(query))

    def _check_or_give_up(self, reader_id: str) -> int:
        """Make one check; one that what is stored makes impossible is given up, or it would stop all others."""
        try:
            return self._check(reader_id)
        except (KeyError, TypeError, ValueError):  # such as a snapshot that another release stored
            log.exception("refusals_not_checked", reader_id=reader_id)
            with self._engine.begin() as connection:
                connection.execute(delete(refusal_checks).where(refusal_checks.c.reader_id == reader_id))
            return 0

    def _check(self, reader_id: str) -> int:
        taking = (
            delete(refusal_checks)
            .where(refusal_checks.c.reader_id == reader_id)
            .returning(refusal_checks.c.known_before)
        )
        with self._engine.begin() as connection:
            asked = connection.execute(taking).first()
            facts = find_facts(connection, reader_id)
            if asked is None or facts is None or facts.snapshot is None:
                return 0
            before = snapshot_from_json(asked.known_before) if asked.known_before else None
            found = [
                each for each in _refusals(connection, reader_id, before) if self._was_covered(each, facts, before)
            ]
            new = _count(connection, found)
        if new:
            log.warning("paid_but_refused", reader_id=reader_id, refusals=new)
        return new

    def _was_covered(self, refusal: Entry, facts: Facts, before: CustomerSnapshot | None) -> bool:
        """Tell whether the reader's plan, as known now, would have opened this very article."""
        assert facts.snapshot is not None  # noqa: S101 - for the type checker; looked at above
        at = refusal.decision.decided_at
        entitlement = covering(
            at, facts.snapshot, facts.holds, facts.grants, known_before=before, policy=self._catalog.policy
        )
        if entitlement is None:
            return False
        again = decide(
            refusal.article, None, entitlement, self._catalog, consume=refusal.consume, signed_in=True,
            trial_eligible=False, now=at,
        )  # fmt: skip
        return again.granted


def _refusals(connection: Connection, reader_id: str, before: CustomerSnapshot | None) -> list[Entry]:
    """Return the reader's refusals since what was known before was fetched: older ones had their check."""
    row = decisions.c
    query = select(decisions).where(row.reader_id == reader_id, row.granted.is_(False))
    if before is not None:
        query = query.where(row.decided_at >= before.fetched_at)
    rows = connection.execute(query.order_by(row.decided_at.desc()).limit(MOST_REFUSALS))
    return [entry_of(each) for each in rows]


def _count(connection: Connection, found: list[Entry]) -> int:
    """Count those refusals that were not counted before; return how many."""
    if not found:
        return 0
    rows = [
        {
            "recorded_at": each.recorded_at, "decision_id": each.id, "decided_at": each.decision.decided_at,
            "reader_id": each.reader_id, "article_id": each.article.id,
        }
        for each in found
    ]  # fmt: skip
    counting = insert(paid_but_refused).values(rows).on_conflict_do_nothing()
    return len(connection.execute(counting.returning(paid_but_refused.c.decision_id)).all())
