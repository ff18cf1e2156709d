"""A whole newsroom in virtual time: Stripe, the service, what travels between them, and who reads."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import redis
from sqlalchemy import create_engine, inspect, select, text

from sandbox.simulation.at_stripe import AtStripe
from sandbox.simulation.paywall import Paywall, build_paywall
from sandbox.simulation.virtual_time import VirtualTime
from sandbox.standin.billing.policy import BillingPolicy
from sandbox.standin.store import Json
from service.store.tables import accounts

STARTS_AT = 1_794_830_400  # 2026-11-16T12:00:00Z
SWEEP_SECONDS = 10
"""How late a sweep may be."""
_KEPT = ("alembic_version", "audit", "stripe_allowances")
"""How the names of tables begin that stay: the audit log can only be added to."""


@dataclass
class Newsroom:
    """Everything in one process. `on_the_way` are deliveries not yet made; `arrived` may come again; some get lost."""

    time: VirtualTime
    stripe: AtStripe
    paywall: Paywall
    redis: redis.Redis
    on_the_way: list[Json] = field(default_factory=list)
    arrived: list[Json] = field(default_factory=list)
    lost: int = 0
    is_troubled: bool = False
    """Whether the service may say that Stripe is away: trouble on the wire, or a worker that holds a customer."""

    def customers(self) -> dict[str, str]:
        """Return the customer of each reader who has one."""
        with self.paywall.core.engine.connect() as connection:
            rows = connection.execute(select(accounts.c.reader_id, accounts.c.customer_id))
            return {row.reader_id: row.customer_id for row in rows if row.customer_id}

    def collect(self) -> None:
        """Take over the events that Stripe has made since."""
        self.on_the_way += self.stripe.events
        self.stripe.events.clear()

    def deliver(self, index: int) -> None:
        """Make one delivery, whichever of those on the way."""
        self.collect()
        if self.on_the_way:
            event = self.on_the_way.pop(index % len(self.on_the_way))
            self.paywall.receive(event)
            self.arrived.append(event)

    def deliver_all(self, dice: random.Random) -> None:
        """Make every delivery that is on the way, in a random order."""
        self.collect()
        dice.shuffle(self.on_the_way)
        while self.on_the_way:
            self.deliver(0)

    def repeat(self, index: int) -> None:
        """Deliver once more what has arrived already."""
        if self.arrived:
            self.paywall.receive(self.arrived[index % len(self.arrived)])

    def lose(self, index: int) -> None:
        """Let a delivery never be made: only Stripe's list of events still tells of it."""
        self.collect()
        if self.on_the_way:
            self.on_the_way.pop(index % len(self.on_the_way))
            self.lost += 1

    def silence(self, seconds: int) -> None:
        """Let time pass while nothing is delivered and no worker runs."""
        self.stripe.advance(self.time.second + seconds)

    def live(self, seconds: int, dice: random.Random, *, webhooks: bool = True) -> None:
        """Let time pass with a worker that runs, and with webhooks, or all of them lost."""
        until = self.time.second + seconds
        while self.time.second < until:
            self.stripe.advance(min(until, self._next_at()))
            if webhooks:
                self.deliver_all(dice)
            self.paywall.work()

    def converge(self, dice: random.Random) -> None:
        """Apply every hint: Stripe answers again, what is on the way arrives, what was lost is found."""
        self.stripe.trouble.clear()
        self.is_troubled = False
        for _ in range(50):
            self.deliver_all(dice)
            if self.lost:
                self.paywall.core.convergence.follow()
                self.lost = 0
            self.paywall.work(sweeps=2)
            self.collect()
            if not self.on_the_way and not self._is_behind():
                return
            due_at = self.paywall.due_at()
            self.stripe.advance(
                self.time.second + SWEEP_SECONDS if due_at is None else max(due_at, self.time.second + 1)
            )
        raise RuntimeError("it does not converge")

    def close(self) -> None:
        """Give everything back."""
        self.paywall.close()
        self.stripe.close()
        self.redis.close()

    def _next_at(self) -> int:
        """Return when something happens by itself, at Stripe or here: a sweep comes late."""
        due_at, now = self.paywall.due_at(), self.time.second
        ours = now + SWEEP_SECONDS if due_at is not None and due_at <= now else (due_at or now + 10**9) + SWEEP_SECONDS
        return max(now + 1, min(ours, self.stripe.next_at() or ours))

    def _is_behind(self) -> bool:
        with self.paywall.core.engine.connect() as connection:
            return bool(connection.scalar(_BEHIND))


_BEHIND = text("""
    select exists (select 1 from customer_syncs where dirty > synced)
        or exists (select 1 from events where status = 'pending' and customer_id is null)
        or exists (select 1 from repeated_cards where settled_at is null)
        or exists (select 1 from warned_charges where settled_at is null)""")


def open_newsroom(database_url: str, redis_url: str, plans_file: Path, policy: BillingPolicy | None = None) -> Newsroom:
    """Return a new newsroom; the database and Redis are emptied for it."""
    empty(database_url)
    copies = redis.Redis.from_url(redis_url)
    copies.flushall()
    time = VirtualTime(STARTS_AT)
    stripe = AtStripe(time, policy)
    paywall = build_paywall(database_url, redis_url, plans_file, stripe, time)
    stripe.events.clear()
    return Newsroom(time, stripe, paywall, copies)


def empty(database_url: str) -> None:
    """Empty every table that has rows; the schema stays."""
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        tables = [each for each in inspect(connection).get_table_names() if not each.startswith(_KEPT)]
        connection.execute(text(f"truncate {', '.join(tables)} restart identity cascade"))
    engine.dispose()
