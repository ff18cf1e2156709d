"""Two accounts of one person made one: whose rows go to whom, and who went where."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, Text, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from service.store import trials
from service.store.act_tables import account_merges, hold_releases, meter_bonuses
from service.store.gift_tables import gifts
from service.store.money_tables import consents, staff_refunds
from service.store.note_tables import notes
from service.store.notice_tables import notices_told
from service.store.tables import (
    accounts,
    checkouts,
    customer_snapshots,
    grants,
    repeated_cards,
    subscriptions,
    trial_bars,
    trial_ledger,
    visitor_links,
)

MOVED: tuple[Table, ...] = (
    checkouts,
    consents,
    gifts,
    grants,
    hold_releases,
    meter_bonuses,
    notes,
    notices_told,
    repeated_cards,
    staff_refunds,
    trial_bars,
    trial_ledger,
    visitor_links,
)
"""What goes to the account that stays. Decisions and entitlement versions are history and stay where they are."""


def stays(connection: Connection, reader_id: str) -> str:
    """Return the account that a reader's went to, however many steps ago; the reader's own where it went nowhere."""
    seen = {reader_id}
    while True:
        query = select(account_merges.c.reader_id).where(account_merges.c.gone_reader_id == reader_id)
        following: str | None = connection.scalar(query)
        if following is None or following in seen:
            return reader_id
        seen.add(following)
        reader_id = following


def merged_at(connection: Connection, reader_id: str) -> datetime | None:
    """Return when the reader's account last went to another's, or None."""
    query = select(account_merges.c.merged_at).where(account_merges.c.gone_reader_id == reader_id)
    found: datetime | None = connection.scalar(query)
    return found


def gone_into(connection: Connection, reader_id: str) -> list[str]:
    """Return the readers whose accounts went to this one, in however many steps."""
    every = connection.scalars(_GONE_INTO, {"reader_id": reader_id})
    return sorted(each for each in every if each != reader_id)


def _gone_into() -> Select[Any]:
    """Return the query of a reader and of who went into them; who came back, and was merged the other way, ends it."""
    merge = account_merges.c
    one = select(bindparam("reader_id", type_=Text).label("id")).cte(recursive=True)
    return select(one.union(select(merge.gone_reader_id).where(merge.reader_id == one.c.id)).c.id)


_GONE_INTO = _gone_into()


def visitors_of(connection: Connection, reader_id: str) -> list[str]:
    """Return the browsers linked to a reader."""
    query = select(visitor_links.c.visitor_id).where(visitor_links.c.reader_id == reader_id)
    return list(connection.scalars(query))


def move(connection: Connection, gone: str, staying: str, *, customer_id: str | None) -> None:
    """Give all of `gone` to `staying`, whose customer from now on is `customer_id`; the caller holds both rows."""
    trial = connection.scalar(select(trial_ledger.c.subscription_id).where(trial_ledger.c.reader_id == gone).limit(1))
    for table in MOVED:
        connection.execute(update(table).where(table.c.reader_id == gone).values(reader_id=staying))
    if trial is not None:
        trials.record(connection, {"reader": staying}, reader_id=staying, subscription_id=trial)
    trials.bar_heir(connection, staying)
    _bind(connection, gone, staying, customer_id)


def _bind(connection: Connection, gone: str, staying: str, customer_id: str | None) -> None:
    known = select(accounts.c.email, accounts.c.email_folded).where(accounts.c.reader_id == gone)
    left = connection.execute(known).one()
    connection.execute(update(accounts).where(accounts.c.reader_id == gone).values(customer_id=None))
    taken = {
        "customer_id": customer_id,
        "email": func.coalesce(accounts.c.email, left.email),
        "email_folded": func.coalesce(accounts.c.email_folded, left.email_folded),
    }
    connection.execute(update(accounts).where(accounts.c.reader_id == staying).values(taken))
    for table in (customer_snapshots, subscriptions):
        theirs = or_(table.c.customer_id == customer_id, table.c.reader_id == gone)
        connection.execute(update(table).where(theirs).values(reader_id=staying))


def record(connection: Connection, *, gone_reader_id: str, merged_at: datetime, **facts: Any) -> None:
    """Remember it; somebody who came back as the reader that went may be merged again."""
    row = {"gone_reader_id": gone_reader_id, "merged_at": merged_at} | facts
    statement = insert(account_merges).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["gone_reader_id"], set_=row))
