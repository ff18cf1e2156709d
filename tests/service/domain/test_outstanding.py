"""What a subscription's invoices still ask for."""

from __future__ import annotations

from typing import Any

import pytest

from service.domain.money import Money
from service.domain.outstanding import is_unpaid, outstanding, still_due


@pytest.mark.parametrize(
    ("changes", "asks"),
    [({"status": "draft"}, True), ({"status": "open"}, True), ({"status": "open", "amount_paid_minor": 289}, True),
     ({"status": "open", "amount_paid_minor": 290}, False), ({"status": "draft", "amount_due_minor": 0}, False),
     ({"status": "uncollectible"}, False), ({"status": "void"}, False), ({"status": "paid"}, False),
     ({"status": "open", "subscription_id": "sub_2"}, False), ({"status": "open", "subscription_id": None}, False)],
)  # fmt: skip
def test_what_is_due_is_asked_for(facts: Any, changes: dict[str, Any], asks: bool) -> None:
    """Drafts and open invoices of this subscription with anything left to pay; what is given up asks no more."""
    invoice = facts.invoice(**({"amount_paid_minor": 0} | changes))
    settled = facts.invoice(id="in_0")
    subscription = facts.subscription()
    found = outstanding(facts.snapshot(subscription, invoices=(settled, invoice)), subscription)
    assert found == ((invoice,) if asks else ())


def test_of_an_unknown_customer_nothing_is_asked(facts: Any) -> None:
    """Nothing was fetched yet."""
    assert outstanding(None, facts.subscription()) == ()


def test_what_is_still_due_is_added_up(facts: Any) -> None:
    """What is left of each invoice, in the subscription's currency; nothing is None."""
    subscription = facts.subscription(currency="eur")
    bills = (
        facts.invoice(id="in_2", status="open", amount_paid_minor=90),
        facts.invoice(id="in_3", status="draft", amount_due_minor=1700, amount_paid_minor=0),
    )
    assert still_due(facts.snapshot(subscription, invoices=bills), subscription) == Money(1900, "eur")
    assert still_due(facts.snapshot(subscription, invoices=(facts.invoice(),)), subscription) is None
    assert still_due(None, subscription) is still_due(facts.snapshot(subscription, invoices=bills), None) is None


def bill(facts: Any, status: str, **changes: Any) -> Any:
    """Return the invoice of the second month, which nobody paid yet."""
    second = {"period_start_at": facts.at(30), "period_end_at": facts.at(60), "created_at": facts.at(30)}
    return facts.invoice(**{"id": "in_2", "status": status, "amount_paid_minor": 0, "paid_at": None} | second | changes)


@pytest.mark.parametrize(
    ("status", "invoice", "unpaid"),
    [("active", "draft", True), ("past_due", "open", True), ("unpaid", "draft", True), ("unpaid", "open", True),
     ("active", "open", False), ("active", "void", False), ("past_due", "uncollectible", False)],
)  # fmt: skip
def test_a_period_that_is_only_asked_for_is_unpaid(facts: Any, status: str, invoice: str, unpaid: bool) -> None:
    """A draft, or an invoice whose card was refused; one that is open while all is well is being paid just now."""
    renewed = facts.subscription(status=status, period_start_at=facts.at(30), period_end_at=facts.at(60))
    for fetched in (29.999, 30.0, 30.02):  # also where Stripe's clock is ahead of ours
        snapshot = facts.snapshot(renewed, invoices=(facts.invoice(), bill(facts, invoice)), fetched=fetched)
        assert is_unpaid(snapshot, renewed) is unpaid


def test_a_trial_that_is_over_is_unpaid_until_it_is_charged(facts: Any) -> None:
    """Its invoice of nothing pays for the trial alone; while that runs, what else is asked for takes none of it."""
    free = facts.invoice(id="in_0", amount_due_minor=0, amount_paid_minor=0)
    over = facts.trial(status="active", period_start_at=facts.at(30), period_end_at=facts.at(60))
    assert is_unpaid(facts.snapshot(over, invoices=(free, bill(facts, "draft")), fetched=30), over)
    extra = facts.invoice(status="draft", amount_paid_minor=0, period_start_at=None, period_end_at=None)
    assert not is_unpaid(facts.snapshot(facts.trial(), invoices=(free, extra)), facts.trial())


def test_a_change_that_nobody_paid_takes_no_paid_time(facts: Any) -> None:
    """The year begins at Stripe with the change, but the month is paid for: nothing is forfeit until that is over."""
    changed = facts.subscription(status="past_due", period_start_at=facts.at(10), period_end_at=facts.at(375))
    asked = bill(facts, "open", period_start_at=facts.at(10), period_end_at=facts.at(375))
    for fetched, unpaid in ((11, False), (29.9, False), (30, True)):
        snapshot = facts.snapshot(changed, invoices=(facts.invoice(), asked), fetched=fetched)
        assert is_unpaid(snapshot, changed) is unpaid


def test_what_was_never_paid_is_unpaid(facts: Any) -> None:
    """Of one without any paid invoice, or without a period; nothing is known of who was never fetched."""
    for changes in ({}, {"period_start_at": None}):
        begun = facts.subscription(status="past_due", **changes)
        assert is_unpaid(facts.snapshot(begun, invoices=(bill(facts, "open"),)), begun)
        assert not is_unpaid(facts.snapshot(begun), begun)
        assert not is_unpaid(None, begun)
