"""What a subscription's invoices still ask for."""

from __future__ import annotations

from typing import Any

import pytest

from service.domain.money import Money
from service.domain.outstanding import outstanding, still_due


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


def test_what_a_period_before_asked_for_is_outstanding_no_more(facts: Any) -> None:
    """A draft that stayed one while collection was paused keeps no change of plan away for good."""
    renewed = facts.subscription(period_start_at=facts.at(60), period_end_at=facts.at(90))
    assert outstanding(facts.snapshot(renewed, invoices=(bill(facts, "draft"),), fetched=61), renewed) == ()
    running = facts.subscription(period_start_at=facts.at(30), period_end_at=facts.at(60))
    asked = outstanding(facts.snapshot(running, invoices=(bill(facts, "draft"),), fetched=31), running)
    assert [each.id for each in asked] == ["in_2"]
