"""The trial ledger: who has had a trial, by reader, customer, e-mail and card; never deleted on cancelling."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, Connection, bindparam, exists, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import accounts, holds, trial_ledger

_NEWCOMER = select(
    ~exists().where(accounts.c.reader_id == bindparam("reader_id"))
    & ~exists().where(
        trial_ledger.c.kind == "reader", trial_ledger.c.value.in_([bindparam("value"), bindparam("erased")])
    )
)


def used_by(connection: Connection, identities: Collection[tuple[str, str]]) -> frozenset[str]:
    """Return the kinds of identity (`reader`, `customer`, `email`, `card`) that have had a trial."""
    if not identities:
        return frozenset()
    return frozenset(connection.scalars(select(trial_ledger.c.kind).where(_any_of(identities))))


def is_newcomer(connection: Connection, reader_id: str, *, erased: str) -> bool:
    """Tell whether neither an account nor the ledger knows this reader; most who meet a wall are unknown to both.

    `erased` is what the ledger calls a reader of this id who was erased.
    """
    known_as = {"reader_id": reader_id, "value": reader_id, "erased": erased}
    return bool(connection.scalar(_NEWCOMER, known_as))


def owners(connection: Connection, identities: Collection[tuple[str, str]]) -> dict[str, str]:
    """Return by kind of identity, in any of its spellings, the reader whose trial it was first used for."""
    query = select(trial_ledger.c.kind, trial_ledger.c.reader_id).where(_any_of(identities))
    rows = connection.execute(query.order_by(trial_ledger.c.created_at.desc()))
    return {row.kind: row.reader_id for row in rows}


def is_barred(connection: Connection, customer_id: str) -> bool:
    """Tell whether a chargeback against this customer, undecided or lost, rules a trial out."""
    dispute = (holds.c.customer_id == customer_id) & (holds.c.kind == "dispute") & holds.c.blocks
    return bool(connection.scalar(select(exists().where(dispute))))


def record(
    connection: Connection, identities: Mapping[str, str], *, reader_id: str, subscription_id: str
) -> frozenset[str]:
    """Remember this trial under every identity known; an identity already there keeps its first entry.

    Returns the kinds that were not there.
    """
    rows = [
        {"kind": kind, "value": value, "reader_id": reader_id, "subscription_id": subscription_id}
        for kind, value in identities.items()
    ]
    statement = insert(trial_ledger).values(rows).on_conflict_do_nothing().returning(trial_ledger.c.kind)
    return frozenset(connection.scalars(statement))


def _any_of(identities: Collection[tuple[str, str]]) -> ColumnElement[bool]:
    return tuple_(trial_ledger.c.kind, trial_ledger.c.value).in_(list(identities))
