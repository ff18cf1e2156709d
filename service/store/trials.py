"""The trial ledger: who has had a trial, by reader, customer, e-mail and card; never deleted on cancelling.

Beside it, under the same identities, whom a disputed payment bars from trials, until the dispute turns out to be none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, Connection, Table, bindparam, case, delete, exists, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import accounts, trial_bars, trial_ledger

Pairs = Collection[tuple[str, str]]
"""Identities as (kind, value): `reader`, `customer`, `email` (keyed hash), `card` (fingerprint)."""


_BY_EMAIL = "email:"
_USED = case((trial_ledger.c.subscription_id.startswith(_BY_EMAIL), "email"), else_=trial_ledger.c.kind)
"""The kind of identity to tell: who inherited from an address has had a trial under that alone."""


def _names_reader(table: Table) -> ColumnElement[bool]:
    value = table.c.value
    return exists().where(table.c.kind == "reader", or_(value == bindparam("value"), value == bindparam("erased")))


_NEWCOMER = select(
    ~exists().where(accounts.c.reader_id == bindparam("reader_id"))
    & ~_names_reader(trial_ledger)
    & ~_names_reader(trial_bars)
)


def used_by(connection: Connection, identities: Pairs) -> frozenset[str]:
    """Return the kinds of identity that have had a trial."""
    if not identities:
        return frozenset()
    return frozenset(connection.scalars(select(_USED).where(_any_of(trial_ledger, identities))))


def inherit(connection: Connection, reader_id: str, email: str) -> None:
    """Enter a reader who gives up the address of this keyed hash for what is entered under it: a trial, disputes.

    Whose trial it was is not kept with the reader, who may be somebody else; in the place of the subscription stands
    the hash.
    """
    if used_by(connection, [("email", email)]):
        record(connection, {"reader": reader_id}, reader_id=reader_id, subscription_id=f"{_BY_EMAIL}{email}")
    barring = select(trial_bars.c.dispute_id).where(trial_bars.c.kind == "email", trial_bars.c.value == email)
    for dispute_id in connection.scalars(barring).all():
        bar(connection, {"reader": reader_id}, reader_id=reader_id, dispute_id=dispute_id)


def is_newcomer(connection: Connection, reader_id: str, *, erased: str) -> bool:
    """Tell whether no account, trial or bar knows this reader; most who meet a wall are unknown to all of them.

    `erased` is what the ledger calls a reader of this id who was erased.
    """
    known_as = {"reader_id": reader_id, "value": reader_id, "erased": erased}
    return bool(connection.scalar(_NEWCOMER, known_as))


def owners(connection: Connection, identities: Pairs) -> dict[str, str]:
    """Return by kind of identity, in any of its spellings, the reader whose trial it was first used for."""
    query = select(trial_ledger.c.kind, trial_ledger.c.reader_id).where(_any_of(trial_ledger, identities))
    rows = connection.execute(query.order_by(trial_ledger.c.created_at.desc()))
    return {row.kind: row.reader_id for row in rows}


def has_card_of(connection: Connection, subscription_id: str) -> bool:
    """Tell whether this subscription's trial was entered under a card."""
    row = trial_ledger.c
    return bool(connection.scalar(select(exists().where(row.subscription_id == subscription_id, row.kind == "card"))))


def barred_by(connection: Connection, identities: Pairs) -> set[tuple[str, str]]:
    """Return (kind of identity, reader) of every dispute that rules a trial out for one of these identities."""
    query = select(trial_bars.c.kind, trial_bars.c.reader_id).where(_any_of(trial_bars, identities))
    return {(row.kind, row.reader_id) for row in connection.execute(query)} if identities else set()


def bar(connection: Connection, identities: Mapping[str, str], *, reader_id: str, dispute_id: str) -> None:
    """Rule trials out for all these identities, because this reader's payment is disputed."""
    rows = [
        {"kind": kind, "value": value, "reader_id": reader_id, "dispute_id": dispute_id}
        for kind, value in identities.items()
    ]
    connection.execute(insert(trial_bars).values(rows).on_conflict_do_nothing())


def unbar(connection: Connection, dispute_id: str) -> None:
    """Take back whatever this dispute had ruled out."""
    connection.execute(delete(trial_bars).where(trial_bars.c.dispute_id == dispute_id))


def bar_heir(connection: Connection, reader_id: str) -> None:
    """Enter a reader, to whom another's bars have gone, under their own id as well."""
    for dispute_id in connection.scalars(
        select(trial_bars.c.dispute_id).distinct().where(trial_bars.c.reader_id == reader_id)
    ).all():
        bar(connection, {"reader": reader_id}, reader_id=reader_id, dispute_id=dispute_id)


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


def _any_of(table: Table, identities: Pairs) -> ColumnElement[bool]:
    return tuple_(table.c.kind, table.c.value).in_(list(identities))
