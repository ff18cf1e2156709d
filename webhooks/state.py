"""What has become of the events: their state, derived, and the age of the oldest one still waiting."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, FromClause, case, func, literal, select, union_all

from webhooks.tables import customer_syncs, events


class EventState(StrEnum):
    """What has become of an event. One that `failed` is tried again by itself, a quarantined one hardly ever."""

    PENDING = "pending"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    DONE = "done"
    IGNORED = "ignored"


def events_with_syncs() -> FromClause:
    """Return events joined with their customers' rows: what `event_state` is to be selected from."""
    return events.outerjoin(customer_syncs, customer_syncs.c.customer_id == events.c.customer_id)


def event_state(*, park_after: int) -> ColumnElement[str]:
    """Return the SQL of an event's state, one of `EventState`.

    Done is derived: the customer was synced up to the event's mark. An event that waits has failed as often as its
    customer's sync, or, as long as it has no customer, its routing. One whose customer failed `park_after` times is
    quarantined, though still retried slowly. `park_after` is the Backoff's.
    """
    failures = func.coalesce(customer_syncs.c.attempts, events.c.attempts)
    return case(
        (events.c.status.in_(["ignored", "quarantined"]), events.c.status),
        (customer_syncs.c.synced >= events.c.mark, literal("done")),
        (failures >= park_after, literal("quarantined")),
        (failures > 0, literal("failed")),
        else_=literal("pending"),
    )


def oldest_unprocessed_seconds(connection: Connection, wall_now: datetime) -> float:
    """Return the age of the oldest hint not yet applied, customers to sync and events to route; 0 when none waits."""
    waiting = union_all(
        select(customer_syncs.c.dirty_since.label("since")).where(customer_syncs.c.dirty > customer_syncs.c.synced),
        select(events.c.received_at).where(events.c.status == "pending", events.c.customer_id.is_(None)),
    ).subquery()
    since: datetime | None = connection.scalar(select(func.min(waiting.c.since)))
    return max(0.0, (wall_now - since).total_seconds()) if since else 0.0
