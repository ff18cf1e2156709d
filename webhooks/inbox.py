"""The event inbox: stored, marked and queued in one transaction, before Stripe is told 200."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Engine, exc

from webhooks.alarms import OTHER_VERSION, alarm_of, is_of_other_version
from webhooks.concern import Concern, concern_of
from webhooks.events import StripeEvent
from webhooks.taking_in import ForgottenSql, Taken, TakingIn

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
    customer who is `forgotten` nothing but the event's id is kept. `queue` as in `TakingIn`.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        livemode: bool,
        wall_clock: Callable[[], datetime],
        queue: str,
        guard: Guard | None = None,
        alarm: Callable[[str], None] = _unheard,
        forgotten: ForgottenSql | None = None,
    ) -> None:
        self._taking_in = TakingIn(engine, queue=queue, forgotten=forgotten or ForgottenSql())
        self._livemode = livemode
        self._wall_clock = wall_clock
        self._guard = guard or Unguarded()
        self._alarm = alarm

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
        taken = self._taking_in.take(_row(event, concern), self._wall_clock())
        if taken is None:
            return Stored.DUPLICATE
        if (alarm := alarm_of(event, taken.reason)) is not None:
            _log.warning("event.alarming", extra={"event_id": event.id, "event_type": event.type, "alarm": alarm})
            self._alarm(alarm)
        return _outcome(taken)


def _outcome(taken: Taken) -> Stored:
    if taken.status == "ignored":
        return Stored.IGNORED
    return Stored.TO_ROUTE if taken.customer_id is None else Stored.MARKED


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
