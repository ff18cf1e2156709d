"""Events that no webhook brought, found in Stripe's own list of them and taken in as if one had.

Sources: https://docs.stripe.com/api/events/list (events of the last 30 days, newest first, at the API version they
were made with; `created[gte]`, `created[lte]`, `starting_after`). Ids are not in order and `created` is whole seconds,
so what was missed can only be found by looking again at windows of time that overlap.

The list is account-wide and has no `test_clock` filter, unlike customers and subscriptions: it holds events of
objects on test clocks too. What happens on a test clock may be stamped with the clock's time (the sandbox's stand-in
stamps it so; Stripe's documentation is silent), so a service that follows a clock reads along two tracks, each with
its own time and cursor: the wall's, and the clock's.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import stripe
from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.dialects.postgresql import insert

from webhooks.events import Refusal, parse
from webhooks.failures import translated
from webhooks.inbox import Inbox, Stored
from webhooks.tables import backfill_cursors, events

_log = logging.getLogger(__name__)

KEPT = timedelta(days=30)
"""How long Stripe keeps events."""
OVERLAP = timedelta(minutes=30)
"""How far each window reaches back into the one before: an event may be listed later than it is stamped."""
_PAGE = 100
_SHORTEST_WINDOW = timedelta(hours=1)
_MOST_WINDOWS = 30

Progress = Callable[[int, int], None]
"""Is told (steps done, steps in all)."""


@dataclass(frozen=True)
class Track:
    """A time in which events are stamped: `clock` tells it, `depth` is how far back a first look goes."""

    name: str
    clock: Callable[[], datetime]
    depth: timedelta = KEPT


@dataclass(frozen=True)
class Window:
    """An inclusive stretch of `created`; the window before it ended at `begins_at`."""

    begins_at: datetime
    ends_at: datetime

    def created(self) -> dict[str, int]:
        """Return it as Stripe's filter, reaching back over the overlap."""
        earliest = max(0, int((self.begins_at - OVERLAP).timestamp()))
        return {"gte": earliest, "lte": int(self.ends_at.timestamp())}


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a run found. `new` are events that no webhook had brought; `finished` is False when it was stopped."""

    listed: int
    new: int
    finished: bool


def windows(begins_at: datetime, ends_at: datetime) -> list[Window]:
    """Cut a stretch of time into at most thirty windows, none shorter than an hour but the last."""
    length = max(_SHORTEST_WINDOW, (ends_at - begins_at) / _MOST_WINDOWS)
    edges = [begins_at]
    while ends_at - edges[-1] > length:
        edges.append(edges[-1] + length)
    return [Window(*pair) for pair in pairwise([*edges, max(begins_at, ends_at)])]


class Backfill:
    """Reads Stripe's events through `client`, whose pace the caller has set, and stores what is new."""

    def __init__(
        self,
        engine: Engine,
        client: stripe.StripeClient,
        inbox: Inbox,
        tracks: Sequence[Track],
        *,
        types: Sequence[str] = (),
    ) -> None:
        if len(types) > 20:
            raise ValueError("Stripe filters by at most 20 types; leave them out for all")
        self._engine = engine
        self._client = client
        self._inbox = inbox
        self._tracks = tuple(tracks)
        self._types = tuple(types)

    def follow(self, *, progress: Progress | None = None, stopped: Callable[[], bool] = lambda: False) -> Found:
        """Look at what was stamped since the last time, overlapping it; the first time, at all that Stripe keeps.

        Raises StripeFailure, or what the database raises; the windows done before are not looked at again.
        """
        plans = [(track.name, self._begins_at(track.name, track, track.depth), track) for track in self._tracks]
        return self._run(plans, progress, stopped)

    def look_back(
        self, days: int, *, progress: Progress | None = None, stopped: Callable[[], bool] = lambda: False
    ) -> Found:
        """Look at the last `days` whatever was looked at before; an unfinished look back of as many days goes on."""
        plans = []
        for track in self._tracks:
            name = f"{track.name}, {days} days back"
            plans.append((name, self._begins_at(name, track, timedelta(days=days)), track))
        found = self._run(plans, progress, stopped)
        if found.finished:
            with self._engine.begin() as connection:
                names = [name for name, _, _ in plans]
                connection.execute(delete(backfill_cursors).where(backfill_cursors.c.name.in_(names)))
        return found

    def _run(
        self, plans: list[tuple[str, datetime, Track]], progress: Progress | None, stopped: Callable[[], bool]
    ) -> Found:
        steps = [(name, window) for name, begins_at, track in plans for window in windows(begins_at, track.clock())]
        counts = Counter[str]()
        for done, (name, window) in enumerate(steps):
            if stopped():
                return _found(counts, finished=False)
            self._take_in(window, counts)
            self._save(name, window.ends_at)
            if progress is not None:
                progress(done + 1, len(steps))
        return _found(counts, finished=True)

    def _take_in(self, window: Window, counts: Counter[str]) -> None:
        for page in self._pages(window):
            known = self._known([each["id"] for each in page])
            counts["listed"] += len(page)
            for each in page:
                if each["id"] not in known and self._store(each):
                    counts["new"] += 1

    def _pages(self, window: Window) -> Iterator[list[dict[str, Any]]]:
        params: dict[str, Any] = {"created": window.created(), "limit": _PAGE}
        if self._types:
            params["types"] = list(self._types)
        while True:
            with translated():
                answer = self._client.raw_request("get", "/v1/events", **params).data
            yield answer["data"]
            if not answer["has_more"] or not answer["data"]:
                return
            params["starting_after"] = answer["data"][-1]["id"]

    def _known(self, ids: list[str]) -> set[str]:
        with self._engine.connect() as connection:
            return set(connection.scalars(select(events.c.id).where(events.c.id.in_(ids))))

    def _store(self, value: dict[str, Any]) -> bool:
        event = parse(json.dumps(value).encode())
        if isinstance(event, Refusal):
            _log.warning("backfill.refused", extra={"reason": event.reason})
            return False
        # A transaction for each: together they would lock many customers, in an order that a webhook may cross.
        outcome = self._inbox.take_in(event)
        _log.info("backfill.found", extra={"event_id": event.id, "event_type": event.type, "outcome": outcome.value})
        return outcome is not Stored.DUPLICATE

    def _begins_at(self, name: str, track: Track, depth: timedelta) -> datetime:
        """Return where to go on. A cursor ahead of the clock was set by one that was wrong: it counts as none.

        Believed, it would hide for good what is stamped before it.
        """
        reached, now = self._reached(name), track.clock()
        return now - depth if reached is None or reached > now + OVERLAP else reached

    def _reached(self, name: str) -> datetime | None:
        with self._engine.connect() as connection:
            return connection.scalar(select(backfill_cursors.c.reached_at).where(backfill_cursors.c.name == name))

    def _save(self, name: str, reached_at: datetime) -> None:
        with self._engine.begin() as connection:
            _upsert(connection, name, reached_at)


def _upsert(connection: Connection, name: str, reached_at: datetime) -> None:
    statement = insert(backfill_cursors).values(name=name, reached_at=reached_at)
    changed = {"reached_at": statement.excluded.reached_at}
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=changed))


def _found(counts: Counter[str], *, finished: bool) -> Found:
    return Found(listed=counts["listed"], new=counts["new"], finished=finished)
