"""Stripe's shapes reduced to facts: the fields that old code reads in the wrong place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from webhooks.facts import (
    card_facts,
    fingerprint_of,
    invoice_facts,
    metadata_of,
    only_living,
    payment_method_facts,
    subscription_facts,
)
from webhooks.snapshot import InvoiceFacts, PaymentMethodFacts

Shape = Callable[..., dict[str, Any]]


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def item(price_id: str, plan: str | None = None, **fields: Any) -> dict[str, Any]:
    metadata = {"newsstand_plan": plan} if plan else {}
    price = {"id": price_id, "currency": "usd", "unit_amount": 290, "metadata": metadata}
    price["recurring"] = {"interval": "month"}
    return {
        "id": "si_1",
        "price": price,
        "quantity": 1,
        "current_period_start": 100,
        "current_period_end": 200,
    } | fields


def line(start: int, end: int, kind: str = "subscription_item_details") -> dict[str, Any]:
    return {"period": {"start": start, "end": end}, "parent": {"type": kind, kind: {}}}


def test_a_recorded_subscription_is_read(shape: Shape) -> None:
    """The recorded shape is read whole: the period from its item, a foreign price as no plan."""
    facts = subscription_facts(shape("subscription"))
    assert (facts.status, facts.plan, facts.amount_minor, facts.interval) == ("active", None, 2000, "month")
    assert facts.period_start_at == at(1896570518)
    assert facts.period_end_at == at(976287773)
    assert facts.trial_start_at == facts.trial_end_at == facts.cancel_at == facts.created_at == at(1234567890)
    assert facts.canceled_at == facts.ended_at == at(1234567890)
    assert (facts.cancel_at_period_end, facts.pause_behavior) == (True, "mark_uncollectible")
    assert (facts.paused_reason, facts.cancellation_reason, facts.reader_id, facts.checkout_id) == (None,) * 4


def test_our_marks_on_a_subscription_are_read(shape: Shape) -> None:
    """Reader, checkout, and the reasons Stripe gives come from their nested places."""
    facts = subscription_facts(
        shape(
            "subscription",
            metadata={"newsstand_reader_id": "r-81", "newsstand_checkout_id": "chk_1"},
            status_details={"paused": {"subscription": {"type": "final_payment_failure"}, "transitioned_at": 5}},
            cancellation_details={"reason": "payment_disputed"},
            pause_collection=None,
            trial_end=None,
        )
    )
    assert (facts.reader_id, facts.checkout_id) == ("r-81", "chk_1")
    assert (facts.paused_reason, facts.cancellation_reason) == ("final_payment_failure", "payment_disputed")
    assert (facts.pause_behavior, facts.trial_end_at) == (None, None)


def test_the_item_that_sells_our_plan_counts(shape: Shape) -> None:
    """On a shared Stripe account another product's item may stand first."""
    items = {"data": [item("price_x", current_period_end=5), item("price_1", "monthly", quantity=2)]}
    facts = subscription_facts(shape("subscription", items=items))
    assert (facts.plan, facts.price_id, facts.amount_minor) == ("monthly", "price_1", 580)
    assert facts.period_end_at == at(200)


def test_a_pending_update_is_not_read(shape: Shape) -> None:
    """A change that waits for its payment is none: the price in force stands on the item, until Stripe applies it."""
    items = {"data": [item("price_1", "monthly", current_period_end=5)]}
    pending = {
        "expires_at": 9,
        "subscription_items": [item("price_2", "annual", current_period_end=500)],
        "trial_end": 7,
    }
    waiting = shape("subscription", items=items, pending_update=pending)
    assert subscription_facts(waiting) == subscription_facts(waiting | {"pending_update": None})
    assert (subscription_facts(waiting).plan, subscription_facts(waiting).period_end_at) == ("monthly", at(5))


def test_a_price_without_a_unit_amount_is_nothing(shape: Shape) -> None:
    """Tiered prices have none; a one-off one has no interval."""
    odd = item("price_x")
    odd["price"] |= {"unit_amount": None, "recurring": None}
    facts = subscription_facts(shape("subscription", items={"data": [odd]}))
    assert (facts.amount_minor, facts.interval) == (0, None)


def test_a_recorded_invoice_is_read(shape: Shape) -> None:
    """Amounts, status and the subscription under `parent`; an item's line gives no period."""
    facts = invoice_facts(shape("invoice"), shape("invoice")["lines"]["data"])
    assert (facts.status, facts.amount_due_minor, facts.amount_paid_minor) == ("draft", 1000, 0)
    assert (facts.subscription_id, facts.billing_reason, facts.attempt_count) == ("subscription", "manual", 0)
    assert facts.next_attempt_at == facts.created_at == at(1234567890)
    assert (facts.paid_at, facts.period_start_at, facts.period_end_at, facts.hosted_url) == (None,) * 4


def test_the_subscription_line_that_ends_last_gives_the_period(shape: Shape) -> None:
    """A proration's line and a one-off item's do not."""
    lines = [line(1, 50), line(60, 90), line(0, 99, "invoice_item_details"), line(2, 70)]
    facts = invoice_facts(shape("invoice", status="paid", status_transitions={"paid_at": 7}), lines)
    assert (facts.period_start_at, facts.period_end_at, facts.paid_at) == (at(60), at(90), at(7))


def test_a_credit_pays_for_no_period(shape: Shape) -> None:
    """Who leaves a yearly plan gets its rest back: that line ends with the year, and the month bought does not."""
    lines = [{**line(5, 365), "amount": -1900}, {**line(5, 35), "amount": 290}]
    assert invoice_facts(shape("invoice"), lines).period_end_at == at(35)


@pytest.mark.parametrize(
    ("parent", "subscription_id"),
    [(None, None), ({"quote_details": {}, "subscription_details": None}, None),
     ({"subscription_details": {"subscription": {"id": "sub_2", "object": "subscription"}}}, "sub_2")],
)  # fmt: skip
def test_an_invoices_parent_may_be_null_or_expanded(parent: Any, subscription_id: str | None, shape: Shape) -> None:
    """Neither breaks the reading."""
    assert invoice_facts(shape("invoice", parent=parent, status=None), []).subscription_id == subscription_id


def test_the_card_of_a_renewal(shape: Shape) -> None:
    """The newest living subscription's own card, else the customer's default; never one that is over, or no card."""
    method = shape("payment_method")
    other = method | {"card": method["card"] | {"last4": "0341"}}
    living = shape("subscription", created=1, default_payment_method=other)
    over = shape("subscription", created=9, status="canceled", default_payment_method=method)
    bank = shape("subscription", created=5, default_payment_method={"type": "sepa_debit", "card": None})
    customer = shape("customer")
    found = card_facts(customer, [over, living, bank])
    assert found is not None
    assert found.last4 == "0341"
    preferred = customer | {"invoice_settings": {"default_payment_method": method}}
    found = card_facts(preferred, [living])
    assert found is not None
    assert found.last4 == "0341"
    found = card_facts(preferred, [shape("subscription", created=1, default_payment_method=None)])
    assert found is not None
    assert (found.brand, found.last4, found.fingerprint) == ("visa", "4242", "AOB934RVNwzk6xtn")
    assert (found.funding, found.exp_month, found.exp_year) == ("credit", 8, 2030)
    assert found.payment_method_id == method["id"]
    newer = shape("subscription", created=2, default_payment_method=method)
    found = card_facts(customer, [living, newer])
    assert found is not None
    assert found.last4 == "4242"
    assert card_facts(shape("deleted_customer"), [over]) is None


DEBITS = ("acss_debit", "au_becs_debit", "bacs_debit", "sepa_debit", "us_bank_account")


@pytest.mark.parametrize("kind", ["card", *DEBITS])
def test_cards_and_bank_accounts_have_fingerprints(kind: str) -> None:
    """Each stands in the part that is named for the kind of payment method, saved or charged."""
    method = {"id": "pm_1", "type": kind, kind: {"fingerprint": "same", "last4": "3000"}}
    assert fingerprint_of(method) == "same"
    customer = {"invoice_settings": {"default_payment_method": method}}
    assert payment_method_facts(customer, []) == PaymentMethodFacts(id="pm_1", kind=kind, fingerprint="same")


@pytest.mark.parametrize("method", [
    None, "pm_1", {}, {"type": "link", "link": {"email": "r@example.com"}}, {"type": "paypal"},
    {"type": "sepa_debit", "sepa_debit": {"fingerprint": None}},
])  # fmt: skip
def test_other_payment_methods_have_none(method: Any) -> None:
    """Link's and wallets' accounts cannot be told apart by us."""
    assert fingerprint_of(method) is None


def test_a_subscriptions_own_debit_comes_before_the_customers_card(shape: Shape) -> None:
    """It is what a renewal is charged to; the card is still what is shown, being all that can be shown of cards."""
    debit = {"id": "pm_debit", "type": "sepa_debit", "sepa_debit": {"fingerprint": "iban"}}
    living = shape("subscription", default_payment_method=debit)
    customer = shape("customer", invoice_settings={"default_payment_method": shape("payment_method")})
    found = payment_method_facts(customer, [living])
    assert found == PaymentMethodFacts(id="pm_debit", kind="sepa_debit", fingerprint="iban")
    assert subscription_facts(living).payment_fingerprint == "iban"
    card = card_facts(customer, [living])
    assert card is not None
    assert card.last4 == "4242"
    assert payment_method_facts(shape("deleted_customer"), []) is None


@pytest.mark.parametrize("metadata", [None, {}, {"key": ""}])
def test_metadata_may_be_gone(metadata: Any) -> None:
    """Stripe's redaction empties it."""
    assert metadata_of({"metadata": metadata}, "key") is None
    assert metadata_of({}, "key") is None


def test_an_invoice_is_read_whole() -> None:
    """Number, status, amounts, attempts, instants and the page to pay on: each from its place, gaps as nothing."""
    raw = {
        "id": "in_1", "number": "A-7", "status": "open", "billing_reason": "subscription_cycle", "currency": "usd",
        "amount_due": 290, "amount_paid": 5, "attempt_count": 3, "next_payment_attempt": 9, "created": 1,
        "status_transitions": {"paid_at": 8}, "hosted_invoice_url": "https://pay.example/1",
        "parent": {"subscription_details": {"subscription": "sub_1"}},
    }  # fmt: skip
    free = {"period": {"start": 3, "end": 4}, "amount": 0, "parent": {"type": "subscription_item_details"}}
    credit = {"period": {"start": 5, "end": 6}, "amount": -1, "parent": {"type": "subscription_item_details"}}
    assert invoice_facts(raw, [free, credit]) == InvoiceFacts(
        id="in_1", number="A-7", subscription_id="sub_1", status="open", billing_reason="subscription_cycle",
        currency="usd", amount_due_minor=290, amount_paid_minor=5, attempt_count=3, next_attempt_at=at(9),
        created_at=at(1), paid_at=at(8), period_start_at=at(3), period_end_at=at(4), hosted_url="https://pay.example/1",
    )  # fmt: skip
    bare = invoice_facts(
        {"id": "in_2", "currency": "eur", "amount_due": 0, "amount_paid": 0, "created": 1, "attempt_count": None}, []
    )
    assert (bare.status, bare.number, bare.attempt_count, bare.hosted_url) == ("unknown", None, 0, None)


def test_an_items_currency_and_missing_quantity(shape: Shape) -> None:
    """The price's currency is kept; an item without a quantity is one."""
    facts = subscription_facts(shape("subscription", items={"data": [item("price_1", "monthly", quantity=None)]}))
    assert (facts.currency, facts.amount_minor) == ("usd", 290)


def test_the_one_living_subscription_is_found(shape: Shape) -> None:
    """Its card is the reader's; with none or several there is no telling."""
    over, living = (subscription_facts(shape("subscription", id=each, status=status)) for each, status in (
        ("sub_over", "canceled"), ("sub_living", "active"),
    ))  # fmt: skip
    assert only_living([over, living]) == "sub_living"
    assert only_living([over]) is None
    assert only_living([living, living]) is None
