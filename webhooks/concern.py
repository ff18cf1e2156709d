"""Whom an event concerns: told from the event alone where it names a customer, else what to ask Stripe for.

Nothing but ids is taken from an event's payload; what it says about the customer is never believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webhooks.events import StripeEvent, mapping_or_empty, text_or_none

UNCONCERNED = (
    "account.", "application_fee.", "balance.", "billing_portal.configuration.", "capability.", "coupon.", "file.",
    "payout.", "person.", "plan.", "price.", "product.", "promotion_code.", "reporting.", "sigma.", "tax_rate.",
    "terminal.", "test_helpers.", "topup.", "transfer.", "v2.",
)  # fmt: skip
"""Beginnings of the event types that concern no single payer of ours."""

COLLECTIONS: Mapping[str, str] = {
    "charge": "charges",
    "checkout.session": "checkout/sessions",
    "credit_note": "credit_notes",
    "dispute": "disputes",
    "invoice": "invoices",
    "invoice_payment": "invoice_payments",
    "payment_intent": "payment_intents",
    "payment_method": "payment_methods",
    "radar.early_fraud_warning": "radar/early_fraud_warnings",
    "refund": "refunds",
    "review": "reviews",
    "setup_intent": "setup_intents",
    "subscription": "subscriptions",
    "subscription_schedule": "subscription_schedules",
}
"""Under `/v1/`, where an object of each kind is read. Kinds not listed cannot lead to a customer."""

_LEADS: Mapping[str, tuple[str, ...]] = {
    "charge": ("payment_intent",),
    "dispute": ("charge", "payment_intent"),
    "invoice_payment": ("invoice",),
    "radar.early_fraud_warning": ("charge", "payment_intent"),
    "refund": ("charge", "payment_intent"),
    "review": ("charge", "payment_intent"),
}


@dataclass(frozen=True)
class Reference:
    """An object at Stripe to ask for."""

    kind: str
    id: str


@dataclass(frozen=True, kw_only=True)
class Concern:
    """A named customer, or a reason to ignore the event, or neither: then Stripe must be asked (routing).

    Of an event of the other mode both are kept: where a service ran with the wrong key, people find it on the account.
    """

    customer_id: str | None = None
    ignored: str | None = None


def concern_of(event: StripeEvent, *, livemode: bool) -> Concern:
    """Return whom `event` concerns, for a service whose Stripe key is of `livemode`."""
    if event.livemode is not livemode:
        return Concern(ignored="wrong_livemode", customer_id=customer_of(event.about, event.before))
    if event.account is not None:
        return Concern(ignored="connected_account")
    if event.type.removeprefix("v1.").startswith(UNCONCERNED):
        return Concern(ignored="concerns_no_customer")
    customer_id = customer_of(event.about, event.before)
    if customer_id is not None:
        return Concern(customer_id=customer_id)
    return Concern() if leads_of(event.about) else Concern(ignored="names_no_customer")


def customer_of(about: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> str | None:
    """Return the customer that an object is, belongs to, or (a detached payment method) belonged to."""
    if about.get("object") == "customer":
        return text_or_none(about.get("id"))
    return id_of(about.get("customer")) or id_of(mapping_or_empty(before).get("customer"))


def leads_of(about: Mapping[str, Any]) -> list[Reference]:
    """Return what to ask Stripe for, likeliest first: what the object points at, else the object itself."""
    kind = about.get("object")
    if not isinstance(kind, str) or kind not in COLLECTIONS:
        return []
    named = ((each, id_of(about.get(each))) for each in _LEADS.get(kind, ()))
    pointed = [Reference(each, found) for each, found in named if found is not None]
    own = text_or_none(about.get("id"))
    return pointed or ([Reference(kind, own)] if own is not None else [])


def id_of(value: object) -> str | None:
    """Return the id in a field that holds one, or holds the object itself, expanded."""
    return text_or_none(mapping_or_empty(value).get("id") if isinstance(value, dict) else value)
