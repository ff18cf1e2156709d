"""A change of plan: what stands in its way, and when a preview's figures can still be had."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from service.domain.entitlement import sold_from
from service.domain.money import Money
from service.domain.plan_changes import (
    ChangeLine,
    Obstacle,
    PlanChange,
    change_from_invoice,
    is_quotable,
    kept_trial,
    obstacle,
)

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "plan", "found"),
    [({}, "annual", None), ({}, "monthly", Obstacle.SAME_PLAN),
     ({"cancel_at_period_end": True}, "annual", Obstacle.SUBSCRIPTION_ENDING),
     ({"status": "past_due"}, "annual", Obstacle.PAYMENT_OUTSTANDING),
     ({"status": "unpaid"}, "annual", Obstacle.PAYMENT_OUTSTANDING),
     ({"status": "paused"}, "annual", Obstacle.SUBSCRIPTION_PAUSED),
     ({"pause_behavior": "void"}, "annual", Obstacle.SUBSCRIPTION_PAUSED)],
)  # fmt: skip
def test_what_stands_in_the_way(
    facts: Any, policy: Any, catalog: Any, change: dict[str, Any], plan: str, found: Obstacle | None
) -> None:
    """Only a subscription that runs and is paid for, or on trial, changes, and only to another plan."""
    subscription = facts.subscription(**change)
    snapshot = facts.snapshot(subscription)
    sold = sold_from(snapshot, (), policy, facts.at(1))
    assert obstacle(snapshot, subscription, sold, catalog.plan(plan)) is found


@pytest.mark.parametrize("status", ["draft", "open"])
def test_a_period_that_nobody_paid_for_stands_in_the_way(facts: Any, policy: Any, catalog: Any, status: str) -> None:
    """Stripe would credit it all the same; its invoice asks for the money for an hour before a card is charged."""
    running, asked = facts.subscription(), facts.invoice(status=status, amount_paid_minor=0)
    for invoices, found in (((asked,), Obstacle.PAYMENT_OUTSTANDING), ((facts.invoice(),), None)):
        snapshot = facts.snapshot(running, invoices=invoices)
        sold = sold_from(snapshot, (), policy, facts.at(1))
        assert obstacle(snapshot, running, sold, catalog.plan("annual")) is found


def test_an_end_that_is_set_stands_in_the_way(facts: Any, policy: Any, catalog: Any) -> None:
    """In Stripe's other shape, too."""
    ending = facts.subscription(cancel_at=facts.at(20))
    sold = sold_from(facts.snapshot(ending), (), policy, facts.at(1))
    assert obstacle(facts.snapshot(ending), ending, sold, catalog.plan("annual")) is Obstacle.SUBSCRIPTION_ENDING


def test_figures_are_kept_for_an_hour() -> None:
    """And never for the future; an instant at the end of the calendar is only refused."""
    assert is_quotable(NOW, NOW)
    assert is_quotable(NOW - timedelta(hours=1), NOW)
    odd = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))
    for quoted_at in (NOW - timedelta(hours=1, seconds=1), NOW + timedelta(seconds=1), odd):
        assert not is_quotable(quoted_at, NOW)


def test_a_balance_counts(catalog: Any) -> None:
    """What the reader has to their credit is taken off first, and what is not used up stays."""
    period = {"start": 1, "end": 1_800_000_000}
    lines = [{"description": None, "amount": -500, "period": {"start": 1, "end": 1_900_000_000}},
             {"description": "Month", "amount": 290, "period": period}]  # fmt: skip
    invoice = {"currency": "usd", "total": -210, "amount_due": 0, "starting_balance": -100, "lines": {"data": lines}}
    found = change_from_invoice(catalog.plan("monthly"), NOW, invoice)
    assert (found.due_now.amount_minor, found.credit.amount_minor) == (0, 310)
    assert found.renews_at == datetime.fromtimestamp(1_800_000_000, UTC)
    owing = invoice | {"total": 1845, "amount_due": 1745, "starting_balance": None}
    assert change_from_invoice(catalog.plan("annual"), NOW, owing).credit.amount_minor == 0


def test_a_trial_without_an_end_of_its_own_is_kept_to_its_periods(facts: Any, catalog: Any) -> None:
    """As the entitlement is."""
    trial = facts.trial(trial_end_at=None)
    assert kept_trial(trial, catalog.plan("annual"), NOW).renews_at == trial.period_end_at


def test_a_previewed_change_is_told_whole(catalog: Any) -> None:
    """Plan, instant, every figure with its currency, and every line in Stripe's words."""
    lines = [{"description": None, "amount": -145, "period": {"start": 1, "end": 1_900_000_000}},
             {"description": "Nothing more", "amount": 0, "period": {"start": 1, "end": 1_800_000_000}}]  # fmt: skip
    invoice = {"currency": "eur", "total": -145, "amount_due": 7, "lines": {"data": lines}}
    annual = catalog.plan("annual")
    assert change_from_invoice(annual, NOW, invoice) == PlanChange(
        plan="annual", quoted_at=NOW, due_now=Money(7, "eur"), credit=Money(145, "eur"), renewal=annual.price,
        renews_at=datetime.fromtimestamp(1_800_000_000, UTC),
        lines=(ChangeLine(description="", amount=Money(-145, "eur")),
               ChangeLine(description="Nothing more", amount=Money(0, "eur"))),
    )  # fmt: skip


def test_a_trials_change_is_told_whole(facts: Any, catalog: Any) -> None:
    """It costs nothing now, credits nothing, and names the new plan's price for the trial's end."""
    annual, nothing = catalog.plan("annual"), Money(0, "usd")
    assert kept_trial(facts.trial(), annual, NOW) == PlanChange(
        plan="annual", quoted_at=NOW, due_now=nothing, credit=nothing, renewal=annual.price, renews_at=facts.at(30),
        lines=(),
    )  # fmt: skip


def test_a_trial_may_change(facts: Any, policy: Any, catalog: Any) -> None:
    """Nothing stands in a trial's way, while it runs."""
    sold = sold_from(facts.snapshot(facts.trial()), (), policy, facts.at(1))
    assert obstacle(facts.snapshot(facts.trial()), facts.trial(), sold, catalog.plan("annual")) is None


def test_what_was_agreed_to_is_kept_in_the_contracts_shape(catalog: Any) -> None:
    """The record of consent names every figure as the reader saw it."""
    change = PlanChange(
        plan="annual", quoted_at=NOW, due_now=Money(1845, "usd"), credit=Money(0, "usd"),
        renewal=Money(1990, "usd"), renews_at=NOW, lines=(ChangeLine(description="Year", amount=Money(1990, "usd")),),
    )  # fmt: skip
    money = {each: Money(each, "usd").to_json() for each in (0, 1845, 1990)}
    assert change.to_json() == {
        "plan": "annual", "quoted_at": "2026-11-25T09:00:00+00:00", "due_now": money[1845], "credit": money[0],
        "renewal": money[1990], "renews_at": "2026-11-25T09:00:00+00:00",
        "lines": [{"description": "Year", "amount": money[1990]}],
    }  # fmt: skip
