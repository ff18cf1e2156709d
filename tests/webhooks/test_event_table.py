"""Every event that Stripe sends about a payer leads to a sync of that customer; the rest is ignored with its reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from webhooks.concern import Concern, Reference, concern_of
from webhooks.events import StripeEvent
from webhooks.routing import whom

Make = Callable[..., StripeEvent]

NAMING = {
    "checkout.session": [
        "checkout.session.completed", "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed", "checkout.session.expired",
    ],
    "subscription": [
        *(f"customer.subscription.{each}" for each in (
            "created", "updated", "deleted", "paused", "resumed", "trial_will_end", "pending_update_applied",
            "pending_update_expired",
        )),
    ],
    "invoice": [
        *(f"invoice.{each}" for each in (
            "created", "finalized", "paid", "payment_succeeded", "payment_failed", "payment_action_required",
            "finalization_failed", "marked_uncollectible", "voided", "upcoming", "updated",
        )),
    ],
    "charge": ["charge.refunded", "charge.succeeded", "charge.failed"],
    "payment_intent": ["payment_intent.succeeded", "payment_intent.payment_failed"],
    "payment_method": [
        "payment_method.attached", "payment_method.updated", "payment_method.automatically_updated",
    ],
    "customer": ["customer.created", "customer.updated", "customer.deleted"],
    "entitlements.active_entitlement_summary": ["entitlements.active_entitlement_summary.updated"],
}  # fmt: skip
ROUTED = {
    "refund": ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"],
    "dispute": [
        *(f"charge.dispute.{each}" for each in (
            "created", "updated", "closed", "funds_withdrawn", "funds_reinstated",
        )),
    ],
    "radar.early_fraud_warning": ["radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"],
}  # fmt: skip
IGNORED = ["price.created", "product.updated", "coupon.created", "payout.paid", "balance.available", "plan.updated"]


def cases(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(event_type, kind) for kind, types in table.items() for event_type in types]


@pytest.mark.parametrize(("event_type", "kind"), cases(NAMING))
def test_what_names_its_customer_syncs_them(event_type: str, kind: str, snapshot_event: Make) -> None:
    """Nothing but the id is taken, whatever the event says has happened."""
    about = {"object": kind, "id": "cus_1" if kind == "customer" else "x_1", "customer": "cus_1"}
    assert concern_of(snapshot_event(event_type, about), livemode=False) == Concern(customer_id="cus_1")


@pytest.mark.parametrize(("event_type", "kind"), [*cases(ROUTED), ("invoice_payment.paid", "invoice_payment")])
def test_what_names_none_is_routed_to_one(event_type: str, kind: str, snapshot_event: Make) -> None:
    """By the charge, or the invoice, that it is about; thin or whole."""
    asked: list[str] = []

    def ask(reference: Reference) -> dict[str, Any]:
        asked.append(reference.kind)
        return {"object": reference.kind, "id": reference.id, "customer": "cus_1"}

    about = {"object": kind, "id": "x_1", "charge": "ch_1", "invoice": "in_1"}
    event = snapshot_event(event_type, about)
    assert concern_of(event, livemode=False) == Concern()
    assert whom(event.about, ask) == Concern(customer_id="cus_1")
    assert asked == ["invoice" if kind == "invoice_payment" else "charge"]


def test_a_detached_card_leads_to_whose_it_was(snapshot_event: Make) -> None:
    """`customer` is null on detaching; `previous_attributes` still has it."""
    about = {"object": "payment_method", "id": "pm_1", "customer": None}
    event = snapshot_event("payment_method.detached", about, before={"customer": "cus_1"})
    assert concern_of(event, livemode=False) == Concern(customer_id="cus_1")


@pytest.mark.parametrize("event_type", IGNORED)
def test_what_concerns_no_payer_says_so(event_type: str, snapshot_event: Make) -> None:
    """Stored with the reason that support is shown."""
    event = snapshot_event(event_type, {"object": event_type.partition(".")[0], "id": "x_1"})
    assert concern_of(event, livemode=False) == Concern(ignored="concerns_no_customer")
