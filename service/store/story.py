"""One reader's story in PostgreSQL: five sources, each read newest first along an index of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    DateTime,
    Integer,
    Row,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    func,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, array

from service.store import notice_tables
from service.store.audit_tables import audit, audit_details
from service.store.event_search import PARK_AFTER
from service.store.journal_tables import decisions
from service.store.tables import accounts, customer_snapshots, entitlements, visitor_links
from webhooks.state import event_state
from webhooks.tables import customer_syncs, events

BROWSERS = 20
"""Of how many of a reader's browsers, the newest links first, the journal is asked."""
LOOKED = (".read", ".search", ".list", ".form", ".preview", "accounts.export", "account.erase_look")
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

    @property
    def parameters(self) -> dict[str, Any]:
        """Return what the statements are told; null for what is not asked for, which then narrows nothing."""
        event, notice, decision = self.reached.event, self.reached.notice, self.reached.decision
        received_at, event_id = event or (None, None)
        told_at, notice_id = notice or (None, None)
        decided_at, recorded_at, decision_id = decision or (None, None, None)
        return {
            "reader_id": self.reader_id, "granted": self.granted, "since": self.since,
            "until": self.until, "limit": self.limit, "act": self.reached.act, "version": self.reached.version,
            "received_at": _at(received_at), "event_id": event_id, "told_at": _at(told_at), "notice_id": notice_id,
            "decided_at": _at(decided_at), "recorded_at": _at(recorded_at), "decision_id": decision_id,
        }  # fmt: skip


def _given(name: str, kind: Any, condition: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
    """Return a condition that narrows nothing while its parameter is null.

    Statements are written once, at import: to build one takes as long as to answer it. A plan made for the values
    (`plan_cache_mode = force_custom_plan`) has what is null folded away, so that an index is entered as if alone.
    """
    parameter = cast(bindparam(name, type_=kind), kind)  # a flag alone would go without its type
    return or_(parameter.is_(None), condition(parameter))


def _within(at: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    """Return the conditions under which what happened `at` is asked for."""
    return [_given("since", _INSTANT, lambda since: at >= since), _given("until", _INSTANT, lambda until: at < until)]


_INSTANT = DateTime(timezone=True)
_READER_ID, _LIMIT = bindparam("reader_id", type_=Text), bindparam("limit", type_=Integer)


def events_told(connection: Connection, wanted: Wanted) -> Sequence[Row[Any]]:
    """Return the events about whichever customers the reader has been, the newest first."""
    customer_ids = connection.scalars(CUSTOMERS, wanted.parameters).all()
    if not customer_ids:
        return []
    return connection.execute(EVENTS, wanted.parameters | {"customer_ids": customer_ids}).all()


def _customers() -> Any:
    row, snapshot = accounts.c, customer_snapshots.c
    bound = select(row.customer_id).where(row.reader_id == _READER_ID, row.customer_id.is_not(None))
    return bound.union(select(snapshot.customer_id).where(snapshot.reader_id == _READER_ID))


def _events() -> Select[Any]:
    """Return the query for a portion of events; what failed last is told of those alone that wait."""
    row = events.c
    place, event_id = tuple_(row.received_at, row.id), bindparam("event_id", type_=Text)
    return (
        select(row.id, row.type, row.created_at, row.received_at, row.body, row.reason,
               customer_syncs.c.error.label("sync_error"), event_state(park_after=PARK_AFTER).label("state"))
        .select_from(events.outerjoin(customer_syncs, customer_syncs.c.customer_id == row.customer_id))
        .where(
            row.customer_id == any_(bindparam("customer_ids", type_=ARRAY(Text))),
            _given("received_at", _INSTANT, lambda received_at: place < tuple_(received_at, event_id)),
            *_within(func.coalesce(row.created_at, row.received_at)),
        )
        .order_by(row.received_at.desc(), row.id.desc())
        .limit(_LIMIT)
    )  # fmt: skip


def acts_told(connection: Connection, wanted: Wanted) -> Sequence[Row[Any]]:
    """Return what staff and keys did about the reader (or looked at), the newest first; what was erased is gone."""
    return connection.execute(LOOKS if wanted.looks else ACTS, wanted.parameters).all()


def _acts(*, looks: bool) -> Select[Any]:
    """Return the query. What was asked is left out where its outcome is there: they share a request's id.

    Looks have one of their own: beside an `or`, PostgreSQL would go through all entries for each, to find the outcome.
    """
    details = audit_details.c
    about = select(details.seq, details.reason, details.detail).where(
        details.subjects.contains(array([cast(_READER_ID, Text)]))
    )
    theirs = about.cte("theirs").prefix_with("materialized")
    entry = select(audit.c.at, audit.c.actor, audit.c.act, audit.c.request_id).where(audit.c.seq == theirs.c.seq)
    # How many entries are about one reader PostgreSQL can't guess: without `offset 0` it may read all of the log.
    one = entry.offset(0).lateral("one")
    mine = select(*theirs.c, *one.c).select_from(theirs.join(one, true())).cte("mine").prefix_with("materialized")
    after = mine.alias("after")
    concluded = select(after.c.seq).where(
        after.c.request_id == mine.c.request_id, after.c.act + ".asked" == mine.c.act, after.c.seq > mine.c.seq
    )
    looked = or_(*(mine.c.act.endswith(each) for each in LOOKED), mine.c.detail.contains({"preview": True}))
    reached = _given("act", BigInteger, lambda act: mine.c.seq < act)
    query = select(mine).where(looked if looks else ~looked & ~concluded.exists(), reached, *_within(mine.c.at))
    return query.order_by(mine.c.seq.desc()).limit(_LIMIT)


def versions_told(connection: Connection, wanted: Wanted) -> Sequence[Row[Any]]:
    """Return the reader's entitlement versions, each with the one `before` it, the newest first."""
    return connection.execute(VERSIONS, wanted.parameters).all()


def _versions() -> Select[Any]:
    row, before = entitlements.c, entitlements.alias("before")
    previous = and_(before.c.reader_id == row.reader_id, before.c.version == row.version - 1)
    reached = _given("version", Integer, lambda version: row.version < version)
    return (
        select(entitlements, before.c.entitlement.label("before"))
        .select_from(entitlements.outerjoin(before, previous))
        .where(row.reader_id == _READER_ID, reached, *_within(row.as_of))
        .order_by(row.version.desc())
        .limit(_LIMIT)
    )


def notices_told(connection: Connection, wanted: Wanted) -> Sequence[Row[Any]]:
    """Return what the site was told to tell the reader, the newest first."""
    return connection.execute(NOTICES, wanted.parameters).all()


def _notices() -> Select[Any]:
    row = notice_tables.notices_told.c
    place = tuple_(row.told_at, row.id)
    reached = _given("told_at", _INSTANT, lambda told_at: place < tuple_(told_at, bindparam("notice_id", type_=Text)))
    query = select(notice_tables.notices_told).where(row.reader_id == _READER_ID, reached, *_within(row.as_of))
    return query.order_by(row.told_at.desc(), row.id.desc()).limit(_LIMIT)


def decisions_told(connection: Connection, wanted: Wanted) -> Sequence[Row[Any]]:
    """Return what was decided about the reader, and about the reader's browsers while nobody was signed in."""
    return connection.execute(DECISIONS, wanted.parameters).all()


def _decisions() -> Select[Any]:
    row = decisions.c
    place = tuple_(row.decided_at, row.recorded_at, row.id)
    ended = (bindparam("recorded_at", type_=_INSTANT), bindparam("decision_id", type_=BigInteger))
    conditions = [
        _given("granted", Boolean, lambda granted: row.granted == granted),
        _given("decided_at", _INSTANT, lambda at: row.decided_at <= at),  # the index is entered where the page ended
        _given("decided_at", _INSTANT, lambda at: place < tuple_(at, *ended)),
        *_within(row.decided_at),
    ]
    return decided_statement(_READER_ID, conditions, _LIMIT)


def decided_statement(
    reader_id: Any, conditions: Sequence[ColumnElement[bool]], limit: Any, *, oldest_first: bool = False
) -> Select[Any]:
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
    each = in_order(select(decisions).where(alone), oldest_first=oldest_first).limit(limit).lateral("theirs")
    theirs = select(each).select_from(browsers.join(each, true()))
    mine = select(decisions).where(row.reader_id == reader_id, *conditions)
    own = in_order(mine, oldest_first=oldest_first).limit(limit)
    every = union_all(select(own.subquery()), theirs).subquery("told")
    return in_order(select(every), every.c, oldest_first=oldest_first).limit(limit)


def in_order(query: Select[Any], row: Any = decisions.c, *, oldest_first: bool = False) -> Select[Any]:
    """Return the query of decisions in the order in which a story tells them, or the reverse."""
    place = (row.decided_at, row.recorded_at, row.id)
    return query.order_by(*(place if oldest_first else (each.desc() for each in place)))


CUSTOMERS, EVENTS, ACTS, LOOKS, VERSIONS, NOTICES, DECISIONS = (
    _customers(), _events(), _acts(looks=False), _acts(looks=True), _versions(), _notices(), _decisions(),
)  # fmt: skip
"""What each source is asked, with `Wanted.parameters`: the customers that a reader is and was, and portions of all."""


def _at(instant: str | None) -> datetime | None:
    return None if instant is None else datetime.fromisoformat(instant)


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
