"""Stored events as people see them: what became of each, and another try for those that are stuck."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, select

from service.domain.masking import masked
from service.store import event_search as store
from service.store.event_search import PAGE, EventPlace, EventQuery
from service.support.audit import Trail
from service.support.meanings import meaning_of
from webhooks.routing import Router
from webhooks.state import EventState
from webhooks.syncs import Syncs
from webhooks.tables import events

__all__ = ["PAGE", "EventPlace", "EventQuery", "EventState", "Events"]

STUCK = (EventState.QUARANTINED, EventState.FAILED, EventState.PENDING)
"""What a replay of many may take."""
MOST_AT_ONCE = 1_000
"""So many events are replayed in one go, the oldest: each customer is a transaction, and somebody waits for it."""


class Replay(StrEnum):
    """What a replay of one event came to."""

    RESUMED = "resumed"
    IGNORED = "ignored"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class StoredEvent:
    """One line of the list. `reason` is why it was ignored, or what failed last; `reader_id`, whose customer it is."""

    id: str
    type: str
    state: EventState
    reason: str | None
    customer_id: str | None
    reader_id: str | None
    created_at: datetime | None
    received_at: datetime
    api_version: str | None
    attempts: int
    not_before: datetime | None
    """Until when it is left alone after a failure."""

    @property
    def meaning(self) -> str:
        """What such an event means for a reader, or why nothing follows from this one, in a sentence."""
        return meaning_of(self.type, ignored=self.reason if self.state is EventState.IGNORED else None)


@dataclass(frozen=True, kw_only=True)
class EventDetail:
    """One event whole. `payload` is masked; None for one that was erased."""

    event: StoredEvent
    livemode: bool | None
    account: str | None
    payload: Any


@dataclass(frozen=True, kw_only=True)
class EventPage:
    """One page. `next_after` is None on the last."""

    events: Sequence[StoredEvent]
    next_after: EventPlace | None

    @property
    def reader_ids(self) -> list[str]:
        """Return whom the page names."""
        return [each.reader_id for each in self.events if each.reader_id is not None]


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """What a replay of many takes, or took: so many events, of so many customers; `more` would be left."""

    events: int
    customers: int
    more: bool


class Events:
    """Shows events and replays them. Nothing in an event is believed: a replay asks Stripe again."""

    def __init__(self, engine: Engine, syncs: Syncs, router: Router) -> None:
        self._engine = engine
        self._syncs = syncs
        self._router = router

    def page(self, query: EventQuery, size: int = PAGE) -> EventPage:
        """Return the newest events that match, at most a page of them."""
        with self._engine.connect() as connection:
            rows = store.page(connection, query, size + 1)
        shown = [_stored(row) for row in rows[:size]]
        last = shown[-1] if len(rows) > size else None
        return EventPage(
            events=shown, next_after=EventPlace(received_at=last.received_at, id=last.id) if last else None
        )

    def detail(self, event_id: str) -> EventDetail | None:
        """Return one event with its payload, or None."""
        with self._engine.connect() as connection:
            row = store.one(connection, event_id)
        if row is None:
            return None
        same = {name: getattr(row, name) for name in ("livemode", "account")}
        return EventDetail(event=_stored(row), payload=_payload(row.body), **same)

    def outlook(self, event_id: str) -> Replay:
        """Return what `replay` would come to; changes nothing."""
        with self._engine.connect() as connection:
            return _outlook(_known(connection, event_id))

    def replay(self, event_id: str, trail: Trail) -> Replay:
        """Let one event be routed, or its customer synced, at once and with a clean slate, whatever failed before."""
        with self._engine.begin() as connection:
            row = _known(connection, event_id)
            outcome = _outlook(row)
            if row is None:
                return outcome
            if outcome is Replay.RESUMED:
                self._resume(connection, event_id, row.customer_id)
            trail.record(connection, outcome=outcome.value)
        return outcome

    def stuck(self, query: EventQuery) -> Stuck:
        """Return what `replay_all` would take."""
        found, more = self._oldest(query)
        return Stuck(events=len(found), customers=len(_one_each(found)), more=more)

    def replay_all(self, query: EventQuery, trail: Trail) -> Stuck:
        """Replay the oldest events that match and are stuck in the state asked for; raises ValueError for other states.

        What it took stands in `trail`, which the caller writes: each customer is a transaction of its own.
        """
        found, more = self._oldest(query)
        once = _one_each(found)
        for row in once:
            with self._engine.begin() as connection:
                self._resume(connection, row.id, row.customer_id)
        trail.tell(events=len(found), customers=len(once))
        return Stuck(events=len(found), customers=len(once), more=more)

    def _oldest(self, query: EventQuery) -> tuple[Sequence[Any], bool]:
        if query.state not in STUCK:
            raise ValueError(f"events that are {query.state} are not stuck")
        with self._engine.connect() as connection:
            rows = store.oldest(connection, replace(query, after=None), MOST_AT_ONCE + 1)
        return rows[:MOST_AT_ONCE], len(rows) > MOST_AT_ONCE

    def _resume(self, connection: Connection, event_id: str, customer_id: str | None) -> None:
        if customer_id is None:
            self._router.resume(connection, event_id)
        else:
            self._syncs.resume(connection, customer_id)


def _known(connection: Connection, event_id: str) -> Any:
    return connection.execute(select(events.c.customer_id, events.c.status).where(events.c.id == event_id)).first()


def _outlook(row: Any) -> Replay:
    if row is None:
        return Replay.UNKNOWN
    return Replay.IGNORED if row.status == EventState.IGNORED else Replay.RESUMED


def _one_each(rows: Sequence[Any]) -> Sequence[Any]:
    """Return one event of each customer, for all of theirs are done by one sync."""
    return list({row.customer_id or row.id: row for row in rows}.values())


def _stored(row: Any) -> StoredEvent:
    values = {name: getattr(row, name) for name in StoredEvent.__dataclass_fields__}
    return StoredEvent(**values | {"state": EventState(row.state)})


def _payload(body: bytes) -> Any:
    try:
        return masked(json.loads(body))
    except (ValueError, RecursionError):  # what came in was JSON: this was erased since
        return None
