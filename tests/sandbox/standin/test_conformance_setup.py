"""Cards saved for later, slow answers, ends by name, as Stripe documents them; any client's business, not ours alone.

Pages: docs.stripe.com/api/setup_intents, /billing/subscriptions/trials, /api/subscriptions/update.
"""

from __future__ import annotations

from typing import Any

import pytest
import stripe

NOON = 1_767_268_800  # 1 January 2026, 12:00 UTC
DAY = 86_400


@pytest.fixture
def api(shop: Any) -> Any:
    return shop.client.v1


def subscribe(shop: Any, customer: str, **more: Any) -> Any:
    return shop.client.v1.subscriptions.create({"customer": customer, "items": [{"price": shop.monthly}], **more})


@pytest.mark.parametrize("saved", ["on_subscription", "off"])
def test_a_trial_without_a_card_waits_for_its_setup_intent(shop: Any, api: Any, saved: str) -> None:
    """`default_incomplete` with nothing to pay: `pending_setup_intent`, whose card becomes the default if asked."""
    customer = shop.customer(shop.clock())
    settings: Any = {"save_default_payment_method": saved}
    sold = subscribe(
        shop, customer, trial_period_days=7, payment_behavior="default_incomplete", payment_settings=settings,
        expand=["pending_setup_intent"],
    )  # fmt: skip
    intent = sold.pending_setup_intent
    assert (sold.status, intent.status, "_secret_" in intent.client_secret) == (
        "trialing", "requires_payment_method", True,
    )  # fmt: skip
    confirmed = api.setup_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    then = api.subscriptions.retrieve(sold.id)
    assert (confirmed.status, then.pending_setup_intent) == ("succeeded", None)
    wanted = confirmed.payment_method if saved == "on_subscription" else None
    assert then.default_payment_method == wanted
    assert api.payment_methods.retrieve(confirmed.payment_method).customer == customer


def test_a_card_is_saved_refused_or_asked_about(shop: Any, api: Any) -> None:
    """Confirmed at once or later; a refused card may be followed by another; a saved one is final."""
    customer = shop.customer()
    at_once = api.setup_intents.create({"customer": customer, "payment_method": "pm_card_visa", "confirm": True})
    assert at_once.status == "succeeded"
    later = api.setup_intents.create({"customer": customer}).id
    with pytest.raises(stripe.CardError):
        api.setup_intents.confirm(later, {"payment_method": "pm_card_visa_chargeDeclined"})
    assert api.setup_intents.retrieve(later).last_setup_error.code == "card_declined"
    asked = api.setup_intents.confirm(later, {"payment_method": "pm_card_authenticationRequired"})
    assert asked.status == "requires_action"
    assert api.setup_intents.cancel(later).status == "canceled"
    for over in (at_once.id, later):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            api.setup_intents.confirm(over, {"payment_method": "pm_card_visa"})
        assert refused.value.code == "setup_intent_unexpected_state"


def test_the_card_that_pays_becomes_the_subscription_s_own_where_it_is_asked_to(shop: Any, api: Any) -> None:
    """`save_default_payment_method=on_subscription` (/api/subscriptions/create)."""
    customer = shop.customer(None, "pm_card_visa")
    settings: Any = {"save_default_payment_method": "on_subscription"}
    sold = subscribe(shop, customer, payment_settings=settings)
    paying = api.customers.retrieve(customer).invoice_settings.default_payment_method
    assert api.subscriptions.retrieve(sold.id).default_payment_method == paying
    assert subscribe(shop, customer).default_payment_method is None


@pytest.mark.parametrize("end", ["min_period_end", "max_period_end"])
def test_an_end_is_named_by_the_items_periods(shop: Any, api: Any, end: Any) -> None:
    """The earliest or latest end of any item's period, with the boolean left false (/api/subscriptions/update)."""
    sold = subscribe(shop, shop.customer(shop.clock(), "pm_card_visa"))
    ending = api.subscriptions.update(sold.id, {"cancel_at": end})
    assert (ending.cancel_at, ending.cancel_at_period_end) == (sold["items"].data[0].current_period_end, False)


def test_a_slow_answer_times_out_and_its_work_is_done(shop: Any) -> None:
    """`api_delay_seconds`: the SDK gives up, Stripe does not; the same key then finds what was done."""
    impatient = stripe.StripeClient(
        "sk_test_sandbox", base_addresses={"api": shop.url}, max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=0.2),
    )  # fmt: skip
    key: Any = {"idempotency_key": "slow"}
    shop.control("faults", api_delay_seconds=1.0)
    with pytest.raises(stripe.APIConnectionError):
        impatient.v1.customers.create({"email": "a@example.com"}, key)
    shop.control("faults")
    again = shop.client.v1.customers.create({"email": "a@example.com"}, key)
    assert [each.id for each in shop.client.v1.customers.list().data] == [again.id]
