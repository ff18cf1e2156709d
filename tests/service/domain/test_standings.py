"""What of a customer's subscriptions is searched for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.domain.standings import Standings, ends_unrenewed, living, standings_of

END = datetime(2026, 12, 10, tzinfo=UTC)


def test_each_is_told_by_any_subscription_to_a_plan(make_snapshot: Any, make_subscription: Any) -> None:
    """Several may be so at once."""
    trial = make_subscription(id="sub_1", status="trialing", cancel_at=END)
    late = make_subscription(id="sub_2", status="past_due")
    assert standings_of(make_snapshot(trial, late)) == Standings(in_trial=True, past_due=True, cancelling=True)
    assert standings_of(make_snapshot(make_subscription())) == Standings()
    assert standings_of(None) == Standings()


def test_both_shapes_of_a_cancellation_count_while_it_runs(make_snapshot: Any, make_subscription: Any) -> None:
    """Stripe sets an instant or only the boolean; what is over is not being cancelled."""
    flagged = make_subscription(cancel_at_period_end=True)
    over = make_subscription(status="canceled", cancel_at=END)
    assert standings_of(make_snapshot(flagged)).cancelling is True
    assert standings_of(make_snapshot(over)).cancelling is False


def test_foreign_products_and_deleted_customers_count_for_nothing(make_snapshot: Any, make_subscription: Any) -> None:
    """As they do for access."""
    assert standings_of(make_snapshot(make_subscription(plan=None, status="past_due"))) == Standings()
    assert standings_of(make_snapshot(make_subscription(status="past_due"), deleted=True)) == Standings()


@pytest.mark.parametrize(
    ("changes", "sold"),
    [({}, True), ({"status": "trialing"}, True), ({"status": "past_due"}, True), ({"status": "unpaid"}, True),
     ({"status": "paused"}, True), ({"pause_behavior": "void"}, True), ({"status": "hibernating"}, True),
     ({"status": "canceled"}, False), ({"status": "incomplete"}, False), ({"status": "incomplete_expired"}, False),
     ({"status": "hibernating", "ended_at": END}, False), ({"plan": None}, False)],
)  # fmt: skip
def test_what_is_sold_lives_until_it_is_over(
    make_snapshot: Any, make_subscription: Any, changes: dict[str, Any], sold: bool
) -> None:
    """Whatever it opens, and in a status that is newer than this code too."""
    subscription = make_subscription(**changes)
    assert living(make_snapshot(subscription)) == ((subscription,) if sold else ())
    assert living(make_snapshot(subscription, deleted=True)) == living(None) == ()


@pytest.mark.parametrize(
    ("changes", "unrenewed"),
    [({}, False), ({"cancel_at_period_end": True}, True), ({"cancel_at": END}, True),
     ({"cancel_at": END - timedelta(days=1)}, True), ({"cancel_at": END + timedelta(seconds=1)}, False),
     ({"cancel_at": END, "period_end_at": None}, True)],
)  # fmt: skip
def test_an_end_after_the_running_period_lets_charges_pass(
    make_subscription: Any, changes: dict[str, Any], unrenewed: bool
) -> None:
    """One at the period's end or before it does not."""
    assert ends_unrenewed(make_subscription(**{"period_end_at": END} | changes)) is unrenewed
