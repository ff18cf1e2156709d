"""What Stripe said of one customer, reduced to the facts that access depends on. Pure data.

Field sources: Stripe API 2026-10-28.endive. The billing period is on the subscription's *items*; a paid
period is on the paid invoice's *lines*; nothing here is read from an event's payload.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """The card a renewal would be charged to."""

    brand: str
    last4: str
    fingerprint: str | None
    funding: str | None
    exp_month: int
    exp_year: int
    payment_method_id: str | None = None
    """None in what was kept before this was."""


@dataclass(frozen=True, kw_only=True)
class PaymentMethodFacts:
    """What a renewal would be charged to: a card or anything else."""

    id: str
    kind: str
    """Stripe's word: `card`, `sepa_debit`, `us_bank_account`, `link` …"""
    fingerprint: str | None
    """The same for the same card or bank account; None for a kind that Stripe gives none, such as Link."""


@dataclass(frozen=True, kw_only=True)
class SubscriptionFacts:
    """One subscription. `plan` comes from the price's `metadata.newsstand_plan`; None is a foreign product."""

    id: str
    status: str
    plan: str | None
    price_id: str
    currency: str
    amount_minor: int
    interval: str | None
    created_at: datetime
    trial_start_at: datetime | None
    trial_end_at: datetime | None
    period_start_at: datetime | None
    period_end_at: datetime | None
    cancel_at: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    ended_at: datetime | None
    pause_behavior: str | None
    paused_reason: str | None
    cancellation_reason: str | None
    reader_id: str | None
    """Our `metadata.newsstand_reader_id`, set at checkout."""
    checkout_id: str | None
    """Our `metadata.newsstand_checkout_id`: the checkout that led to it."""
    payment_fingerprint: str | None = None
    """Of the subscription's own default payment method, also once it is over; None in what was kept before this was."""


@dataclass(frozen=True, kw_only=True)
class InvoiceFacts:
    """One invoice. The period is that of its subscription line which ends last."""

    id: str
    number: str | None
    subscription_id: str | None
    status: str
    billing_reason: str | None
    currency: str
    amount_due_minor: int
    amount_paid_minor: int
    attempt_count: int
    next_attempt_at: datetime | None
    created_at: datetime
    paid_at: datetime | None
    period_start_at: datetime | None
    period_end_at: datetime | None
    hosted_url: str | None


@dataclass(frozen=True, kw_only=True)
class HoldFacts:
    """A dispute, an early fraud warning or a refund of one charge, and the invoice which that charge paid.

    `status` is Stripe's word for a dispute or refund; a warning's is `actionable` or `not_actionable`.
    """

    id: str
    kind: str
    """`dispute`, `fraud_warning` or `refund`."""
    status: str
    amount_minor: int
    currency: str
    charge_id: str
    charge_amount_minor: int
    invoice_id: str | None
    """None for a payment without an invoice: no subscription's."""
    created_at: datetime
    payment_fingerprint: str | None = None
    """Of the card or bank account that was charged; None in what was kept before this was."""


@dataclass(frozen=True, kw_only=True)
class CustomerSnapshot:
    """A customer's whole state. `fetched_at` is the business instant read *before* the fetch began."""

    customer_id: str
    deleted: bool
    email: str | None
    reader_id: str | None
    """Our `metadata.newsstand_reader_id` on the customer."""
    fetched_at: datetime
    card: CardFacts | None
    subscriptions: tuple[SubscriptionFacts, ...]
    invoices: tuple[InvoiceFacts, ...]
    holds: tuple[HoldFacts, ...] = ()
    pays_with: PaymentMethodFacts | None = None
    """None in what was kept before this was."""
    incomplete: tuple[str, ...] = ()
    """Of what of ours there was more than a fetch takes: `invoices`, `charges`. Nobody ordinary reaches that."""


def snapshot_to_json(snapshot: CustomerSnapshot) -> dict[str, Any]:
    """Return the snapshot as JSON values, instants as RFC 3339."""
    encoded: dict[str, Any] = _encode(asdict(snapshot))
    return encoded


def snapshot_from_json(value: dict[str, Any]) -> CustomerSnapshot:
    """Return the snapshot that `snapshot_to_json` wrote."""
    plain = _decode(CustomerSnapshot, value)
    plain["card"] = CardFacts(**_decode(CardFacts, value["card"])) if value["card"] else None
    pays_with = value.get("pays_with")
    plain["pays_with"] = PaymentMethodFacts(**_decode(PaymentMethodFacts, pays_with)) if pays_with else None
    plain["subscriptions"] = tuple(
        SubscriptionFacts(**_decode(SubscriptionFacts, each)) for each in value["subscriptions"]
    )
    plain["invoices"] = tuple(InvoiceFacts(**_decode(InvoiceFacts, each)) for each in value["invoices"])
    plain["holds"] = tuple(HoldFacts(**_decode(HoldFacts, each)) for each in value["holds"])
    plain["incomplete"] = tuple(value.get("incomplete", ()))
    return CustomerSnapshot(**plain)


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _encode(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(each) for each in value]
    return value


def _decode(kind: type, value: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of `kind` found in `value`, `*_at` strings as instants."""
    return {field.name: _instant(field.name, value[field.name]) for field in fields(kind) if field.name in value}


def _instant(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name.endswith("_at") and isinstance(value, str) else value
