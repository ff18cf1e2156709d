"""The rules of a turn, and the proof over every order of a seven-event life."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from webhooks.failures import Setback
from webhooks.turn import SyncOutcome, SyncRow, Turn, failed, finished, is_current, taken

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
DIRTY = SyncRow(customer_id="cus_1", dirty=3, synced=1, ticket=4, dirty_since=NOW)


def take(row: SyncRow, now: datetime = NOW, **options: int) -> tuple[SyncRow, Turn]:
    result = taken(row, now, lease=LEASE, **options)
    assert isinstance(result, tuple), result
    return result


def test_a_turn_is_a_new_ticket_a_lease_and_what_was_read() -> None:
    """Taking a turn changes ticket and lease alone, and remembers the `dirty` it saw."""
    row, turn = take(DIRTY)
    assert turn == Turn(customer_id="cus_1", ticket=5, dirty=3, taken_at=NOW)
    assert row == replace(DIRTY, ticket=5, leased_until=NOW + LEASE)


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (replace(DIRTY, synced=3), SyncOutcome.CLEAN),
        (replace(DIRTY, synced=3, leased_until=NOW + LEASE), SyncOutcome.CLEAN),
        (replace(DIRTY, leased_until=NOW + timedelta(microseconds=1)), SyncOutcome.BUSY),
        (replace(DIRTY, not_before=NOW + timedelta(microseconds=1)), SyncOutcome.BACKING_OFF),
    ],
)
def test_there_is_no_turn_to_take(row: SyncRow, outcome: SyncOutcome) -> None:
    """Clean, in another's hands, or backing off."""
    assert taken(row, NOW, lease=LEASE) is outcome


@pytest.mark.parametrize("limit", ["leased_until", "not_before"])
def test_a_lease_or_backoff_is_over_at_its_instant(limit: str) -> None:
    """At the very instant, not after it."""
    take(replace(DIRTY, **{limit: NOW}))


def test_who_waits_for_a_mark_overrules_backoff_and_ignores_later_hints() -> None:
    """With a mark, backoff does not hold; once the mark is synced there is nothing to do, though more is dirty."""
    take(replace(DIRTY, not_before=NOW + LEASE), mark=2)
    assert taken(replace(DIRTY, synced=2), NOW, lease=LEASE, mark=2) is SyncOutcome.CLEAN
    assert taken(replace(DIRTY, leased_until=NOW + LEASE), NOW, lease=LEASE, mark=2) is SyncOutcome.BUSY


def test_finishing_cleans_up_to_what_was_read() -> None:
    """A finished turn frees the row and clears its failures; a hint that came meanwhile stays, dated from the turn."""
    held = replace(DIRTY, attempts=2, error="x", not_before=NOW)
    row, turn = take(held)
    later = NOW + timedelta(seconds=5)
    done = finished(row, turn, later)
    assert done == replace(DIRTY, synced=3, ticket=5, synced_at=later, dirty_since=None)
    hinted = finished(replace(row, dirty=4), turn, later)
    assert (hinted.synced, hinted.dirty, hinted.dirty_since) == (3, 4, NOW)


def test_failing_frees_the_row_for_later() -> None:
    """A failed turn leaves the row dirty and unleased, with its backoff and error."""
    row, _ = take(DIRTY)
    setback = Setback(attempts=7, delay=timedelta(seconds=9))
    after = failed(row, setback, "ValueError", NOW)
    assert after == replace(DIRTY, ticket=5, attempts=7, error="ValueError", not_before=NOW + timedelta(seconds=9))


def test_only_the_newest_ticket_is_current() -> None:
    """A turn taken after the lease ran out makes the earlier one worthless."""
    row, first = take(DIRTY)
    row, second = take(row, NOW + LEASE)
    assert not is_current(row, first)
    assert is_current(row, second)


def test_which_outcomes_mean_up_to_date() -> None:
    """Synced by us, or by another already."""
    assert [each for each in SyncOutcome if each.up_to_date] == [SyncOutcome.SYNCED, SyncOutcome.CLEAN]


# All orders of a life -------------------------------------------------------------------------------------

LIFE = range(1, 8)
"""Seven events; after the n-th, Stripe's state is n. An event is only delivered once it has happened."""
Check = Callable[[SyncRow, Turn], bool]


@dataclass
class World:
    """One customer at Stripe and with us, moved a step at a time; `may_commit` is the rule under test."""

    may_commit: Check
    dice: random.Random
    at_stripe: int = 0
    row: SyncRow = field(default_factory=lambda: SyncRow(customer_id="cus_1"))
    now: datetime = NOW
    stored: set[int] = field(default_factory=set)
    looking: list[Turn] = field(default_factory=list)
    """Turns taken, about to fetch."""
    landing: list[tuple[Turn, int]] = field(default_factory=list)
    """Turns that have fetched a state, about to commit."""
    projected: list[int] = field(default_factory=list)

    def deliver(self, event: int) -> None:
        """Stripe posts an event, perhaps after more has happened; the inbox knows it by its id."""
        self.at_stripe = max(self.at_stripe, event)
        if event not in self.stored:
            self.stored.add(event)
            self.row = replace(self.row, dirty=self.row.dirty + 1)
        self.take()

    def take(self) -> None:
        result = taken(self.row, self.now, lease=LEASE)
        if isinstance(result, tuple):
            self.row, turn = result
            self.looking.append(turn)

    def happen(self) -> None:
        self.at_stripe = min(self.at_stripe + 1, LIFE[-1])

    def expire(self) -> None:
        """Time passes the lease: its holder is slow, or dead."""
        self.now += LEASE

    def fetch(self) -> None:
        if self.looking:
            turn = self.looking.pop(self.dice.randrange(len(self.looking)))
            self.landing.append((turn, self.at_stripe))

    def commit(self) -> None:
        if self.landing:
            turn, state = self.landing.pop(self.dice.randrange(len(self.landing)))
            if self.may_commit(self.row, turn):
                self.row = finished(self.row, turn, self.now)
                self.projected.append(state)

    def crash(self) -> None:
        """A worker dies with its turn, before or after its fetch."""
        for held in (self.looking, self.landing):
            if held and self.dice.random() < 0.5:
                held.pop(self.dice.randrange(len(held)))  # type: ignore[attr-defined]

    def settle(self) -> None:
        """Let everyone who has started finish, in any order."""
        while self.looking or self.landing:
            self.dice.choice([self.fetch, self.commit])()

    def sweep(self) -> None:
        """Do what the sweeper does, until nothing is dirty."""
        while self.row.dirty > self.row.synced:
            self.expire()
            self.take()
            self.settle()


def all_overlapping(order: tuple[int, ...], may_commit: Check, dice: random.Random) -> World:
    """Every sync outlives its lease: all start before any commits, and see Stripe and commit in any order."""
    world = World(may_commit, dice)
    for event in (*order, *reversed(order)):
        world.deliver(event)
        world.expire()
        for _ in range(dice.randrange(3)):
            dice.choice([world.fetch, world.happen])()
    world.settle()
    return world


def anything_goes(order: tuple[int, ...], may_commit: Check, dice: random.Random) -> World:
    """Deliveries, fetches, commits, crashes and lapsing leases in a random mixture; at the end the sweeper comes."""
    world = World(may_commit, dice)
    for event in (*order, *reversed(order)):
        world.deliver(event)
        for _ in range(dice.randrange(6)):
            dice.choice([world.fetch, world.commit, world.happen, world.expire, world.take, world.crash])()
            if dice.random() < 0.5:
                world.expire()
    world.settle()
    world.sweep()
    return world


@dataclass(frozen=True)
class End:
    """What is left of a world."""

    last_word: int
    went_back: bool
    clean: bool


def ends(live: Callable[..., World], may_commit: Check, *, every: int = 1) -> list[End]:
    """Live all 5,040 orders, or every n-th of them, with the same dice each time."""
    dice = random.Random(5040)
    return [end_of(live(order, may_commit, dice)) for order in list(itertools.permutations(LIFE))[::every]]


def end_of(world: World) -> End:
    projected = world.projected or [0]
    return End(projected[-1], projected != sorted(projected), world.row.dirty == world.row.synced == LIFE[-1])


def test_every_order_of_a_life_ends_in_one_state() -> None:
    """All 5,040 orders, duplicated and overlapping: whoever commits last, the record ends as Stripe, with no sweep."""
    all_ends = ends(all_overlapping, is_current)
    assert len(all_ends) == 5040
    assert set(all_ends) == {End(last_word=7, went_back=False, clean=True)}


def test_the_record_never_goes_back_and_always_arrives() -> None:
    """With crashes and lapsing leases too, no older state replaces a newer one, and the sweeper ends it."""
    assert set(ends(anything_goes, is_current)) == {End(last_word=7, went_back=False, clean=True)}


def anyone(row: SyncRow, turn: Turn) -> bool:
    """Let every turn commit: the rule without its ticket check."""
    return True


def test_without_the_ticket_check_lives_end_in_an_older_state() -> None:
    """The proof has teeth: about a third of all lives end wrong."""
    wrong = [end for end in ends(all_overlapping, anyone) if end.last_word != 7 or not end.clean]
    assert len(wrong) > 1500


def test_without_the_ticket_check_the_record_goes_back() -> None:
    """Even where the sweeper mends the end, readers would have seen an older state after a newer one."""
    assert sum(end.went_back for end in ends(anything_goes, anyone, every=5)) > 40
