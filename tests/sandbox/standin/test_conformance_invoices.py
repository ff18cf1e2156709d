"""Invoice items, and invoices made by hand, as Stripe documents them; any client's business, not ours alone.

Pages: docs.stripe.com/api/invoiceitems, /api/invoices/create, /invoicing/integration,
/billing/invoices/subscription#adding-upcoming-invoice-items.
"""

from __future__ import annotations

from typing import Any

import pytest
import stripe

NOON = 1_767_268_800  # 1 January 2026, 12:00 UTC
DAY, HOUR = 86_400, 3_600


@pytest.fixture
def api(shop: Any) -> Any:
    return shop.client.v1


@pytest.fixture
def customer(shop: Any) -> str:
    """A customer on a clock, with a card that pays."""
    return str(shop.customer(shop.clock(), "pm_card_visa"))


def item(shop: Any, customer: str, amount: int = 500, **more: Any) -> Any:
    wanted: Any = {"customer": customer, "amount": amount, "currency": "usd", **more}
    return shop.client.v1.invoice_items.create(wanted)


def subscribe(shop: Any, customer: str, **more: Any) -> Any:
    return shop.client.v1.subscriptions.create({"customer": customer, "items": [{"price": shop.monthly}], **more})


def test_a_draft_is_filled_finalized_and_paid(shop: Any, api: Any, customer: str) -> None:
    """An empty draft, items put on it, finalized to open with a number and an intent, charged to the default card."""
    draft = api.invoices.create({"customer": customer, "description": "Back issues", "metadata": {"desk": "7"}})
    assert (draft.status, draft.billing_reason, draft.total, draft.auto_advance) == ("draft", "manual", 0, False)
    assert (draft.parent, draft.description, draft.metadata["desk"]) == (None, "Back issues", "7")
    put = item(shop, customer, 700, invoice=draft.id, description="1959")
    item(shop, customer, -200, invoice=draft.id, discountable=False)
    assert put.invoice == draft.id
    opened = api.invoices.finalize_invoice(draft.id, {"expand": ["payments"]})
    assert (opened.status, opened.total, opened.amount_due) == ("open", 500, 500)
    assert opened.number
    line = opened.lines.data[0]
    assert (line.description, line.parent.type, line.parent.invoice_item_details.invoice_item) == (
        "1959", "invoice_item_details", put.id,
    )  # fmt: skip
    paid = api.invoices.pay(draft.id)
    assert (paid.status, paid.amount_paid) == ("paid", 500)
    intent = api.payment_intents.retrieve(opened.payments.data[0].payment.payment_intent)
    assert (intent.status, intent.amount) == ("succeeded", 500)
    told = [each for each in shop.event_types(customer) if each.startswith(("invoice.", "invoiceitem."))]
    assert told == [
        "invoice.created", "invoice.updated", "invoiceitem.created", "invoice.updated", "invoiceitem.created",
        "invoice.finalized", "invoice.updated", "invoice.paid", "invoice.payment_succeeded",
    ]  # fmt: skip


@pytest.mark.parametrize(("behavior", "total"), [({}, 0), ({"pending_invoice_items_behavior": "include"}, 800)])
def test_what_waits_is_included_where_that_is_asked_for(
    shop: Any, api: Any, customer: str, behavior: Any, total: int
) -> None:
    """`pending_invoice_items_behavior`: `exclude` unless told otherwise."""
    waiting = [item(shop, customer, 500).id, item(shop, customer, 300).id]
    assert api.invoices.create({"customer": customer, **behavior}).total == total
    left = [each.id for each in api.invoice_items.list({"customer": customer, "pending": True}).data]
    assert sorted(left) == ([] if total else sorted(waiting))


def test_an_item_goes_with_the_customer_s_next_subscription_invoice(shop: Any, api: Any, customer: str) -> None:
    """With the first one, and with a renewal, where it is previewed; one of another subscription waits for its own."""
    item(shop, customer, 100)
    sold = subscribe(shop, customer, expand=["latest_invoice"])
    other = subscribe(shop, customer)
    assert sold.latest_invoice.total == 390
    item(shop, customer, 40, subscription=sold.id)
    item(shop, customer, 7, subscription=other.id)
    assert api.invoices.create_preview({"subscription": sold.id}).total == 330
    shop.advance(api.customers.retrieve(customer).test_clock, NOON + 31 * DAY + HOUR)
    renewed = [api.invoices.list({"subscription": each.id}).data[0].amount_paid for each in (sold, other)]
    assert renewed == [330, 297]
    assert api.invoice_items.list({"customer": customer, "pending": True}).data == []


def test_an_invoice_of_a_subscription_takes_its_items_alone(shop: Any, api: Any, customer: str) -> None:
    """`subscription`: only what waits for it; its billing cycle goes on as it was."""
    sold = subscribe(shop, customer)
    item(shop, customer, 40, subscription=sold.id)
    item(shop, customer, 500)
    made = api.invoices.create({"customer": customer, "subscription": sold.id})
    assert (made.total, made.parent.subscription_details.subscription) == (40, sold.id)
    assert api.subscriptions.retrieve(sold.id).latest_invoice == sold.latest_invoice


def test_an_item_is_priced_changed_and_taken_back_until_it_is_invoiced(shop: Any, api: Any, customer: str) -> None:
    """By a one-time price and a quantity, or a sum; on a draft its line follows; afterwards it stands."""
    product = api.products.create({"name": "Tote bag"}).id
    bag = api.prices.create({"product": product, "currency": "usd", "unit_amount": 900}).id
    draft = api.invoices.create({"customer": customer}).id
    made = api.invoice_items.create(
        {"customer": customer, "pricing": {"price": bag}, "quantity": 2, "invoice": draft, "metadata": {"size": "L"}}
    )
    assert (made.amount, made.currency, made.pricing.price_details.product) == (1800, "usd", product)
    api.invoice_items.update(made.id, {"quantity": 3, "description": "Bags"})
    line = api.invoices.retrieve(draft).lines.data[0]
    assert (line.amount, line.quantity, line.description) == (2700, 3, "Bags")
    gone = item(shop, customer, 50, invoice=draft)
    assert api.invoice_items.delete(gone.id).deleted
    assert api.invoices.pay(draft).amount_paid == 2700
    for late in (
        lambda: api.invoice_items.update(made.id, {"description": "x"}),
        lambda: api.invoice_items.delete(made.id),
        lambda: item(shop, customer, invoice=draft),
        lambda: api.invoice_items.retrieve(gone.id),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            late()


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({}, "amount"),
        ({"amount": 5, "quantity": 2}, "quantity"),
        ({"pricing": {"price": "MONTHLY"}}, "pricing[price]"),
        ({"amount": 5, "pricing": {"price": "MONTHLY"}}, "amount"),
        ({"amount": 5, "subscription": "sub_none"}, "subscription"),
        ({"amount": 5, "invoice": "in_none"}, "invoice"),
        ({"amount": 5, "tax_rates": ["txr_1"]}, "tax_rates"),
    ],
)
def test_a_wrong_item_is_refused(lasting_shop: Any, wrong: Any, param: str) -> None:
    """At the parameter at fault; so is what the stand-in does not support."""
    shop, wanted = lasting_shop, {**wrong}
    if "pricing" in wrong:
        wanted["pricing"] = {"price": shop.monthly}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.v1.invoice_items.create({"customer": shop.customer(), "currency": "usd", **wanted})
    assert refused.value.param == param


def test_an_invoice_that_advances_finalizes_and_collects_itself(shop: Any, api: Any, customer: str) -> None:
    """`auto_advance`: after about an hour, and again by the retry schedule where the card fails."""
    item(shop, customer, 500)
    failing = api.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer}).id
    made: Any = {"customer": customer, "auto_advance": True, "pending_invoice_items_behavior": "include"}
    draft = api.invoices.create({**made, "default_payment_method": failing})
    assert draft.automatically_finalizes_at == NOON + HOUR
    clock = api.customers.retrieve(customer).test_clock
    shop.advance(clock, NOON + HOUR)
    tried = api.invoices.retrieve(draft.id)
    assert (tried.status, tried.attempt_count, tried.next_payment_attempt) == ("open", 1, NOON + HOUR + DAY)
    api.invoices.update(draft.id, {"default_payment_method": ""})
    shop.advance(clock, NOON + HOUR + DAY)
    assert api.invoices.retrieve(draft.id).status == "paid"


def test_a_draft_advances_once_it_is_told_to(shop: Any, api: Any, customer: str) -> None:
    """`auto_advance` may be set later; a draft of nothing is paid as soon as it is finalized."""
    draft = api.invoices.create({"customer": customer})
    item(shop, customer, 500, invoice=draft.id)
    clock = api.customers.retrieve(customer).test_clock
    shop.advance(clock, NOON + DAY)
    assert api.invoices.retrieve(draft.id).status == "draft"
    assert api.invoices.update(draft.id, {"auto_advance": True}).automatically_finalizes_at == NOON + DAY + HOUR
    shop.advance(clock, NOON + DAY + HOUR)
    assert api.invoices.retrieve(draft.id).status == "paid"
    nothing = api.invoices.create({"customer": customer}).id
    assert api.invoices.finalize_invoice(nothing).status == "paid"


def test_an_item_may_stand_out_of_a_coupon_s_reach(shop: Any, api: Any, customer: str) -> None:
    """`discountable`: half off the plan and one item, nothing off the other."""
    coupon = api.coupons.create({"percent_off": 50, "duration": "forever"}).id
    item(shop, customer, 100)
    item(shop, customer, 60, discountable=False)
    sold = subscribe(shop, customer, discounts=[{"coupon": coupon}], expand=["latest_invoice"])
    assert sold.latest_invoice.total == 145 + 50 + 60
