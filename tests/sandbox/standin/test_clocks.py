"""Test clocks: several side by side, never backwards, never too far at once."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from sandbox.standin.calendar import next_boundary, plus
from sandbox.standin.server import StandIn

NOON, DAY = 1_767_268_800, 86_400


def test_clocks_stand_side_by_side(shop: Any) -> None:
    """Advancing one clock leaves the customers of another where they are."""
    first, second = shop.clock(), shop.clock()
    moved, still = shop.customer(first), shop.customer(second)
    shop.buy(shop.monthly, customer=moved, trial_days=7)
    left = shop.buy(shop.monthly, customer=still, trial_days=7)
    shop.advance(first, NOON + 8 * DAY)
    assert shop.client.v1.subscriptions.list(params={"customer": moved}).data[0].status == "active"
    assert shop.client.v1.subscriptions.retrieve(left.id).status == "trialing"
    assert {each.id for each in shop.client.v1.test_helpers.test_clocks.list().data} == {first, second}


def test_an_advance_is_refused_backwards_and_beyond_two_intervals(shop: Any) -> None:
    """Stripe's limits: two years without a subscription, two intervals of the shortest one with it."""
    clocks = shop.client.v1.test_helpers.test_clocks
    clock = shop.clock()
    two_years = plus(NOON, "year", 2)
    for wrong in (NOON, NOON - 1, two_years + 1):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            clocks.advance(clock, params={"frozen_time": wrong})
        assert caught.value.param == "frozen_time"
    shop.client.v1.subscriptions.create(
        params={"customer": shop.customer(clock, "pm_card_visa"), "items": [{"price": shop.monthly}]}
    )
    with pytest.raises(stripe.InvalidRequestError):
        clocks.advance(clock, params={"frozen_time": plus(NOON, "month", 2) + 1})
    begun = clocks.advance(clock, params={"frozen_time": plus(NOON, "month", 2)})
    assert (begun.status, begun.frozen_time) == ("advancing", NOON)
    assert begun.status_details.advancing.target_frozen_time == plus(NOON, "month", 2)


def test_a_deleted_clock_takes_its_customers_along(shop: Any) -> None:
    """As at Stripe: the clock, its customers and what they own are gone."""
    clock = shop.clock()
    bought = shop.buy(shop.monthly, customer=shop.customer(clock), trial_days=7)
    shop.client.v1.test_helpers.test_clocks.delete(clock)
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscriptions.retrieve(bought.id)
    assert shop.event_types()[-1] == "test_helpers.test_clock.deleted"


def test_without_a_clock_the_wall_s_time_counts(open_shop: Any) -> None:
    """A customer off clocks lives in wall time: what is overdue happens with the next request."""
    wall = [float(NOON)]
    with StandIn(wall=lambda: wall[0]) as standin:
        shop = open_shop(standin.base_url)
        bought = shop.buy(shop.monthly, customer=shop.customer(), trial_days=7)
        session = shop.session(shop.annual)
        wall[0] += 7 * DAY + 7200
        shop.client.v1.products.create(params={"name": "A request"})
        shop.client.v1.products.create(params={"name": "An hour is not simulated: the draft waits from now"})
        assert shop.client.v1.subscriptions.retrieve(bought.id).status == "active"
        assert shop.client.v1.checkout.sessions.retrieve(session.id).status == "expired"
        wall[0] += 3600
        shop.client.v1.products.create(params={"name": "Another request"})
        invoices = shop.client.v1.invoices.list(params={"subscription": bought.id}).data
        assert [each.amount_paid for each in invoices] == [290, 0]


def test_the_named_clock_is_made_once(tmp_path: Any, connected: Any) -> None:
    """`clock_name` makes one clock at the wall's time; a restart finds it."""
    ids = []
    for _ in range(2):
        with StandIn(tmp_path, clock_name="sandbox", wall=lambda: NOON) as standin:
            found = connected(standin.base_url).v1.test_helpers.test_clocks.list().data
            ids.append([(each.id, each.name, each.frozen_time) for each in found])
    assert ids[0] == ids[1]
    assert [name for _, name, _ in ids[0]] == ["sandbox"]


@pytest.mark.parametrize(
    ("anchor", "after", "interval", "count", "expected"),
    [
        ("2026-01-31", "2026-01-31", "month", 1, "2026-02-28"),
        ("2026-01-31", "2026-02-28", "month", 1, "2026-03-31"),
        ("2024-02-29", "2024-02-29", "year", 1, "2025-02-28"),
        ("2024-02-29", "2027-02-28", "year", 1, "2028-02-29"),
        ("2026-01-31", "2026-01-31", "month", 3, "2026-04-30"),
        ("2026-01-31", "2036-01-30", "month", 1, "2036-01-31"),
        ("2026-01-01", "2026-01-08", "week", 1, "2026-01-15"),
        ("2026-06-01", "2026-01-01", "month", 1, "2026-06-01"),
    ],
)
def test_boundaries_are_counted_from_the_anchor(
    anchor: str, after: str, interval: str, count: int, expected: str
) -> None:
    """The first boundary later than an instant, however far it lies from the anchor."""
    from datetime import UTC, datetime

    def second(day: str) -> int:
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())

    assert next_boundary(second(anchor), second(after), interval, count) == second(expected)
