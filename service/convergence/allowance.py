"""Half of Stripe's read allowance for long work, shared by all processes; live work asks nobody.

Stripe allows 100 reads a second in live mode and 25 in test mode (https://docs.stripe.com/rate-limits). The share is
a token bucket in PostgreSQL, which long work needs anyway: Redis may be down, and a webhook's sync never waits here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import stripe_allowances

_FURTHEST = timedelta(seconds=60)
"""A queue longer than this is none: somebody set the database's clock back."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """So many calls `per_second`, of which `burst` may come at once after a rest."""

    per_second: float
    burst: int

    @property
    def interval(self) -> timedelta:
        """Return the time in which one call is earned."""
        return timedelta(seconds=1 / self.per_second)


def long_work_rate(*, livemode: bool) -> Rate:
    """Return half of what Stripe allows."""
    return Rate(per_second=50, burst=10) if livemode else Rate(per_second=12.5, burst=10)


def reserve(free_at: datetime, now: datetime, rate: Rate) -> tuple[datetime, timedelta]:
    """Take one token from a bucket that is full again at `free_at`.

    Returns the new instant at which it is full, and how long to wait before making the call: every caller is given
    its own place in the queue at once, so none starves and none asks twice.
    """
    full_at = now if free_at > now + _FURTHEST else max(free_at, now)
    owed = full_at + rate.interval
    return owed, max(timedelta(0), owed - rate.burst * rate.interval - now)


class Allowance:
    """The shared bucket of one name; call `wait` before each call to Stripe."""

    def __init__(
        self, engine: Engine, rate: Rate, *, name: str = "long_work", sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._engine = engine
        self._rate = rate
        self._name = name
        self._sleep = sleep

    def wait(self) -> None:
        """Return when a call may be made. Time is the database's own, for the machines' clocks differ."""
        with self._engine.begin() as connection:
            free_at, now = self._locked(connection)
            owed, delay = reserve(free_at, now, self._rate)
            connection.execute(
                update(stripe_allowances).where(stripe_allowances.c.name == self._name).values(free_at=owed)
            )
        if delay:
            self._sleep(delay.total_seconds())

    def _locked(self, connection: Connection) -> tuple[datetime, datetime]:
        fresh = insert(stripe_allowances).values(name=self._name, free_at=func.clock_timestamp())
        connection.execute(fresh.on_conflict_do_nothing())
        row = select(stripe_allowances.c.free_at).where(stripe_allowances.c.name == self._name).with_for_update()
        free_at: datetime = connection.execute(row).scalar_one()
        # Read once the row is ours: while waiting for it, time went on.
        now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return free_at, now
