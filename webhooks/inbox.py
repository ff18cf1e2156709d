"""The event inbox: stored, marked and queued in one transaction, before Stripe is told 200."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Engine, exc

from webhooks import rows
from webhooks.alarms import OTHER_VERSION, alarm_of, is_of_other_version
from webhooks.concern import Concern, concern_of
from webhooks.events import StripeEvent
from webhooks.rows import FORGOTTEN_REASON, NOTHING, Defer, Forgotten, Work, nobody_forgotten

_log = logging.getLogger(__name__)


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


def _unheard(_: str) -> None:
    """Tell nobody."""


class Inbox:
    """Takes verified events in, for a service whose Stripe key is of `livemode`; `alarm` is told one of ALARMS.

    Each event that waits for a frozen PostgreSQL holds a thread that decisions need; so `guard` lets few wait. Of a
    customer who is `forgotten` nothing but the event's id is kept.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        livemode: bool,
        wall_clock: Callable[[], datetime],
        defer: Defer,
        guard: Guard | None = None,
        alarm: Callable[[str], None] = _unheard,
        forgotten: Forgotten = nobody_forgotten,
    ) -> None:
        self._engine = engine
        self._livemode = livemode
        self._wall_clock = wall_clock
        self._defer = defer
        self._guard = guard or Unguarded()
        self._alarm = alarm
        self._forgotten = forgotten

    def store(self, event: StripeEvent) -> Stored:
        """Store `event` and mark whom it concerns; one already stored changes nothing.

        Raises NotStored whatever went wrong: the transaction is undone, so the event is either wholly in or not at all.
        """
        if not self._guard.allows():
            raise NotStored("LeftAlone")
        try:
            outcome = self.take_in(event)
            if outcome is not Stored.DUPLICATE and is_of_other_version(event):
                self._alarm(OTHER_VERSION)
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

    def take_in(self, event: StripeEvent) -> Stored:
        """Do the same, letting the database's errors through: for the backfill."""
        concern = concern_of(event, livemode=self._livemode)
        with self._engine.connect() as connection:
            if concern.customer_id is not None and self._forgotten(connection, concern.customer_id):
                concern, event = Concern(ignored=FORGOTTEN_REASON), replace(event, body=NOTHING)
            to_sync = rows.store(connection, self._wall_clock(), **_row(event, concern))
            if to_sync is None:
                return Stored.DUPLICATE
            outcome = _outcome(concern)
            if outcome is Stored.TO_ROUTE:
                self._defer(connection, Work.ROUTE, event.id)
            elif to_sync and concern.customer_id is not None:
                self._defer(connection, Work.SYNC, concern.customer_id)
            connection.commit()
        if (alarm := alarm_of(event, concern)) is not None:
            _log.warning("event.alarming", extra={"event_id": event.id, "event_type": event.type, "alarm": alarm})
            self._alarm(alarm)
        return outcome


def _outcome(concern: Concern) -> Stored:
    if concern.ignored is not None:
        return Stored.IGNORED
    return Stored.TO_ROUTE if concern.customer_id is None else Stored.MARKED


def _row(event: StripeEvent, concern: Concern) -> dict[str, object]:
    return {
        "id": event.id,
        "type": event.type,
        "created_at": event.created_at,
        "livemode": event.livemode,
        "api_version": event.api_version,
        "account": event.account,
        "body": event.body,
        "status": "pending" if concern.ignored is None else "ignored",
        "reason": concern.ignored,
        "customer_id": concern.customer_id,
    }
