"""The event inbox: stored, marked and queued in one transaction, before Stripe is told 200."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Connection, Engine, exc
from sqlalchemy.dialects.postgresql import insert

from webhooks.concern import Concern, concern_of
from webhooks.events import StripeEvent
from webhooks.rows import Defer, Work, hint_by
from webhooks.tables import events

_log = logging.getLogger(__name__)
_STORE = insert(events).on_conflict_do_nothing(index_elements=[events.c.id]).returning(events.c.id)


class Stored(StrEnum):
    """What storing an event led to."""

    MARKED = "marked"
    TO_ROUTE = "to_route"
    IGNORED = "ignored"
    DUPLICATE = "duplicate"


class NotStored(Exception):
    """The event is not in the record; Stripe must send it again. Its text is the cause's class."""


class Guard(Protocol):
    """A circuit breaker: says whether PostgreSQL is worth asking, and is told how that went."""

    def allows(self) -> bool: ...
    def succeeded(self) -> None: ...
    def failed(self) -> None: ...


class Unguarded:
    """Always asks."""

    def allows(self) -> bool:
        return True

    def succeeded(self) -> None:
        """Learn nothing."""

    def failed(self) -> None:
        """Learn nothing."""


class Inbox:
    """Takes verified events in, for a service whose Stripe key is of `livemode`.

    Each event that waits for a frozen PostgreSQL holds a thread that decisions need; so `guard` lets few wait.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        livemode: bool,
        wall_clock: Callable[[], datetime],
        defer: Defer,
        guard: Guard | None = None,
    ) -> None:
        self._engine = engine
        self._livemode = livemode
        self._wall_clock = wall_clock
        self._defer = defer
        self._guard = guard or Unguarded()

    def store(self, event: StripeEvent) -> Stored:
        """Store `event` and mark whom it concerns; one already stored changes nothing.

        Raises NotStored whatever went wrong: the transaction is undone, so the event is either wholly in or not at all.
        """
        if not self._guard.allows():
            raise NotStored("LeftAlone")
        try:
            with self._engine.begin() as connection:
                outcome = self.store_in(connection, event)
        except Exception as error:
            self._note(error)
            _log.warning("event.not_stored", extra={"event_id": event.id, "error": type(error).__name__})
            raise NotStored(type(error).__name__) from error
        self._guard.succeeded()
        return outcome

    def _note(self, error: Exception) -> None:
        """Tell the guard whether PostgreSQL did not answer, or answered that this one event cannot be stored."""
        away = isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError)
        (self._guard.failed if away else self._guard.succeeded)()

    def store_in(self, connection: Connection, event: StripeEvent) -> Stored:
        """Do the same in the caller's transaction, letting the database's errors through: for the backfill."""
        concern = concern_of(event, livemode=self._livemode)
        now = self._wall_clock()
        if not _inserted(connection, event, concern, now):
            return Stored.DUPLICATE
        if concern.ignored is not None:
            return Stored.IGNORED
        if concern.customer_id is None:
            self._defer(connection, Work.ROUTE, event.id)
            return Stored.TO_ROUTE
        hint_by(connection, event.id, concern.customer_id, now, self._defer)
        return Stored.MARKED


def _inserted(connection: Connection, event: StripeEvent, concern: Concern, now: datetime) -> bool:
    # A second delivery at the same moment waits here for the first one's commit, then finds the row.
    row = {
        "id": event.id,
        "type": event.type,
        "created_at": event.created_at,
        "received_at": now,
        "livemode": event.livemode,
        "api_version": event.api_version,
        "account": event.account,
        "body": event.body,
        "status": "pending" if concern.ignored is None else "ignored",
        "reason": concern.ignored,
        "customer_id": concern.customer_id if concern.ignored else None,  # else together with its mark
    }
    return connection.execute(_STORE, row).one_or_none() is not None
