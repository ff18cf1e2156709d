"""What a client does with the parts of a subscription: its first payment confirmed, its items one by one.

Pages: docs.stripe.com/billing/subscriptions/build-subscriptions, /api/payment_intents/confirm, /api/subscription_items.
"""

from __future__ import annotations

from typing import Any

import pytest
import stripe


@pytest.fixture
def api(shop: Any) -> Any:
    return shop.client.v1


def subscribe(shop: Any, customer: str, **more: Any) -> Any:
    return shop.client.v1.subscriptions.create({"customer": customer, "items": [{"price": shop.monthly}], **more})


def waiting(shop: Any) -> Any:
    """Begin a subscription whose first payment the client confirms, as in Stripe's guide for Elements."""
    return subscribe(
        shop, shop.customer(shop.clock()), payment_behavior="default_incomplete",
        expand=["latest_invoice.confirmation_secret", "latest_invoice.payments"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("card", "intent", "subscription"),
    [("pm_card_visa", "succeeded", "active"), ("pm_card_authenticationRequired", "requires_action", "incomplete")],
)
def test_a_first_payment_is_confirmed_by_the_client(
    shop: Any, api: Any, card: str, intent: str, subscription: str
) -> None:
    """`default_incomplete`, then the payment intent of its secret (…/api/payment_intents/confirm)."""
    sold = waiting(shop)
    secret = sold.latest_invoice.confirmation_secret.client_secret
    confirmed = api.payment_intents.confirm(secret.partition("_secret_")[0], {"payment_method": card})
    assert (confirmed.status, api.subscriptions.retrieve(sold.id).status) == (intent, subscription)


def test_a_refused_confirmation_may_be_tried_with_another_card(shop: Any, api: Any) -> None:
    """402, the subscription stays incomplete; once paid, there is nothing left to confirm."""
    sold = waiting(shop)
    identifier = sold.latest_invoice.payments.data[0].payment.payment_intent
    with pytest.raises(stripe.CardError):
        api.payment_intents.confirm(identifier, {"payment_method": "pm_card_chargeCustomerFail"})
    assert api.subscriptions.retrieve(sold.id).status == "incomplete"
    assert api.payment_intents.confirm(identifier, {"payment_method": "pm_card_visa"}).status == "succeeded"
    assert api.subscriptions.retrieve(sold.id).status == "active"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.payment_intents.confirm(identifier, {"payment_method": "pm_card_visa"})
    assert refused.value.code == "payment_intent_unexpected_state"


def test_items_are_resources_of_their_own(shop: Any, api: Any) -> None:
    """Listed, read, changed, added and taken away at /v1/subscription_items, each a change of the subscription."""
    sold = subscribe(shop, shop.customer(shop.clock(), "pm_card_visa"))
    (item,) = api.subscription_items.list({"subscription": sold.id}).data
    assert api.subscription_items.retrieve(item.id).price.id == shop.monthly
    changed = api.subscription_items.update(item.id, {"quantity": 2, "metadata": {"seat": "both"}})
    assert (changed.quantity, changed.metadata["seat"]) == (2, "both")
    other = api.prices.create(
        {"product": api.prices.retrieve(shop.monthly).product, "currency": "usd", "unit_amount": 100,
         "recurring": {"interval": "month"}}
    )  # fmt: skip
    added = api.subscription_items.create({"subscription": sold.id, "price": other.id})
    assert [each.id for each in api.subscription_items.list({"subscription": sold.id})] == [item.id, added.id]
    assert api.subscription_items.delete(added.id).deleted
    assert [each.id for each in api.subscriptions.retrieve(sold.id)["items"].data] == [item.id]
    assert shop.event_types(sold.customer).count("customer.subscription.updated") >= 3
    with pytest.raises(stripe.InvalidRequestError):
        api.subscription_items.delete(item.id)
