"""One customer at a time: the rules of a turn, without a database.

A turn is a ticket and the `dirty` it read. Only the newest ticket may commit, so a slow holder whose lease ran out
cannot overwrite what a later look at Stripe has found. The lease only saves work; the ticket keeps order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from webhooks.failures import Setback


class SyncOutcome(StrEnum):
    """How a sync ended; every one is an ordinary end."""

    SYNCED = "synced"
    CLEAN = "clean"
    BUSY = "busy"
    BACKING_OFF = "backing_off"
    FAILED = "failed"
    SUPERSEDED = "superseded"

    @property
    def up_to_date(self) -> bool:
        """Tell whether our record now reflects Stripe's as of the call or later."""
        return self in {SyncOutcome.SYNCED, SyncOutcome.CLEAN}


@dataclass(frozen=True, kw_only=True)
class SyncRow:
    """A row of `customer_syncs`."""

    customer_id: str
    dirty: int = 0
    synced: int = 0
    ticket: int = 0
    leased_until: datetime | None = None
    not_before: datetime | None = None
    attempts: int = 0
    error: str | None = None
    dirty_since: datetime | None = None
    synced_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Turn:
    """The right to commit what is fetched from now on, while `ticket` is the row's newest."""

    customer_id: str
    ticket: int
    dirty: int
    taken_at: datetime


def taken(
    row: SyncRow, now: datetime, *, lease: timedelta, mark: int | None = None
) -> tuple[SyncRow, Turn] | SyncOutcome:
    """Return the row with a new ticket and lease, and the turn; or why there is none to take.

    With a `mark` someone is waiting for that very hint to be synced: backoff is overruled, later hints don't matter.
    """
    if row.synced >= (row.dirty if mark is None else mark):
        return SyncOutcome.CLEAN
    if row.leased_until is not None and now < row.leased_until:
        return SyncOutcome.BUSY
    if mark is None and row.not_before is not None and now < row.not_before:
        return SyncOutcome.BACKING_OFF
    turn = Turn(customer_id=row.customer_id, ticket=row.ticket + 1, dirty=row.dirty, taken_at=now)
    return replace(row, ticket=turn.ticket, leased_until=now + lease), turn


def is_current(row: SyncRow, turn: Turn) -> bool:
    """Tell whether `turn` may still commit."""
    return row.ticket == turn.ticket


def finished(row: SyncRow, turn: Turn, now: datetime) -> SyncRow:
    """Return the row after a successful sync: clean up to what the turn had read, free, without a failure."""
    # A hint that came meanwhile is at least as young as the turn, so its age is never shown too small.
    dirty_since = turn.taken_at if row.dirty > turn.dirty else None
    return replace(
        row, synced=turn.dirty, synced_at=now, dirty_since=dirty_since, leased_until=None, not_before=None, attempts=0,
        error=None,
    )  # fmt: skip


def failed(row: SyncRow, setback: Setback, error: str, now: datetime) -> SyncRow:
    """Return the row after a failed sync: still dirty, free, and left alone for a while."""
    return replace(row, leased_until=None, not_before=now + setback.delay, attempts=setback.attempts, error=error)
