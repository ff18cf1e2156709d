"""One reader's story in PostgreSQL: five sources, each read newest first along an index of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, literal, or_, select, true, tuple_, union_all

from service.store import notice_tables
from service.store.audit_tables import audit, audit_details
from service.store.journal_tables import decisions
from service.store.tables import accounts, customer_snapshots, entitlements, visitor_links
from webhooks.state import event_state
from webhooks.tables import customer_syncs, events

BROWSERS = 20
"""Of how many of a reader's browsers, the newest links first, the journal is asked."""
LOOKS = (".read", ".search", ".list", ".form", ".preview", "accounts.export", "account.erase_look")
"""How the acts' names end that only show something; through the API, an act with `preview` does no more either."""

_LARGEST = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Reached:
    """How far down each source has been told; None for one not begun. Instants are RFC 3339 with an offset."""

    event: tuple[str, str] | None = None
    """Received at, id."""
    act: int | None = None
    version: int | None = None
    notice: tuple[str, str] | None = None
    """Told at, id."""
    decision: tuple[str, str, int] | None = None
    """Decided at, recorded at, id."""

    def __str__(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})

    @classmethod
    def parse(cls, text: str) -> Reached:
        """Return what `str` wrote; raises ValueError or TypeError for anything else."""
        value = json.loads(text)
        if not isinstance(value, dict) or not value.keys() <= {each.name for each in fields(cls)}:
            raise TypeError("not a place in a story")
        return cls(
            event=_named_place(value.get("event")),
            act=_number(value.get("act")),
            version=_number(value.get("version")),
            notice=_named_place(value.get("notice")),
            decision=_decision_place(value.get("decision")),
        )


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Whose story, which part of it, and from where on. `granted` narrows decisions; `looks` asks for them alone.

    `since` and `until` (not included) are about when something happened, as it is shown.
    """

    reader_id: str
    reached: Reached = field(default_factory=Reached)
    granted: bool | None = None
    looks: bool = False
    since: datetime | None = None
    until: datetime | None = None
    limit: int

    def within(self, at: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        """Return the conditions under which what happened `at` is asked for."""
        earliest = [] if self.since is None else [at >= self.since]
        return earliest if self.until is None else [*earliest, at < self.until]


def events_told(connection: Connection, wanted: Wanted, *, park_after: int) -> Sequence[Row[Any]]:
    """Return the events about whichever customers the reader has been, the newest first."""
    customers = connection.scalars(customers_statement(wanted.reader_id)).all()
    if not customers:
        return []
    return connection.execute(events_statement(customers, wanted, park_after=park_after)).all()


def customers_statement(reader_id: str) -> Any:
    """Return the query for the customers that a reader is and was."""
    bound = select(accounts.c.customer_id).where(accounts.c.reader_id == reader_id, accounts.c.customer_id.is_not(None))
    return bound.union(select(customer_snapshots.c.customer_id).where(customer_snapshots.c.reader_id == reader_id))


def events_statement(customers: Sequence[str], wanted: Wanted, *, park_after: int) -> Select[Any]:
    """Return the query for a portion of events; what failed last is told of those alone that wait."""
    row, place = events.c, tuple_(events.c.received_at, events.c.id)
    query = (
        select(row.id, row.type, row.created_at, row.received_at, row.body, row.reason,
               customer_syncs.c.error.label("sync_error"), event_state(park_after=park_after).label("state"))
        .select_from(events.outerjoin(customer_syncs, customer_syncs.c.customer_id == row.customer_id))
        .where(row.customer_id.in_(customers), *wanted.within(func.coalesce(row.created_at, row.received_at)))
        .order_by(row.received_at.desc(), row.id.desc())
        .limit(wanted.limit)
    )  # fmt: skip
    if wanted.reached.event is None:
        return query
    received_at, event_id = wanted.reached.event
    return query.where(place < tuple_(_at(received_at), literal(event_id)))


def acts_told(connection: Connection, wanted: Wanted) -> Sequence[Row[Any]]:
    """Return what staff and keys did about the reader (or looked at), the newest first; what was erased is gone."""
    return connection.execute(acts_statement(wanted)).all()


def acts_statement(wanted: Wanted) -> Select[Any]:
    """Return the query. What was asked is left out where its outcome is there: they share a request's id."""
    details = audit_details.c
    about = select(details.seq, details.reason, details.detail).where(details.subjects.contains([wanted.reader_id]))
    theirs = about.cte("theirs").prefix_with("materialized")
    entry = select(audit.c.at, audit.c.actor, audit.c.act, audit.c.request_id).where(audit.c.seq == theirs.c.seq)
    # How many entries are about one reader PostgreSQL can't guess: without `offset 0` it may read all of the log.
    one = entry.offset(0).lateral("one")
    mine = select(*theirs.c, *one.c).select_from(theirs.join(one, true())).cte("mine").prefix_with("materialized")
    after = mine.alias("after")
    concluded = select(after.c.seq).where(
        after.c.request_id == mine.c.request_id, after.c.act + ".asked" == mine.c.act, after.c.seq > mine.c.seq
    )
    looked = or_(*(mine.c.act.endswith(each) for each in LOOKS), mine.c.detail.contains({"preview": True}))
    query = select(mine).where(looked if wanted.looks else ~looked & ~concluded.exists(), *wanted.within(mine.c.at))
    if wanted.reached.act is not None:
        query = query.where(mine.c.seq < wanted.reached.act)
    return query.order_by(mine.c.seq.desc()).limit(wanted.limit)


def versions_told(connection: Connection, wanted: Wanted) -> Sequence[Row[Any]]:
    """Return the reader's entitlement versions, each with the one `before` it, the newest first."""
    return connection.execute(versions_statement(wanted)).all()


def versions_statement(wanted: Wanted) -> Select[Any]:
    """Return the query."""
    row, before = entitlements.c, entitlements.alias("before")
    previous = and_(before.c.reader_id == row.reader_id, before.c.version == row.version - 1)
    query = (
        select(entitlements, before.c.entitlement.label("before"))
        .select_from(entitlements.outerjoin(before, previous))
        .where(row.reader_id == wanted.reader_id, *wanted.within(row.as_of))
        .order_by(row.version.desc())
        .limit(wanted.limit)
    )
    return query if wanted.reached.version is None else query.where(row.version < wanted.reached.version)


def notices_told(connection: Connection, wanted: Wanted) -> Sequence[Row[Any]]:
    """Return what the site was told to tell the reader, the newest first."""
    return connection.execute(notices_statement(wanted)).all()


def notices_statement(wanted: Wanted) -> Select[Any]:
    """Return the query."""
    row = notice_tables.notices_told.c
    query = select(notice_tables.notices_told).where(row.reader_id == wanted.reader_id, *wanted.within(row.as_of))
    query = query.order_by(row.told_at.desc(), row.id.desc()).limit(wanted.limit)
    if wanted.reached.notice is None:
        return query
    told_at, notice_id = wanted.reached.notice
    return query.where(tuple_(row.told_at, row.id) < tuple_(_at(told_at), literal(notice_id)))


def decisions_told(connection: Connection, wanted: Wanted) -> Sequence[Row[Any]]:
    """Return what was decided about the reader, and about the reader's browsers while nobody was signed in."""
    return connection.execute(decisions_statement(wanted)).all()


def decisions_statement(wanted: Wanted) -> Select[Any]:
    """Return the query for a portion of what was decided."""
    return decided_statement(wanted.reader_id, _narrowed(wanted), wanted.limit)


def decided_statement(reader_id: str, conditions: Sequence[ColumnElement[bool]], limit: int) -> Select[Any]:
    """Return the query for the newest decisions that meet the conditions: the reader's and each browser's, merged."""
    browsers = (
        select(visitor_links.c.visitor_id)
        .where(visitor_links.c.reader_id == reader_id)
        .order_by(visitor_links.c.linked_at.desc())
        .limit(BROWSERS)
        .subquery("browsers")
    )
    row = decisions.c
    alone = and_(row.reader_id.is_(None), row.visitor_id == browsers.c.visitor_id, *conditions)
    each = newest_first(select(decisions).where(alone)).limit(limit).lateral("theirs")
    theirs = select(each).select_from(browsers.join(each, true()))
    own = newest_first(select(decisions).where(row.reader_id == reader_id, *conditions)).limit(limit)
    every = union_all(select(own.subquery()), theirs).subquery("told")
    order = (every.c.decided_at.desc(), every.c.recorded_at.desc(), every.c.id.desc())
    return select(every).order_by(*order).limit(limit)


def newest_first(query: Select[Any]) -> Select[Any]:
    """Return the query of decisions in the order in which a story tells them."""
    row = decisions.c
    return query.order_by(row.decided_at.desc(), row.recorded_at.desc(), row.id.desc())


def _narrowed(wanted: Wanted) -> list[ColumnElement[bool]]:
    row, conditions = decisions.c, wanted.within(decisions.c.decided_at)
    if wanted.granted is not None:
        conditions.append(row.granted.is_(wanted.granted))
    if wanted.reached.decision is not None:
        decided_at, recorded_at, number = wanted.reached.decision
        conditions.append(row.decided_at <= _at(decided_at))  # so that the index is entered where the page ended
        place = tuple_(row.decided_at, row.recorded_at, row.id)
        conditions.append(place < tuple_(_at(decided_at), _at(recorded_at), literal(number)))
    return conditions


def _at(instant: str) -> Any:
    return literal(datetime.fromisoformat(instant))


def _number(value: Any) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise TypeError("not a number of a row")
    return value


def _named_place(value: Any) -> tuple[str, str] | None:
    if value is None:
        return None
    recorded_at, named = value
    if not isinstance(named, str) or not named.isprintable():
        raise TypeError("not an id")
    return _instant(recorded_at), named


def _decision_place(value: Any) -> tuple[str, str, int] | None:
    if value is None:
        return None
    decided_at, recorded_at, number = value
    return _instant(decided_at), _instant(recorded_at), _number(number) or 0


def _instant(value: Any) -> str:
    if not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is None:
        raise TypeError("not an instant")
    return value
