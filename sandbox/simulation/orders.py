"""Every order in which a life can be told: the same moves on the pure rules of a turn and on PostgreSQL's rows.

An event is only delivered once it has happened. A fetch sees Stripe as it is at some moment after its turn was taken,
while more may happen; whoever has fetched may commit at any later moment, or never.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, Engine

from sandbox.simulation.life import LAST, LIFE, START, event_of
from webhooks.inbox import Inbox
from webhooks.rows import locked
from webhooks.snapshot import CustomerSnapshot
from webhooks.syncs import Syncs
from webhooks.turn import SyncOutcome, SyncRow, Turn, finished, taken

LEASE = timedelta(seconds=60)
Order = tuple[int, ...]
Check = Callable[[SyncRow, Turn], bool]


def every_order(*, step: int = 1) -> Iterator[Order]:
    """Yield all 5,040 orders of the life's events, or every `step`-th of them."""
    return itertools.islice(itertools.permutations(range(1, LAST + 1)), 0, None, step)


class Desk(Protocol):
    """One customer's hints, turns and commits; `projected` are the moments that were committed, one after another."""

    projected: list[int]

    def hint(self, event: int) -> None:
        """Take an event in, which is known by its id."""

    def take(self) -> Turn | None:
        """Take a turn if there is one to take."""

    def settle(self, turn: Turn, moment: int) -> None:
        """Commit what a fetch on `turn` saw, if the turn still may."""

    def expire(self) -> None:
        """Let a lease's length of time pass: whoever holds one is slow, or dead."""

    def row(self) -> SyncRow:
        """Return the customer's row."""


@dataclass
class MemoryDesk:
    """The rules of webhooks/turn.py alone; `may_commit` is the check on trial."""

    may_commit: Check
    projected: list[int] = field(default_factory=list)
    _row: SyncRow = field(default_factory=lambda: SyncRow(customer_id="cus_1"))
    _now: datetime = START
    _stored: set[int] = field(default_factory=set)

    def hint(self, event: int) -> None:
        if event not in self._stored:
            self._stored.add(event)
            self._row = replace(self._row, dirty=self._row.dirty + 1)

    def take(self) -> Turn | None:
        result = taken(self._row, self._now, lease=LEASE)
        if isinstance(result, SyncOutcome):
            return None
        self._row, turn = result
        return turn

    def settle(self, turn: Turn, moment: int) -> None:
        if self.may_commit(self._row, turn):
            self._row = finished(self._row, turn, self._now)
            self.projected.append(moment)

    def expire(self) -> None:
        self._now += LEASE

    def row(self) -> SyncRow:
        return self._row


class DatabaseDesk:
    """The same through webhooks.inbox and webhooks.syncs on real rows; `project` writes the record."""

    def __init__(
        self, engine: Engine, customer_id: str, project: Callable[[Connection, CustomerSnapshot], None]
    ) -> None:
        self.projected: list[int] = []
        self._engine = engine
        self._customer_id = customer_id
        self._now = START
        self._inbox = Inbox(engine, livemode=False, wall_clock=self._clock, queue="null")
        self._syncs = Syncs(
            engine, self._fetched_elsewhere, project, wall_clock=self._clock, after_commit=lambda _: None,
            defer=_no_queue, lease_seconds=LEASE.total_seconds(),
        )  # fmt: skip

    def hint(self, event: int) -> None:
        self._inbox.store(event_of(event, self._customer_id))

    def take(self) -> Turn | None:
        result = self._syncs.take(self._customer_id)
        return result if isinstance(result, Turn) else None

    def settle(self, turn: Turn, moment: int) -> None:
        if self._syncs.settle(turn, LIFE[moment - 1].snapshot(self._customer_id)) is SyncOutcome.SYNCED:
            self.projected.append(moment)

    def expire(self) -> None:
        self._now += LEASE

    def row(self) -> SyncRow:
        with self._engine.connect() as connection:
            return locked(connection, self._customer_id) or SyncRow(customer_id=self._customer_id)

    def _clock(self) -> datetime:
        return self._now

    def _fetched_elsewhere(self, customer_id: str) -> CustomerSnapshot:
        raise AssertionError(f"{customer_id} is fetched by the world, a move at a time")


def _no_queue(_connection: Connection, _work: object, _subject_id: str) -> None:
    """Queue nothing: here the moves are made by hand, and the sweeper finds the rest."""


@dataclass
class World:
    """One life at Stripe and at a desk, moved a step at a time by the dice."""

    desk: Desk
    dice: random.Random
    at_stripe: int = 0
    looking: list[Turn] = field(default_factory=list)
    """Turns taken, about to fetch."""
    landing: list[tuple[Turn, int]] = field(default_factory=list)
    """Turns that have fetched a moment, about to commit."""

    def deliver(self, event: int) -> None:
        """Stripe posts an event, perhaps after more has happened."""
        self.at_stripe = max(self.at_stripe, event)
        self.desk.hint(event)
        self.take()

    def take(self) -> None:
        turn = self.desk.take()
        if turn is not None:
            self.looking.append(turn)

    def happen(self) -> None:
        self.at_stripe = min(self.at_stripe + 1, LAST)

    def expire(self) -> None:
        self.desk.expire()

    def fetch(self) -> None:
        if self.looking:
            turn = self.looking.pop(self.dice.randrange(len(self.looking)))
            self.landing.append((turn, self.at_stripe))

    def commit(self) -> None:
        if self.landing:
            self.desk.settle(*self.landing.pop(self.dice.randrange(len(self.landing))))

    def crash(self) -> None:
        """A worker dies with its turn, before its fetch or after it."""
        if self.looking and self.dice.random() < 0.5:
            self.looking.pop(self.dice.randrange(len(self.looking)))
        if self.landing and self.dice.random() < 0.5:
            self.landing.pop(self.dice.randrange(len(self.landing)))

    def settle(self) -> None:
        """Let everyone who has started finish, in any order."""
        while self.looking or self.landing:
            self.dice.choice([self.fetch, self.commit])()

    def sweep(self) -> None:
        """Do what the sweeper does, until nothing is dirty."""
        while (row := self.desk.row()).dirty > row.synced:
            self.expire()
            self.take()
            self.settle()


def all_overlapping(order: Order, desk: Desk, dice: random.Random) -> World:
    """Every sync outlives its lease: all start before any commits, and see Stripe and commit in any order."""
    world = World(desk, dice)
    for event in (*order, *reversed(order)):
        world.deliver(event)
        world.expire()
        for _ in range(dice.randrange(3)):
            dice.choice([world.fetch, world.happen])()
    world.settle()
    return world


def anything_goes(order: Order, desk: Desk, dice: random.Random) -> World:
    """Deliveries, fetches, commits, crashes and lapsing leases in a random mixture; at the end the sweeper comes."""
    world = World(desk, dice)
    for event in (*order, *reversed(order)):
        world.deliver(event)
        for _ in range(dice.randrange(6)):
            dice.choice([world.fetch, world.commit, world.happen, world.expire, world.take, world.crash])()
            if dice.random() < 0.5:
                world.expire()
    world.settle()
    world.sweep()
    return world


Way = Callable[[Order, Desk, random.Random], World]
WAYS: tuple[Way, ...] = (all_overlapping, anything_goes)


@dataclass(frozen=True)
class End:
    """What is left of a life: the moment that the record shows, whether it ever went back, whether all is applied."""

    last_word: int
    went_back: bool
    clean: bool


GOOD_END = End(last_word=LAST, went_back=False, clean=True)


def end_of(world: World) -> End:
    """Return how a life that has been lived ended."""
    projected, row = world.desk.projected or [0], world.desk.row()
    return End(projected[-1], projected != sorted(projected), row.dirty == row.synced == LAST)
