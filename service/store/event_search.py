"""The stored events as SQL: each list in an index's order, newest first, each page from where the one before ended.

Few events wait and most are done, so what waits is found from the customers that are behind, never by reading through
the inbox.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    and_,
    case,
    desc,
    func,
    literal,
    select,
    true,
    tuple_,
    union_all,
)

from service.store.tables import accounts
from webhooks.failures import Backoff
from webhooks.state import EventState, event_state, events_with_syncs
from webhooks.tables import customer_syncs, events

PAGE = 50
PARK_AFTER = Backoff().park_after
MOST_BEHIND = 10_000
"""So many customers that are behind are looked at; more of them are a worker that does not work."""
NEWEST = 5_000
"""So many of the newest events are looked at to tell what becomes of events."""

_FAILURES = {
    EventState.PENDING: (0, 0),
    EventState.FAILED: (1, PARK_AFTER - 1),
    EventState.QUARANTINED: (PARK_AFTER, 2**31 - 1),
}
"""Those that wait, by how often they have failed."""


@dataclass(frozen=True, kw_only=True)
class EventPlace:
    """Where a page ended."""

    received_at: datetime
    id: str

    def __str__(self) -> str:
        return json.dumps([self.received_at.astimezone(UTC).isoformat(), self.id])

    @classmethod
    def parse(cls, text: str) -> EventPlace:
        """Return the place that `str` wrote; raises ValueError or TypeError for anything else."""
        received_at, event_id = json.loads(text)
        if not isinstance(event_id, str) or (at := datetime.fromisoformat(received_at)).tzinfo is not UTC:
            raise TypeError("not a place in this list")
        return cls(received_at=at, id=event_id)


@dataclass(frozen=True, kw_only=True)
class EventQuery:
    """Which events; None matches all. `until` leaves out what came later, `reason` is exact."""

    state: EventState | None = None
    type: str | None = None
    customer_id: str | None = None
    reason: str | None = None
    until: datetime | None = None
    after: EventPlace | None = None


def page(connection: Connection, query: EventQuery, limit: int) -> Sequence[Any]:
    """Return the newest events that match, each with the reader whose customer it concerns, if it is one's."""
    return connection.execute(page_statement(query, limit)).all()


def page_statement(query: EventQuery, limit: int) -> Select[Any]:
    """Return the query by which `page` asks."""
    found = _found(query).order_by(desc("received_at"), desc("id")).limit(limit).subquery()
    whose = found.outerjoin(accounts, accounts.c.customer_id == found.c.customer_id)
    statement = select(found, accounts.c.reader_id).select_from(whose)
    return statement.order_by(found.c.received_at.desc(), found.c.id.desc())


def oldest(connection: Connection, query: EventQuery, limit: int) -> Sequence[Any]:
    """Return (id, customer_id) of those that match, the oldest first."""
    found = _found(query).order_by("received_at", "id").limit(limit).subquery()
    return connection.execute(select(found.c.id, found.c.customer_id)).all()


def count(connection: Connection, query: EventQuery, most: int) -> int:
    """Return how many match, `most` for that many or more."""
    some = _found(query).limit(most).subquery()
    return int(connection.scalar(select(func.count()).select_from(some)) or 0)


def stuck(connection: Connection, most: int) -> dict[str, int]:
    """Return how many events wait because something failed, by state; `most` stands for that many or more."""
    states = (EventState.FAILED, EventState.QUARANTINED)
    return {state.value: count(connection, EventQuery(state=state), most) for state in states}


def one(connection: Connection, event_id: str) -> Any | None:
    """Return one event whole, or None."""
    whose = events_with_syncs().outerjoin(accounts, accounts.c.customer_id == events.c.customer_id)
    statement = select(*_COLUMNS, *_MORE, accounts.c.reader_id).select_from(whose).where(events.c.id == event_id)
    return connection.execute(statement).first()


def newest_by_state(connection: Connection) -> tuple[dict[EventState, int], datetime | None]:
    """Return how many of the newest events are in which state, and when the oldest of those came."""
    newest = select(event_state(park_after=PARK_AFTER).label("state"), events.c.received_at)
    some = newest.select_from(events_with_syncs()).order_by(events.c.received_at.desc(), events.c.id.desc())
    within = some.limit(NEWEST).subquery()
    rows = connection.execute(
        select(within.c.state, func.count().label("number"), func.min(within.c.received_at).label("since"))
        .group_by(within.c.state)
    ).all()  # fmt: skip
    counts = {EventState(row.state): row.number for row in rows}
    return counts, min((row.since for row in rows), default=None)


def _found(query: EventQuery) -> CompoundSelect[Any]:
    """Return the events that match; those of a state from wherever they are found quickest."""
    state = query.state
    if state in _FAILURES:
        return union_all(_unrouted(query, state), _behind(query, state))
    those = {None: true(), EventState.IGNORED: events.c.status == "ignored", EventState.DONE: _DONE}[state]
    return union_all(_EVENTS.where(*_conditions(query, events.c, _REASON), those))


def _unrouted(query: EventQuery, state: EventState) -> Select[Any]:
    """Return what waits without a customer."""
    row = events.c
    if state is EventState.QUARANTINED:
        those = row.status == "quarantined"
    else:
        those = and_(row.status == "pending", row.attempts.between(*_FAILURES[state]))
    return _EVENTS.where(*_conditions(query, row, _REASON), row.customer_id.is_(None), those)


def _behind(query: EventQuery, state: EventState) -> Select[Any]:
    """Return what waits of customers that are behind: first those, of whom an index knows, then each one's events.

    Written so that it can't be planned as a pass over all: how few are behind, PostgreSQL's statistics do not tell.
    """
    some = select(customer_syncs).where(customer_syncs.c.dirty > customer_syncs.c.synced)
    syncs = some.order_by(customer_syncs.c.not_before).limit(MOST_BEHIND).subquery("behind")
    theirs = select(events).where(events.c.customer_id == syncs.c.customer_id, events.c.mark > syncs.c.synced)
    row = theirs.offset(0).lateral("told")
    columns = (
        row.c.id, row.c.type, literal(state.value).label("state"), syncs.c.error.label("reason"), row.c.customer_id,
        row.c.created_at, row.c.received_at, row.c.api_version, syncs.c.attempts, syncs.c.not_before,
    )  # fmt: skip
    found = select(*columns).select_from(syncs.join(row, true()))
    return found.where(*_conditions(query, row.c, syncs.c.error), syncs.c.attempts.between(*_FAILURES[state]))


def _conditions(query: EventQuery, row: Any, reason: ColumnElement[Any]) -> Sequence[ColumnElement[bool]]:
    after = query.after
    asked = ((row.type, query.type), (row.customer_id, query.customer_id), (reason, query.reason))
    found = [column == value for column, value in asked if value is not None]
    if query.until is not None:
        found.append(row.received_at <= query.until)
    if after is not None:
        found.append(tuple_(row.received_at, row.id) < tuple_(literal(after.received_at), literal(after.id)))
    return found


_DONE = customer_syncs.c.synced >= events.c.mark
_REASON = case(
    (events.c.reason.is_not(None), events.c.reason),
    (customer_syncs.c.synced < events.c.mark, customer_syncs.c.error),
)
"""Why it was ignored, or what failed last; what is done has none, whatever fails now."""
_COLUMNS = (
    events.c.id,
    events.c.type,
    event_state(park_after=PARK_AFTER).label("state"),
    _REASON.label("reason"),
    events.c.customer_id,
    events.c.created_at,
    events.c.received_at,
    events.c.api_version,
    func.coalesce(customer_syncs.c.attempts, events.c.attempts).label("attempts"),
    func.coalesce(customer_syncs.c.not_before, events.c.not_before).label("not_before"),
)
_MORE = (events.c.livemode, events.c.account, events.c.body)
_EVENTS = select(*_COLUMNS).select_from(events_with_syncs())
