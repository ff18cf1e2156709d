"""Bring one customer's record in step with Stripe: take a turn, fetch, commit only while the turn is still ours."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, or_, select

from webhooks.failures import Backoff, summary_of
from webhooks.rows import Defer, Work, locked, mark_dirty, save
from webhooks.snapshot import CustomerSnapshot
from webhooks.tables import customer_syncs
from webhooks.turn import SyncOutcome, Turn, failed, finished, is_current, taken

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.05


class Syncs:
    """Syncs customers, each by one holder at a time, however many processes try.

    `fetch(customer_id)` asks Stripe and holds no database connection; `project(connection, snapshot)` writes the
    record inside the committing transaction; `after_commit(snapshot)` copies it onward, and may fail without harm;
    `defer` queues another sync when hints came in meanwhile. A lease of `lease_seconds` must outlast a fetch.
    """

    def __init__(
        self,
        engine: Engine,
        fetch: Callable[[str], CustomerSnapshot],
        project: Callable[[Connection, CustomerSnapshot], None],
        *,
        wall_clock: Callable[[], datetime],
        after_commit: Callable[[CustomerSnapshot], None],
        defer: Defer,
        lease_seconds: float = 60,
        backoff: Backoff | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._fetch = fetch
        self._project = project
        self._wall_clock = wall_clock
        self._after_commit = after_commit
        self._defer = defer
        self._lease = timedelta(seconds=lease_seconds)
        self._backoff = backoff or Backoff()
        self._monotonic = monotonic
        self._sleep = sleep

    def mark(self, connection: Connection, customer_id: str) -> int:
        """Note in the caller's transaction that this customer may have changed; see `rows.mark_dirty`."""
        return mark_dirty(connection, customer_id, self._wall_clock())

    def sync(self, customer_id: str, *, mark: int | None = None) -> SyncOutcome:
        """Fetch and project one customer if they are dirty (or not yet synced up to `mark`) and it is our turn.

        A failure of Stripe's or the projection's is written down with its backoff and ends as FAILED. Raises only
        what the database raises while a turn is taken or a failure written; the lease then runs out by itself.
        """
        turn = self.take(customer_id, mark=mark)
        if isinstance(turn, SyncOutcome):
            return turn
        try:
            outcome, snapshot = self._fetch_and_settle(turn)
        except Exception as error:  # whatever one customer's data does, the others must not wait for it
            return self._set_back(turn, error)
        if outcome is SyncOutcome.SYNCED:
            self._tell(snapshot)
        return outcome

    def sync_now(self, customer_id: str, timeout_seconds: float) -> SyncOutcome:
        """Sync as of this call: whoever else holds the lease is waited for, up to `timeout_seconds`; then BUSY.

        For people who wait (the return page, staff). Backoff is ignored. `fetch` bounds itself.
        """
        with self._engine.begin() as connection:
            mark = self.mark(connection, customer_id)
        deadline = self._monotonic() + timeout_seconds
        while True:
            outcome = self.sync(customer_id, mark=mark)
            if outcome not in {SyncOutcome.BUSY, SyncOutcome.SUPERSEDED} or self._monotonic() >= deadline:
                return outcome
            self._sleep(_POLL_SECONDS)

    def resume(self, connection: Connection, customer_id: str) -> None:
        """Make a customer due at once, with a clean slate: after a repair, or for one who was unknown until now."""
        self.mark(connection, customer_id)
        connection.execute(
            customer_syncs.update()
            .where(customer_syncs.c.customer_id == customer_id)
            .values(not_before=None, attempts=0, error=None)
        )
        self._defer(connection, Work.SYNC, customer_id)

    def due(self, limit: int) -> list[str]:
        """Return up to `limit` customers that are dirty, due and in nobody's hands, longest waiting first."""
        row, now = customer_syncs.c, self._wall_clock()
        waiting = (
            select(row.customer_id)
            .where(row.dirty > row.synced)
            .where(or_(row.leased_until.is_(None), row.leased_until <= now))
            .where(or_(row.not_before.is_(None), row.not_before <= now))
            .order_by(row.dirty_since)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return list(connection.scalars(waiting))

    def take(self, customer_id: str, *, mark: int | None = None) -> Turn | SyncOutcome:
        """Take the customer's lease and a new ticket, in a short transaction of its own."""
        with self._engine.begin() as connection:
            row = locked(connection, customer_id)
            if row is None:
                return SyncOutcome.CLEAN
            result = taken(row, self._wall_clock(), lease=self._lease, mark=mark)
            if isinstance(result, SyncOutcome):
                return result
            save(connection, result[0])
            return result[1]

    def settle(self, turn: Turn, snapshot: CustomerSnapshot) -> SyncOutcome:
        """Commit what was fetched on `turn`, or nothing at all when a newer ticket has been given out."""
        with self._engine.begin() as connection:
            row = locked(connection, turn.customer_id)
            if row is None or not is_current(row, turn):
                return SyncOutcome.SUPERSEDED
            self._project(connection, snapshot)
            save(connection, finished(row, turn, self._wall_clock()))
            if row.dirty > turn.dirty:
                self._defer(connection, Work.SYNC, turn.customer_id)
        return SyncOutcome.SYNCED

    def _fetch_and_settle(self, turn: Turn) -> tuple[SyncOutcome, CustomerSnapshot]:
        snapshot = self._fetch(turn.customer_id)
        return self.settle(turn, snapshot), snapshot

    def _set_back(self, turn: Turn, error: Exception) -> SyncOutcome:
        summary = summary_of(error)
        with self._engine.begin() as connection:
            row = locked(connection, turn.customer_id)
            if row is None or not is_current(row, turn):
                return SyncOutcome.SUPERSEDED
            setback = self._backoff.after(row.attempts, error)
            save(connection, failed(row, setback, summary, self._wall_clock()))
        _log.warning(
            "sync.failed", extra={"customer_id": turn.customer_id, "error": summary, "attempts": setback.attempts}
        )
        return SyncOutcome.FAILED

    def _tell(self, snapshot: CustomerSnapshot) -> None:
        try:
            self._after_commit(snapshot)
        except Exception as error:  # the record is committed; the outbox of unpublished versions is swept later
            _log.warning(
                "sync.after_commit_failed",
                extra={"customer_id": snapshot.customer_id, "error": summary_of(error)},
            )
