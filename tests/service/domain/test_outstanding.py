"""What a subscription's invoices still ask for."""

from __future__ import annotations

from typing import Any

import pytest

from service.domain.outstanding import outstanding


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
