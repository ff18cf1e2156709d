"""Events that name no customer: ask Stripe whom they concern, then mark them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import stripe
from sqlalchemy import Connection, Engine, Row, or_, select

from webhooks.concern import COLLECTIONS, Concern, Reference, customer_of, leads_of
from webhooks.events import Refusal, parse
from webhooks.failures import Backoff, PermanentFailure, summary_of, translated
from webhooks.rows import FORGOTTEN_REASON, NOTHING, Defer, Forgotten, Work, hint_by, nobody_forgotten
from webhooks.tables import events

_log = logging.getLogger(__name__)
_MAX_LOOKUPS = 6

Ask = Callable[[Reference], Mapping[str, Any]]
"""Returns an object at Stripe as plain JSON; raises StripeFailure."""

LastHeldBy = Callable[[Reference], str | None]
"""Returns the customer whose an object was when they were last synced, where Stripe itself says it no more; or None."""


def held_by_nobody(_reference: Reference) -> str | None:
    """Tell of nobody: for who keeps no record."""
    return None


class RouteOutcome(StrEnum):
    """How a routing ended; every one is an ordinary end."""

    ROUTED = "routed"
    IGNORED = "ignored"
    SETTLED = "settled"
    BACKING_OFF = "backing_off"
    FAILED = "failed"
    QUARANTINED = "quarantined"


def asker(client: stripe.StripeClient) -> Ask:
    """Return a function that reads any object of `COLLECTIONS` through `client`."""

    def ask(reference: Reference) -> Mapping[str, Any]:
        path = f"/v1/{COLLECTIONS[reference.kind]}/{quote(reference.id, safe='')}"
        with translated():
            response = client.raw_request("get", path)
        found: Mapping[str, Any] = response.data
        return found

    return ask


def whom(about: Mapping[str, Any], ask: Ask, last_held_by: LastHeldBy = held_by_nobody) -> Concern:
    """Return the customer that an event's object leads to at Stripe, or why none does.

    A lead that Stripe does not know is passed over. Should no other lead to anybody, its failure is raised: it may be
    known a moment later. A detached payment method has no customer any more, so our own record is asked for its last.
    """
    seen: set[Reference] = set()
    leads, unknown = leads_of(about), None
    while leads and len(seen) < _MAX_LOOKUPS:
        lead = leads.pop(0)
        if lead in seen:
            continue
        seen.add(lead)
        try:
            found = ask(lead)
        except PermanentFailure as failure:
            if failure.status != HTTPStatus.NOT_FOUND:
                raise
            found, unknown = {}, unknown or failure
        customer_id = customer_of(found) or last_held_by(lead)
        if customer_id is not None:
            return Concern(customer_id=customer_id)
        leads += leads_of(found)
    if unknown is not None:
        raise unknown
    return Concern(ignored="names_no_customer")


class Router:
    """Routes stored events; failures back off, and one that fails for good is quarantined until resumed."""

    def __init__(
        self,
        engine: Engine,
        ask: Ask,
        *,
        wall_clock: Callable[[], datetime],
        defer: Defer,
        backoff: Backoff | None = None,
        forgotten: Forgotten = nobody_forgotten,
        last_held_by: LastHeldBy = held_by_nobody,
    ) -> None:
        self._engine = engine
        self._ask = ask
        self._last_held_by = last_held_by
        self._wall_clock = wall_clock
        self._defer = defer
        self._backoff = backoff or Backoff()
        self._forgotten = forgotten

    def route(self, event_id: str) -> RouteOutcome:
        """Bind one event to its customer, asking Stripe with no database connection held; safe to repeat."""
        with self._engine.connect() as connection:
            event = self._unrouted(connection, event_id)
        if event is None:
            return RouteOutcome.SETTLED
        if event.not_before is not None and self._wall_clock() < event.not_before:
            return RouteOutcome.BACKING_OFF
        try:
            concern = self._concern(event.body)
        except Exception as error:  # a poison event ends here, quarantined; it must not come back as a crash
            return self._set_back(event_id, error)
        return self._settle(event_id, concern)

    def due(self, limit: int) -> list[str]:
        """Return up to `limit` events that wait to be routed and are not backing off, oldest first."""
        column, now = events.c, self._wall_clock()
        waiting = (
            select(column.id)
            .where(column.status == "pending", column.customer_id.is_(None))
            .where(or_(column.not_before.is_(None), column.not_before <= now))
            .order_by(column.received_at)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return list(connection.scalars(waiting))

    def resume(self, connection: Connection, event_id: str) -> bool:
        """Let a quarantined or waiting event be routed at once; False when it is routed, ignored or unknown."""
        revived = connection.execute(
            events.update()
            .where(events.c.id == event_id, events.c.customer_id.is_(None))
            .where(events.c.status.in_(["pending", "quarantined"]))
            .values(status="pending", reason=None, attempts=0, not_before=None)
        )
        if revived.rowcount:
            self._defer(connection, Work.ROUTE, event_id)
        return bool(revived.rowcount)

    def _concern(self, body: bytes) -> Concern:
        event = parse(body)
        if isinstance(event, Refusal):
            return Concern(ignored=event.reason)
        return whom(event.about, self._ask, self._last_held_by)

    def _settle(self, event_id: str, concern: Concern) -> RouteOutcome:
        with self._engine.begin() as connection:
            if self._unrouted(connection, event_id, lock=True) is None:
                return RouteOutcome.SETTLED
            if concern.customer_id is None:
                self._write(connection, event_id, status="ignored", reason=concern.ignored)
                return RouteOutcome.IGNORED
            if self._forgotten(connection, concern.customer_id):
                self._write(connection, event_id, status="ignored", reason=FORGOTTEN_REASON, body=NOTHING)
                return RouteOutcome.IGNORED
            hint_by(connection, event_id, concern.customer_id, self._wall_clock(), self._defer)
        return RouteOutcome.ROUTED

    def _set_back(self, event_id: str, error: Exception) -> RouteOutcome:
        summary = summary_of(error)
        with self._engine.begin() as connection:
            event = self._unrouted(connection, event_id, lock=True)
            if event is None:
                return RouteOutcome.SETTLED
            setback = self._backoff.after(event.attempts, error)
            parked = setback.attempts >= self._backoff.park_after
            self._write(
                connection,
                event_id,
                status="quarantined" if parked else "pending",
                reason=summary,
                attempts=setback.attempts,
                not_before=self._wall_clock() + setback.delay,
            )
        _log.warning(
            "event.routing_failed", extra={"event_id": event_id, "error": summary, "attempts": setback.attempts}
        )
        return RouteOutcome.QUARANTINED if parked else RouteOutcome.FAILED

    @staticmethod
    def _unrouted(connection: Connection, event_id: str, *, lock: bool = False) -> Row[Any] | None:
        found = select(events).where(
            events.c.id == event_id, events.c.status == "pending", events.c.customer_id.is_(None)
        )
        return connection.execute(found.with_for_update() if lock else found).one_or_none()

    @staticmethod
    def _write(connection: Connection, event_id: str, **values: object) -> None:
        connection.execute(events.update().where(events.c.id == event_id).values(**values))
