"""Stored events as people see them: what became of each, and another try for those that are stuck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Engine, func, select

from service.support.meanings import meaning_of
from webhooks.failures import Backoff
from webhooks.routing import Router
from webhooks.state import event_state, events_with_syncs
from webhooks.syncs import Syncs
from webhooks.tables import customer_syncs, events

PARK_AFTER = Backoff().park_after


class EventState(StrEnum):
    PENDING = "pending"
    DONE = "done"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"


class Replay(StrEnum):
    """What a replay of one event came to."""

    RESUMED = "resumed"
    IGNORED = "ignored"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class StoredEvent:
    """One line of the list. `reason` is why it was ignored, or what failed last."""

    id: str
    type: str
    state: EventState
    reason: str | None
    customer_id: str | None
    received_at: datetime
    api_version: str | None

    @property
    def meaning(self) -> str:
        """What such an event means for a reader, or why nothing follows from this one, in a sentence."""
        return meaning_of(self.type, ignored=self.reason if self.state is EventState.IGNORED else None)


class Events:
    """Lists events and replays them. Nothing in an event is believed: a replay asks Stripe again."""

    def __init__(self, engine: Engine, syncs: Syncs, router: Router) -> None:
        self._engine = engine
        self._syncs = syncs
        self._router = router

    def list(self, state: EventState | None = None, *, limit: int = 50) -> Sequence[StoredEvent]:
        """Return the newest events, all or those of one state."""
        found = event_state(park_after=PARK_AFTER)
        query = select(
            events.c.id,
            events.c.type,
            found.label("state"),
            func.coalesce(events.c.reason, customer_syncs.c.error).label("reason"),
            events.c.customer_id,
            events.c.received_at,
            events.c.api_version,
        ).select_from(events_with_syncs())
        if state is not None:
            query = query.where(found == state)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(events.c.received_at.desc(), events.c.id).limit(limit)).mappings()
            return [StoredEvent(**{**row, "state": EventState(row["state"])}) for row in rows]

    def replay(self, event_id: str) -> Replay:
        """Let one event be routed, or its customer synced, at once and with a clean slate, whatever failed before."""
        query = select(events.c.customer_id, events.c.status).where(events.c.id == event_id)
        with self._engine.begin() as connection:
            row = connection.execute(query).first()
            if row is None:
                return Replay.UNKNOWN
            if row.status == EventState.IGNORED:
                return Replay.IGNORED
            self._resume(connection, event_id, row.customer_id)
        return Replay.RESUMED

    def replay_all(self, state: EventState) -> int:
        """Replay every event that is pending or quarantined now; return how many they are."""
        stuck = event_state(park_after=PARK_AFTER) == state
        query = select(events.c.id, events.c.customer_id).select_from(events_with_syncs()).where(stuck)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        # A customer's events are all done by one sync.
        one_each = {row.customer_id or row.id: row for row in rows}
        for row in one_each.values():
            with self._engine.begin() as connection:
                self._resume(connection, row.id, row.customer_id)
        return len(rows)

    def _resume(self, connection: Connection, event_id: str, customer_id: str | None) -> None:
        if customer_id is None:
            self._router.resume(connection, event_id)
        else:
            self._syncs.resume(connection, customer_id)
