"""What a reader is told before paying: computed from the plan, in the publication's days."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from service.domain.disclosure import Disclosure, disclosure
from service.domain.trials import trial_eligibility
from service.domain.vocabulary import RepeatedCard

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def told(catalog):
    """Return the disclosure of a plan, to someone who used these identities before."""

    def telling(plan_id: str, used=(), now=NOW) -> Disclosure:
        plan = catalog.plan(plan_id)
        return disclosure(plan, trial_eligibility(plan, used=used), now, catalog)

    return telling


def test_a_trial_costs_nothing_today(told):
    """Nothing today, $2.90 in thirty days, and a last day on which cancelling costs nothing."""
    found = told("monthly")
    assert (found.due_today.display, found.first_charge.display) == ("$0.00", "$2.90")
    assert found.first_charge_at == NOW + timedelta(days=30)
    assert told("annual").first_charge == told("annual").due_today
    assert told("annual").first_charge.display == "$19.90"
    assert found.renewal == (
        "From 2 December 2026, renews automatically at $2.90 per month until you cancel. "
        "One trial per reader, e-mail address and card: if yours has had a trial before, the first $2.90 is charged "
        "today."
    )
    assert found.cancel == "You can cancel anytime. Cancel before 2 December 2026 and you will not be charged."


@pytest.mark.parametrize(
    ("policy", "ending"),
    [(RepeatedCard.CANCEL, "had a trial before, the subscription is cancelled and nothing is charged."),
     (RepeatedCard.ALLOW, "until you cancel.")],
)  # fmt: skip
def test_what_a_used_card_leads_to_is_said_before(catalog, policy, ending):
    """The offer's policy, in words, before the card is known."""
    plan, chosen = catalog.plan("monthly"), replace(catalog, repeated_card=policy)
    assert disclosure(plan, trial_eligibility(plan, used=()), NOW, chosen).renewal.endswith(ending)


def test_a_used_trial_is_charged_at_once(told):
    """Who had the trial before is told of today's charge, not of free days."""
    found = told("monthly", used={"email"})
    assert (found.due_today.display, found.first_charge_at) == ("$2.90", NOW)
    assert (found.renewal, found.cancel) == (
        "Renews automatically at $2.90 per month until you cancel.", "You can cancel anytime.",
    )  # fmt: skip


def test_annual_is_charged_at_once(told):
    """The annual plan is $19.90 today."""
    found = told("annual")
    assert (found.due_today.display, found.first_charge_at) == ("$19.90", NOW)
    assert found.renewal == "Renews automatically at $19.90 per year until you cancel."


def test_days_are_the_publications(told):
    """Half past eleven at night in UTC is already the next day in Paris."""
    assert told("monthly", now=datetime(2026, 11, 2, 23, 30, tzinfo=UTC)).renewal.startswith("From 3 December 2026")


def test_a_disclosure_survives_json(told):
    """The record of consent reads back equal, money in the contract's shape."""
    found = told("monthly")
    assert found.to_json()["due_today"] == {"amount": 0, "currency": "usd", "display": "$0.00"}
    assert Disclosure.from_json(found.to_json()) == found


def test_a_plan_that_is_not_on_sale_is_none(catalog):
    """Plans are asked for by names that come from outside."""
    assert catalog.plan("weekly") is None
