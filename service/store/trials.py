"""The trial ledger: who has had a trial, by reader, customer, e-mail and card; never deleted on cancelling."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, exists, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import accounts, holds, trial_ledger

_NEWCOMER = select(
    ~exists().where(accounts.c.reader_id == bindparam("reader_id"))
    & ~exists().where(trial_ledger.c.kind == "reader", trial_ledger.c.value == bindparam("value"))
)


def used_by(connection: Connection, identities: Mapping[str, str]) -> frozenset[str]:
    """Return the kinds of identity (`reader`, `customer`, `email`, `card`) that have had a trial."""
    if not identities:
        return frozenset()
    query = select(trial_ledger.c.kind).where(
        tuple_(trial_ledger.c.kind, trial_ledger.c.value).in_(list(identities.items()))
    )
    return frozenset(connection.scalars(query))


def is_newcomer(connection: Connection, reader_id: str, identities: Mapping[str, str]) -> bool:
    """Tell whether neither an account nor the ledger knows this reader; most who meet a wall are unknown to both."""
    return bool(connection.scalar(_NEWCOMER, {"reader_id": reader_id, "value": identities["reader"]}))


def owners(connection: Connection, identities: Mapping[str, str]) -> dict[str, str]:
    """Return by kind of identity the reader whose trial it was first used for."""
    identity = tuple_(trial_ledger.c.kind, trial_ledger.c.value).in_(list(identities.items()))
    query = select(trial_ledger.c.kind, trial_ledger.c.reader_id).where(identity)
    return {row.kind: row.reader_id for row in connection.execute(query)}


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
