"""How the inbox stands: what waits and since when, what is stuck, and what becomes of the newest events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from service.clocks import Clock
from service.store import errands
from service.store import event_search as store
from service.store.errands import Backlog
from service.store.event_search import EventQuery
from webhooks.state import EventState, oldest_unprocessed_seconds
from webhooks.tables import backfill_cursors, events

COUNTED = 10_000
"""Nothing is counted further: who has so many stuck events does not need the exact number."""
BEHIND_SECONDS = 300
"""Past this age of the oldest event, something is wrong (docs/operations.md, "Watching it")."""
WALL = "wall"
"""The backfill's track in wall time."""


@dataclass(frozen=True, kw_only=True)
class InboxHealth:
    """As of `as_of`, wall time. A count of `COUNTED` stands for that many or more."""

    as_of: datetime
    oldest_seconds: float
    """How long the oldest hint has waited; 0 when nothing waits."""
    counts: Mapping[EventState, int]
    """Of every state but done."""
    newest: Mapping[EventState, int]
    """Of the newest events, at most `NEWEST`, by state."""
    newest_since: datetime | None
    last_received_at: datetime | None
    followed_until: datetime | None
    """Up to when Stripe's own list of events was last compared with ours."""
    errands: Sequence[Backlog]
    """What is still to be done at Stripe by itself, by kind."""

    @property
    def behind(self) -> bool:
        """Tell whether the backlog is older than it should ever be."""
        return self.oldest_seconds > BEHIND_SECONDS


class InboxReport:
    """Tells how the inbox stands, as of the wall clock."""

    def __init__(self, engine: Engine, wall_clock: Clock) -> None:
        self._engine = engine
        self._wall_clock = wall_clock

    def health(self) -> InboxHealth:
        """Return how it stands now."""
        now = self._wall_clock()
        counted = [state for state in EventState if state is not EventState.DONE]
        followed = select(backfill_cursors.c.reached_at).where(backfill_cursors.c.name == WALL)
        with self._engine.connect() as connection:
            newest, since = store.newest_by_state(connection)
            return InboxHealth(
                as_of=now,
                oldest_seconds=oldest_unprocessed_seconds(connection, now),
                counts={state: store.count(connection, EventQuery(state=state), COUNTED) for state in counted},
                newest=newest,
                newest_since=since,
                last_received_at=connection.scalar(select(func.max(events.c.received_at))),
                followed_until=connection.scalar(followed),
                errands=[kind.backlog(connection) for kind in errands.ALL],
            )
