"""Stripe's JSON, as plain dictionaries, reduced to the facts of a snapshot (API 2026-10-28.endive)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from webhooks.concern import id_of
from webhooks.snapshot import CardFacts, InvoiceFacts, PaymentMethodFacts, SubscriptionFacts

PLAN_KEY = "newsstand_plan"
READER_KEY = "newsstand_reader_id"
CHECKOUT_KEY = "newsstand_checkout_id"
_OVER = frozenset({"canceled", "incomplete_expired"})


def subscription_facts(subscription: Mapping[str, Any]) -> SubscriptionFacts:
    """Return one subscription's facts. The price and the period are those of its item that sells a plan of ours."""
    item = _our_item(subscription["items"]["data"])
    price = item["price"]
    return SubscriptionFacts(
        id=subscription["id"],
        status=subscription["status"],
        plan=metadata_of(price, PLAN_KEY),
        price_id=price["id"],
        currency=price["currency"],
        amount_minor=(price.get("unit_amount") or 0) * (item.get("quantity") or 1),
        interval=(price.get("recurring") or {}).get("interval"),
        created_at=datetime.fromtimestamp(subscription["created"], UTC),
        trial_start_at=instant(subscription.get("trial_start")),
        trial_end_at=instant(subscription.get("trial_end")),
        period_start_at=instant(item.get("current_period_start")),
        period_end_at=instant(item.get("current_period_end")),
        cancel_at=instant(subscription.get("cancel_at")),
        cancel_at_period_end=bool(subscription.get("cancel_at_period_end")),
        canceled_at=instant(subscription.get("canceled_at")),
        ended_at=instant(subscription.get("ended_at")),
        pause_behavior=_within(subscription, "pause_collection", "behavior"),
        paused_reason=_within(subscription, "status_details", "paused", "subscription", "type"),
        cancellation_reason=_within(subscription, "cancellation_details", "reason"),
        reader_id=metadata_of(subscription, READER_KEY),
        checkout_id=metadata_of(subscription, CHECKOUT_KEY),
        payment_fingerprint=fingerprint_of(subscription.get("default_payment_method")),
    )


def invoice_facts(invoice: Mapping[str, Any], lines: Iterable[Mapping[str, Any]]) -> InvoiceFacts:
    """Return one invoice's facts; `lines` are all of its lines.

    The period is given by what it sells of a subscription: a credit for time taken back, up to the end of the plan
    that was left, pays for none.
    """
    periods = [line["period"] for line in lines if _is_of_subscription(line) and line.get("amount", 0) >= 0]
    period: Mapping[str, Any] = max(periods, key=lambda each: each["end"], default={})
    return InvoiceFacts(
        id=invoice["id"],
        number=invoice.get("number"),
        subscription_id=id_of(_within(invoice, "parent", "subscription_details", "subscription")),
        status=invoice.get("status") or "unknown",
        billing_reason=invoice.get("billing_reason"),
        currency=invoice["currency"],
        amount_due_minor=invoice["amount_due"],
        amount_paid_minor=invoice["amount_paid"],
        attempt_count=invoice.get("attempt_count") or 0,
        next_attempt_at=instant(invoice.get("next_payment_attempt")),
        created_at=datetime.fromtimestamp(invoice["created"], UTC),
        paid_at=instant(_within(invoice, "status_transitions", "paid_at")),
        period_start_at=instant(period.get("start")),
        period_end_at=instant(period.get("end")),
        hosted_url=invoice.get("hosted_invoice_url"),
    )


def card_facts(customer: Mapping[str, Any], subscriptions: Sequence[Mapping[str, Any]]) -> CardFacts | None:
    """Return the card that renewals are charged to, or None; expects the payment methods expanded.

    A subscription's own default is charged before the customer's
    (https://docs.stripe.com/api/subscriptions/object#subscription_object-default_payment_method); of several
    subscriptions that are not over, the newest is looked at first.
    """
    method = next((each for each in _methods(customer, subscriptions) if each.get("card")), None)
    return None if method is None else _card(method)


def payment_method_facts(
    customer: Mapping[str, Any], subscriptions: Sequence[Mapping[str, Any]]
) -> PaymentMethodFacts | None:
    """Return what renewals are charged to, a card or not, as `card_facts` looks for it; None for nothing."""
    method = next(iter(_methods(customer, subscriptions)), None)
    if method is None:
        return None
    return PaymentMethodFacts(id=method["id"], kind=method["type"], fingerprint=fingerprint_of(method))


def _methods(customer: Mapping[str, Any], subscriptions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the default payment methods, the one that is charged first before the others."""
    living = [each for each in subscriptions if each["status"] not in _OVER]
    newest_first = sorted(living, key=lambda each: int(each["created"]), reverse=True)
    methods = [
        *(each.get("default_payment_method") for each in newest_first),
        _within(customer, "invoice_settings", "default_payment_method"),
    ]
    return [each for each in methods if isinstance(each, dict)]


def fingerprint_of(method: Any) -> str | None:
    """Return the fingerprint of a payment method, or of a charge's details of one; None where its kind has none.

    It stands in the part named for the kind. Beside cards, bank debits have one: `acss_debit`, `au_becs_debit`,
    `bacs_debit`, `sepa_debit`, `us_bank_account` (https://docs.stripe.com/api/payment_methods/object).
    """
    kind = _within(method, "type")
    found: str | None = _within(method, kind, "fingerprint") if isinstance(kind, str) else None
    return found


def only_living(subscriptions: Iterable[SubscriptionFacts]) -> str | None:
    """Return the one subscription that is not over, whose card `card_facts` takes; None for none, or several."""
    living = [each.id for each in subscriptions if each.status not in _OVER]
    return living[0] if len(living) == 1 else None


def _card(method: Mapping[str, Any]) -> CardFacts:
    card = method["card"]
    return CardFacts(
        brand=card["brand"],
        last4=card["last4"],
        fingerprint=card.get("fingerprint"),
        funding=card.get("funding"),
        exp_month=card["exp_month"],
        exp_year=card["exp_year"],
        payment_method_id=method.get("id"),
    )


def metadata_of(thing: Mapping[str, Any], key: str) -> str | None:
    """Return a non-empty value of the object's metadata; Stripe's redaction may have taken it away."""
    return (thing.get("metadata") or {}).get(key) or None


def instant(seconds: int | None) -> datetime | None:
    """Return Unix seconds as an aware UTC instant."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _our_item(items: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return next((item for item in items if metadata_of(item["price"], PLAN_KEY)), items[0])


def _is_of_subscription(line: Mapping[str, Any]) -> bool:
    parent = line.get("parent") or {}
    return parent.get("type") == "subscription_item_details"


def _within(value: Any, *path: str) -> Any:
    """Follow `path` through nested objects, any of which may be absent or null."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
