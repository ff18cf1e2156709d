"""Subscriptions and their invoices, as Stripe documents them; any client's business, not ours alone.

Pages: docs.stripe.com/billing/subscriptions/overview, /trials, /change-price, /prorations, /pending-updates,
/billing/invoices/subscription, /billing/revenue-recovery/smart-retries, /api/subscriptions.
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


def subscribe(shop: Any, customer: str, price: str = "", **more: Any) -> Any:
    items: Any = [{"price": price or shop.monthly}]
    return shop.client.v1.subscriptions.create({"customer": customer, "items": items, **more})


def change_of(subscription: Any, price: str, **more: Any) -> Any:
    return {"items": [{"id": subscription["items"].data[0].id, "price": price}], **more}


def test_a_trial_begins_with_a_paid_invoice_of_nothing(shop: Any, api: Any) -> None:
    """`trialing`, a $0 invoice that is paid at once, and a period that ends with the trial (…/trials)."""
    sold = subscribe(shop, shop.customer(shop.clock(), "pm_card_visa"), trial_period_days=30, expand=["latest_invoice"])
    assert (sold.status, sold.latest_invoice.status, sold.latest_invoice.amount_due) == ("trialing", "paid", 0)
    item = sold["items"].data[0]
    assert (item.current_period_end, sold.trial_end, sold.billing_cycle_anchor) == (NOON + 30 * DAY,) * 3


def test_the_first_payment_decides_about_the_status(shop: Any, api: Any) -> None:
    """allow_incomplete, default_incomplete and error_if_incomplete (…/overview#subscription-statuses)."""
    failing = shop.customer(shop.clock(), "pm_card_chargeCustomerFail")
    tried = subscribe(shop, failing, payment_behavior="allow_incomplete", expand=["latest_invoice"])
    assert (tried.status, tried.latest_invoice.status, tried.latest_invoice.attempted) == ("incomplete", "open", True)
    with pytest.raises(stripe.CardError):
        subscribe(shop, failing, payment_behavior="error_if_incomplete")
    assert len(api.subscriptions.list({"customer": failing, "status": "all"}).data) == 1
    waits = subscribe(
        shop, failing, payment_behavior="default_incomplete", expand=["latest_invoice.confirmation_secret"]
    )
    assert (waits.status, waits.latest_invoice.attempted) == ("incomplete", False)
    assert "_secret_" in waits.latest_invoice.confirmation_secret.client_secret


def test_an_unpaid_first_invoice_expires_after_23_hours(shop: Any, api: Any) -> None:
    """`incomplete_expired`, for good, and the invoice is void (…/overview#payment-window)."""
    clock = shop.clock()
    waits = subscribe(shop, shop.customer(clock, "pm_card_visa"), payment_behavior="default_incomplete")
    shop.advance(clock, NOON + 23 * HOUR - 1)
    assert api.subscriptions.retrieve(waits.id).status == "incomplete"
    shop.advance(clock, NOON + 23 * HOUR)
    over = api.subscriptions.retrieve(waits.id, {"expand": ["latest_invoice"]})
    assert (over.status, over.latest_invoice.status) == ("incomplete_expired", "void")


def test_a_renewal_waits_an_hour_as_a_draft(shop: Any, api: Any) -> None:
    """Created at the boundary, finalized and charged about an hour later (/billing/invoices/subscription)."""
    clock = shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_visa"))
    boundary = sold["items"].data[0].current_period_end
    shop.advance(clock, boundary)
    drafted = api.subscriptions.retrieve(sold.id, {"expand": ["latest_invoice"]})
    assert (drafted.status, drafted.latest_invoice.status) == ("active", "draft")
    assert drafted["items"].data[0].current_period_start == boundary
    shop.advance(clock, boundary + HOUR)
    assert api.invoices.retrieve(drafted.latest_invoice.id).status == "paid"


@pytest.mark.parametrize("end", ["canceled", "unpaid", "past_due", "paused"])
def test_retries_end_as_the_account_is_set(shop: Any, api: Any, end: str) -> None:
    """Each retry counts and is told of; the last leaves the state that was chosen (…/smart-retries)."""
    shop.control("policy", after_retries=end, retry_days=[1, 3])
    clock = shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_chargeCustomerFail"), trial_period_days=1)
    shop.advance(clock, NOON + DAY + HOUR)
    assert api.subscriptions.retrieve(sold.id).status == "past_due"
    shop.advance(clock, NOON + 5 * DAY)
    over = api.subscriptions.retrieve(sold.id, {"expand": ["latest_invoice"]})
    assert (over.status, over.latest_invoice.attempt_count, over.latest_invoice.next_payment_attempt) == (end, 3, None)
    assert shop.event_types(sold.customer).count("invoice.payment_failed") == 3
    if end == "canceled":
        assert over.cancellation_details.reason == "payment_failed"


@pytest.mark.parametrize(
    ("behavior", "status"), [("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible"), ("void", "void")]
)
def test_paused_collection_goes_on_billing_and_collects_nothing(
    shop: Any, api: Any, behavior: str, status: str
) -> None:
    """The subscription stays active, its invoices end as told (/billing/subscriptions/pause-payment)."""
    clock = shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_visa"))
    api.subscriptions.update(sold.id, {"pause_collection": {"behavior": behavior}})
    shop.advance(clock, NOON + 32 * DAY)
    then = api.subscriptions.retrieve(sold.id, {"expand": ["latest_invoice"]})
    assert (then.status, then.latest_invoice.status, then.latest_invoice.amount_paid) == ("active", status, 0)
    assert "customer.subscription.paused" not in shop.event_types()


@pytest.mark.parametrize(
    ("behavior", "billed_now", "next_lines"),
    [("create_prorations", False, 3), ("always_invoice", True, 1), ("none", False, 1)],
)
def test_prorations_wait_are_billed_or_are_none(
    shop: Any, api: Any, behavior: str, billed_now: bool, next_lines: int
) -> None:
    """With the next invoice, on one of their own, or never (…/prorations)."""
    product = api.prices.retrieve(shop.monthly).product
    recurring: Any = {"interval": "month"}
    dearer = api.prices.create({"product": product, "currency": "usd", "unit_amount": 590, "recurring": recurring}).id
    clock = shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_visa"))
    shop.advance(clock, NOON + 10 * DAY)
    changed = api.subscriptions.update(sold.id, change_of(sold, dearer, proration_behavior=behavior))
    assert (changed.latest_invoice != sold.latest_invoice) is billed_now
    assert changed["items"].data[0].current_period_end == sold["items"].data[0].current_period_end
    preview = api.invoices.create_preview({"subscription": sold.id})
    assert len(preview.lines.data) == next_lines
    assert preview.total == 590 + (0 if next_lines == 1 else sum(each.amount for each in preview.lines.data[:2]))


def test_another_interval_begins_a_period_now_as_previewed(shop: Any, api: Any) -> None:
    """From months to years: a new anchor, an invoice at once, to the cent what the preview said (…/change-price)."""
    clock = shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_visa"))
    shop.advance(clock, NOON + 10 * DAY)
    details: Any = change_of(sold, shop.annual, proration_date=NOON + 10 * DAY)
    preview = api.invoices.create_preview({"subscription": sold.id, "subscription_details": details})
    changed = api.subscriptions.update(sold.id, {**details, "expand": ["latest_invoice"]})
    assert changed.billing_cycle_anchor == NOON + 10 * DAY
    assert (changed.latest_invoice.total, changed.latest_invoice.status) == (preview.total, "paid")
    assert [each.amount for each in changed.latest_invoice.lines.data] == [each.amount for each in preview.lines.data]


def test_a_preview_leaves_no_trace(shop: Any, api: Any) -> None:
    """Neither an invoice nor an event nor a changed subscription (/api/invoices/create_preview)."""
    sold = subscribe(shop, shop.customer(None, "pm_card_visa"))
    before = (len(shop.events()), len(api.invoices.list({"subscription": sold.id}).data))
    api.invoices.create_preview({"subscription": sold.id, "subscription_details": change_of(sold, shop.annual)})
    assert (len(shop.events()), len(api.invoices.list({"subscription": sold.id}).data)) == before
    assert api.subscriptions.retrieve(sold.id).to_dict() == sold.to_dict()


def test_a_first_invoice_is_previewed_without_a_subscription(shop: Any, api: Any) -> None:
    """A customer, items and a coupon: what they would pay, and still no subscription (/api/invoices/create_preview)."""
    customer = shop.customer(None, "pm_card_visa")
    coupon = api.coupons.create({"percent_off": 50, "duration": "once"}).id
    wanted: Any = {"items": [{"price": shop.annual, "quantity": 2}]}
    asked: Any = {"customer": customer, "subscription_details": wanted, "discounts": [{"coupon": coupon}]}
    preview = api.invoices.create_preview(asked)
    assert (preview.subtotal, preview.total, preview.amount_due) == (3980, 1990, 1990)
    assert api.subscriptions.list({"customer": customer, "status": "all"}).data == []
    assert api.coupons.retrieve(coupon).times_redeemed == 0
    sold = subscribe(shop, customer)
    later: Any = {"subscription": sold.id, "discounts": [{"coupon": coupon}]}
    assert (api.invoices.create_preview(later).total, api.subscriptions.retrieve(sold.id).discounts) == (145, [])


def test_items_are_added_and_taken_away(shop: Any, api: Any) -> None:
    """Prorated from then on, each as its own item; the last one stays (…/multiple-products)."""
    product = api.products.create({"name": "Crosswords"}).id
    recurring: Any = {"interval": "month"}
    extra = api.prices.create({"product": product, "currency": "usd", "unit_amount": 100, "recurring": recurring}).id
    clock = shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_visa"))
    shop.advance(clock, NOON + 10 * DAY)
    items: Any = [{"price": extra, "quantity": 3}]
    both = api.subscriptions.update(sold.id, {"items": items, "proration_behavior": "always_invoice"})
    added = both["items"].data[1]
    assert (added.price.id, added.quantity, added.current_period_end) == (
        extra, 3, both["items"].data[0].current_period_end,
    )  # fmt: skip
    assert api.invoices.retrieve(both.latest_invoice).amount_paid == round(300 * 21 / 31)
    gone: Any = [{"id": added.id, "deleted": True}]
    one = api.subscriptions.update(sold.id, {"items": gone, "proration_behavior": "always_invoice"})
    assert [each.price.id for each in one["items"].data] == [shop.monthly]
    assert api.invoices.retrieve(one.latest_invoice).total == -round(300 * 21 / 31)
    with pytest.raises(stripe.InvalidRequestError):
        api.subscriptions.update(sold.id, {"items": [{"id": one["items"].data[0].id, "deleted": True}]})


def test_an_end_is_scheduled_and_taken_back(shop: Any, api: Any) -> None:
    """The boolean shows its instant in `cancel_at`; undone, all of it is null again (/billing/subscriptions/cancel)."""
    sold = subscribe(shop, shop.customer(shop.clock(), "pm_card_visa"))
    ending = api.subscriptions.update(sold.id, {"cancel_at_period_end": True})
    assert (ending.status, ending.cancel_at) == ("active", sold["items"].data[0].current_period_end)
    assert (ending.canceled_at, ending.cancellation_details.reason) == (NOON, "cancellation_requested")
    again = api.subscriptions.update(sold.id, {"cancel_at_period_end": False})
    assert (again.cancel_at, again.canceled_at, again.cancellation_details.reason) == (None, None, None)


def test_what_is_cancelled_stays_so(shop: Any, api: Any) -> None:
    """It can be neither cancelled again nor changed, but for metadata; open invoices stay, uncollected."""
    sold = subscribe(shop, shop.customer(None, "pm_card_visa"))
    gone = api.subscriptions.cancel(sold.id, {"cancellation_details": {"feedback": "too_expensive"}})
    assert (gone.status, gone.cancellation_details.feedback) == ("canceled", "too_expensive")
    with pytest.raises(stripe.InvalidRequestError) as again:
        api.subscriptions.cancel(sold.id)
    assert (again.value.http_status, again.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError):
        api.subscriptions.update(sold.id, {"cancel_at_period_end": True})
    assert api.subscriptions.update(sold.id, {"metadata": {"why": "moved"}}).metadata.to_dict() == {"why": "moved"}


@pytest.mark.parametrize(("told", "charged"), [({}, [290, 290]), ({"auto_advance": False}, [290])])
def test_a_draft_outlives_its_subscription(shop: Any, api: Any, told: Any, charged: list[int]) -> None:
    """Cancelling stops the collection of finalized invoices (/api/subscriptions/cancel); a draft is told by itself."""
    clock = shop.clock()
    customer = shop.customer(clock, "pm_card_visa")
    sold = subscribe(shop, customer)
    boundary = sold["items"].data[0].current_period_end
    shop.advance(clock, boundary + HOUR // 2)
    (draft,) = api.invoices.list({"customer": customer, "status": "draft"}).data
    assert api.invoices.update(draft.id, {"metadata": {"seen": "yes"}, **told}).auto_advance is not bool(told)
    api.subscriptions.cancel(sold.id)
    shop.advance(clock, boundary + 2 * DAY)
    assert [each.amount for each in api.charges.list({"customer": customer}).data] == charged
    assert api.invoices.retrieve(draft.id).status == ("draft" if told else "paid")
    assert api.subscriptions.retrieve(sold.id).status == "canceled"


def test_an_open_invoice_is_asked_for_no_more(shop: Any, api: Any) -> None:
    """Its card failed, its subscription is cancelled: no retry comes, though it could still be paid."""
    clock = shop.clock()
    customer = shop.customer(clock, "pm_card_visa")
    sold = subscribe(shop, customer)
    failing = api.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer}).id
    api.subscriptions.update(sold.id, {"default_payment_method": failing})
    boundary = sold["items"].data[0].current_period_end
    shop.advance(clock, boundary + HOUR)
    api.subscriptions.cancel(sold.id)
    (owed,) = api.invoices.list({"customer": customer, "status": "open"}).data
    assert (owed.attempt_count, owed.auto_advance, owed.next_payment_attempt) == (1, False, None)


def test_only_what_is_paused_is_resumed(shop: Any, api: Any) -> None:
    """A trial without a card pauses where told to; resumed, a new period is charged (…/trials#resume)."""
    clock = shop.clock()
    customer = shop.customer(clock)
    pause: Any = {"end_behavior": {"missing_payment_method": "pause"}}
    sold = subscribe(shop, customer, trial_period_days=3, trial_settings=pause)
    with pytest.raises(stripe.InvalidRequestError):
        api.subscriptions.resume(sold.id)
    shop.advance(clock, NOON + 3 * DAY)
    paused = api.subscriptions.retrieve(sold.id)
    assert paused.status == "paused"
    assert paused.status_details.paused.subscription.type == "trial_end_without_payment_method"
    card = api.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    api.subscriptions.update(sold.id, {"default_payment_method": card})
    anew: Any = {"billing_cycle_anchor": {"type": "now"}, "payment_behavior": "resume_on_payment_success"}
    assert api.subscriptions.resume(sold.id, anew).status == "active"


def test_an_invoice_is_paid_given_up_and_voided(shop: Any, api: Any) -> None:
    """Also by other means; what is paid or void is closed, what is uncollectible may still be paid (/api/invoices)."""
    customer = shop.customer(None, "pm_card_chargeCustomerFail")
    owed = [str(subscribe(shop, customer).latest_invoice) for _ in range(3)]
    elsewhere = api.invoices.pay(owed[0], {"paid_out_of_band": True})
    assert (elsewhere.status, elsewhere.amount_paid_off_stripe, elsewhere.amount_remaining) == ("paid", 290, 0)
    assert api.invoices.mark_uncollectible(owed[1]).status == "uncollectible"
    assert api.invoices.void_invoice(owed[2]).status == "void"
    good = api.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    assert api.invoices.pay(owed[1], {"payment_method": good}).status == "paid"
    for closed in (owed[0], owed[2]):
        with pytest.raises(stripe.InvalidRequestError):
            api.invoices.pay(closed)


def test_a_clock_takes_as_many_customers_as_it_is_told(shop: Any) -> None:
    """Three at Stripe (/billing/testing/test-clocks); here only where the limit is asked for."""
    shop.control("policy", customers_per_clock=3)
    clock = shop.clock()
    for _ in range(3):
        shop.customer(clock)
    with pytest.raises(stripe.InvalidRequestError):
        shop.customer(clock)


@pytest.mark.parametrize(
    ("token", "brand", "funding"),
    [("visa", "visa", "credit"), ("visa_debit", "visa", "debit"), ("mastercard", "mastercard", "credit"),
     ("mastercard_debit", "mastercard", "debit"), ("mastercard_prepaid", "mastercard", "prepaid"),
     ("amex", "amex", "credit"), ("discover", "discover", "credit"), ("diners", "diners", "credit"),
     ("jcb", "jcb", "credit"), ("unionpay", "unionpay", "credit")],
)  # fmt: skip
def test_test_cards_are_what_their_names_say(lasting_shop: Any, token: str, brand: str, funding: str) -> None:
    """`pm_card_…` (/testing)."""
    method = lasting_shop.client.v1.payment_methods.attach(f"pm_card_{token}", {"customer": lasting_shop.customer()})
    assert (method.card.brand, method.card.funding) == (brand, funding)


@pytest.mark.parametrize(
    ("token", "code", "decline_code"),
    [("visa_chargeDeclined", "card_declined", "generic_decline"),
     ("visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
     ("visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
     ("visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
     ("chargeDeclinedExpiredCard", "expired_card", "expired_card"),
     ("chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
     ("chargeDeclinedProcessingError", "processing_error", "processing_error")],
)  # fmt: skip
def test_cards_that_decline_say_why(lasting_shop: Any, token: str, code: str, decline_code: str) -> None:
    """402 `card_error` with the bank's reason (/testing#declined-payments)."""
    with pytest.raises(stripe.CardError) as declined:
        lasting_shop.client.v1.payment_methods.attach(f"pm_card_{token}", {"customer": lasting_shop.customer()})
    assert (declined.value.http_status, declined.value.code) == (402, code)
    assert declined.value.json_body["error"]["decline_code"] == decline_code
