"""What no webhook brought is found in Stripe's list, once, wherever the looking stopped before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import stripe
from sqlalchemy import Engine, select

from sandbox.standin.server import StandIn
from webhooks.backfill import OVERLAP, Backfill, Track, Window, windows
from webhooks.failures import TransientFailure
from webhooks.inbox import Inbox
from webhooks.tables import backfill_cursors, customer_syncs, events

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
MONTH = timedelta(days=30)


class Wall:
    """The stand-in's wall and ours, turned by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def stripe_at(wall: Wall) -> Iterator[stripe.StripeClient]:
    """A client of a stand-in that lives at the wall's time."""
    with StandIn(wall=lambda: wall().timestamp()) as running:
        yield stripe.StripeClient("sk_test_x", base_addresses={"api": running.base_url}, max_network_retries=0)


@pytest.fixture
def make(engine: Engine, queue: Any, wall: Wall, stripe_at: stripe.StripeClient) -> Callable[..., Backfill]:
    inbox = Inbox(engine, livemode=False, wall_clock=wall, queue=queue.sql)

    def build(*tracks: Track, **options: Any) -> Backfill:
        return Backfill(engine, stripe_at, inbox, tracks or [Track("wall", wall)], **options)

    return build


def stored(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return sorted(connection.scalars(select(events.c.type)))


def dirty(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {row.customer_id: row.dirty for row in connection.execute(select(customer_syncs))}


def cursors(engine: Engine) -> dict[str, datetime]:
    with engine.connect() as connection:
        return {row.name: row.reached_at for row in connection.execute(select(backfill_cursors))}


def test_windows_leave_no_second_out() -> None:
    """A month is cut into days that meet, and an empty stretch is still looked at once."""
    cut = windows(NOON - MONTH, NOON)
    assert len(cut) == 30
    assert (cut[0].begins_at, cut[-1].ends_at) == (NOON - MONTH, NOON)
    assert all(one.ends_at == other.begins_at for one, other in pairwise(cut))
    assert windows(NOON, NOON) == [Window(NOON, NOON)]
    assert windows(NOON, NOON - timedelta(hours=3)) == [Window(NOON, NOON)]
    assert len(windows(NOON - timedelta(minutes=90), NOON)) == 2


def test_each_window_reaches_back_over_the_one_before() -> None:
    """An event that is listed later than it is stamped is still found; nothing is asked before the epoch."""
    assert Window(NOON, NOON + MONTH).created()["gte"] == int((NOON - OVERLAP).timestamp())
    assert Window(datetime(1970, 1, 1, tzinfo=UTC), NOON).created()["gte"] == 0


def test_what_webhooks_lost_is_found(
    make: Callable[..., Backfill], engine: Engine, stripe_at: stripe.StripeClient, wall: Wall, queue: Any
) -> None:
    """No webhook ever came: a month of events is stored, its customers marked and queued; a second look adds none."""
    wall.now = NOON - timedelta(days=29)
    old = stripe_at.v1.customers.create({"email": "old@example.com"}).id
    wall.now = NOON
    new = stripe_at.v1.customers.create({"email": "new@example.com"}).id
    steps: list[tuple[int, int]] = []
    found = make().follow(progress=lambda done, total: steps.append((done, total)))
    assert (found.new, found.finished) == (2, True)
    assert dirty(engine) == {old: 1, new: 1}
    assert sorted(queue.jobs()) == sorted([("sync", old), ("sync", new)])
    assert steps[-1] == (30, 30)
    again = make().follow()
    assert (again.listed, again.new) == (1, 0), "only the overlap is listed again"
    assert dirty(engine) == {old: 1, new: 1}


def test_all_pages_are_read(
    make: Callable[..., Backfill], stripe_at: stripe.StripeClient, wall: Wall, standin_events: Any
) -> None:
    """More events in one second than Stripe puts on a page."""
    standin_events(stripe_at, 120)
    assert make(Track("wall", wall, timedelta(hours=1))).follow().new == 120


@pytest.fixture
def standin_events() -> Callable[[stripe.StripeClient, int], None]:
    def many(client: stripe.StripeClient, count: int) -> None:
        for number in range(count):
            client.v1.products.create({"name": f"Product {number}"})

    return many


def test_it_goes_on_where_it_stopped(
    make: Callable[..., Backfill], engine: Engine, stripe_at: stripe.StripeClient, wall: Wall
) -> None:
    """Stopped, or cut off by Stripe, after some windows: the next run begins there, not a month ago."""
    wall.now = NOON - timedelta(days=29)
    stripe_at.v1.customers.create({})
    wall.now = NOON
    done: list[int] = []
    stopped = make().follow(progress=lambda count, _: done.append(count), stopped=lambda: len(done) == 20)
    assert (stopped.finished, stopped.new) == (False, 1)
    assert cursors(engine) == {"wall": windows(NOON - MONTH, NOON)[19].ends_at}
    seen: list[int] = []
    assert make().follow(progress=lambda _, total: seen.append(total)).finished
    assert cursors(engine) == {"wall": NOON}
    assert seen[-1] <= 30


def test_a_look_back_ignores_what_was_looked_at_and_can_be_resumed(
    make: Callable[..., Backfill], engine: Engine, stripe_at: stripe.StripeClient, wall: Wall
) -> None:
    """After the record was restored from an old copy, the cursor claims too much: days are given, and kept in mind."""
    stripe_at.v1.customers.create({})
    make(Track("wall", wall, timedelta(hours=1))).follow()
    with engine.begin() as connection:
        connection.execute(events.delete())
    done: list[int] = []
    make().look_back(1, progress=lambda count, _: done.append(count), stopped=lambda: len(done) == 3)
    assert cursors(engine).keys() == {"wall", "wall, 1 days back"}
    rest: list[int] = []
    assert make().look_back(1, progress=lambda count, _: rest.append(count)).new == 1
    assert len(rest) == 21
    assert cursors(engine) == {"wall": NOON}


@pytest.mark.parametrize("look", [lambda backfill: backfill.follow(), lambda backfill: backfill.look_back(2)])
def test_a_clock_that_was_ahead_once_hides_nothing(
    make: Callable[..., Backfill], engine: Engine, stripe_at: stripe.StripeClient, wall: Wall, look: Any
) -> None:
    """Ours was a day ahead for one run, or for part of a look back: what happens once it is right is found at once."""
    ahead = make(Track("wall", lambda: wall() + timedelta(days=1)))
    ahead.follow()
    done: list[int] = []
    ahead.look_back(2, progress=lambda count, _: done.append(count), stopped=lambda: len(done) == 29)
    wall.now += timedelta(hours=1)
    stripe_at.v1.customers.create({"email": "late@example.com"})
    wall.now += timedelta(hours=3)
    look(make())
    assert stored(engine) == ["customer.created"]


def test_a_cursor_within_the_overlap_is_believed(make: Callable[..., Backfill], engine: Engine, wall: Wall) -> None:
    """Clocks of two machines differ by seconds: that is no reason to read a month again."""
    make(Track("wall", lambda: wall() + OVERLAP)).follow()
    steps: list[int] = []
    make().follow(progress=lambda _, total: steps.append(total))
    assert (steps, cursors(engine)) == ([1], {"wall": NOON + OVERLAP})


def test_a_failing_stripe_loses_nothing(
    make: Callable[..., Backfill], engine: Engine, stripe_at: Any, wall: Wall
) -> None:
    """An error ends the run with the cursor where it was."""
    unreachable = stripe.StripeClient("sk_test_x", base_addresses={"api": "http://127.0.0.1:9"}, max_network_retries=0)
    broken = make()
    broken._client = unreachable
    with pytest.raises(TransientFailure):
        broken.follow()
    assert cursors(engine) == {}


def test_events_of_a_test_clock_have_a_track_of_their_own(
    make: Callable[..., Backfill], engine: Engine, stripe_at: stripe.StripeClient, wall: Wall
) -> None:
    """Events stamped years away from the wall are found by a service that follows the clock."""
    frozen = NOON - timedelta(days=700)
    clock_id = stripe_at.v1.test_helpers.test_clocks.create({"frozen_time": int(frozen.timestamp())}).id
    customer_id = stripe_at.v1.customers.create({"test_clock": clock_id}).id
    day = timedelta(days=1)
    make(Track("wall", wall, day)).follow()
    assert dirty(engine) == {}
    make(Track("wall", wall, day), Track(clock_id, lambda: frozen, day)).follow()
    assert dirty(engine) == {customer_id: 1}


def test_types_narrow_the_list(
    make: Callable[..., Backfill], engine: Engine, stripe_at: stripe.StripeClient, wall: Wall
) -> None:
    """At most the twenty that Stripe allows; none means all."""
    stripe_at.v1.customers.create({})
    stripe_at.v1.products.create({"name": "Nothing"})
    make(Track("wall", wall, timedelta(hours=1)), types=["customer.created"]).follow()
    assert stored(engine) == ["customer.created"]
    with pytest.raises(ValueError, match="20"):
        make(types=[f"type.{number}" for number in range(21)])
