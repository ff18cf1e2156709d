"""States between paid and over: paused, incomplete, given up, void, never finalized, paid later."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

NOON, DAY, HOUR = 1_767_268_800, 86_400, 3_600
MONTH = 31 * DAY
ASKS = "4000002760003184"


def subscribe(shop: Any, clock: str, card: str = "pm_card_visa", **params: Any) -> Any:
    customer = shop.customer(clock, card)
    made = {"customer": customer, "items": [{"price": shop.monthly}], **params}
    return shop.client.v1.subscriptions.create(params=made)


def status(shop: Any, subscription: Any) -> str:
    return str(shop.client.v1.subscriptions.retrieve(subscription.id).status)


def told(shop: Any, start: str) -> list[str]:
    return [each.removeprefix(start) for each in shop.event_types() if each.startswith(start)]


def test_a_requested_pause_credits_what_is_left_and_bills_nothing(shop: Any) -> None:
    """`/pause`: paused with its reason, no renewal; resuming anew sells a period less the credit."""
    clock = shop.clock()
    made = subscribe(shop, clock)
    shop.advance(clock, NOON + MONTH - 10 * DAY)
    paused = shop.client.v1.subscriptions.pause(made.id)
    details = paused.status_details.paused
    assert (paused.status, details.subscription.type, details.transitioned_at) == (
        "paused",
        "pause_requested",
        NOON + MONTH - 10 * DAY,
    )
    shop.advance(clock, NOON + MONTH + DAY)
    assert len(shop.client.v1.invoices.list(params={"subscription": made.id}).data) == 1
    assert paused["items"].data[0].current_period_end == NOON + MONTH - 10 * DAY
    anew: Any = {"payment_behavior": "resume_on_payment_success", "expand": ["latest_invoice"]}
    resumed = shop.client.v1.subscriptions.resume(made.id, params=anew)
    assert (resumed.status, resumed.status_details) == ("active", None)
    assert resumed.latest_invoice.total == 290 - round(290 * 10 / 31)
    assert told(shop, "customer.subscription.")[-4:] == ["updated", "paused", "updated", "resumed"]


def test_a_pause_within_the_period_ends_at_once_and_bills_the_rest_later(shop: Any) -> None:
    """Resumed `unchanged` while the period runs: active without an invoice, the rest of it with the next one."""
    clock = shop.clock()
    made = subscribe(shop, clock)
    shop.client.v1.subscriptions.pause(made.id)
    resumed = shop.client.v1.subscriptions.resume(made.id, params={"billing_cycle_anchor": {"type": "unchanged"}})
    assert (resumed.status, resumed.latest_invoice) == ("active", made.latest_invoice)
    upcoming = shop.client.v1.invoices.create_preview(params={"subscription": made.id})
    assert [each.amount for each in upcoming.lines.data] == [-290, 290, 290]
    credited = shop.client.v1.subscriptions.pause(made.id, params={"invoicing_behavior": "invoice"})
    assert shop.client.v1.customers.retrieve(credited.customer).balance == -290
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscriptions.pause(made.id)


def test_a_resumption_that_must_be_paid_first_leaves_it_paused_and_is_tried_again(shop: Any) -> None:
    """`resume_on_payment_success`: a failing card leaves it paused for its reason, retried until it pays."""
    clock = shop.clock()
    made = subscribe(shop, clock)
    shop.control(f"subscriptions/{made.id}", pause="first_payment_failure")
    pays_with(shop, made, "pm_card_chargeCustomerFail")
    anew: Any = {"payment_behavior": "resume_on_payment_success", "expand": ["latest_invoice"]}
    tried = shop.client.v1.subscriptions.resume(made.id, params=anew)
    assert (tried.status, tried.status_details.paused.subscription.type) == ("paused", "first_payment_failure")
    assert tried.latest_invoice.next_payment_attempt == NOON + DAY
    pays_with(shop, made, "pm_card_visa")
    shop.advance(clock, NOON + DAY)
    assert status(shop, made) == "active"


def test_a_resumption_that_must_be_paid_first_wants_a_card(shop: Any) -> None:
    """`resume_on_payment_success` without a default payment method is an error, and changes nothing."""
    trial: Any = {"trial_period_days": 1, "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}}}
    clock = shop.clock()
    customer, items = shop.customer(clock), [{"price": shop.monthly}]
    made = shop.client.v1.subscriptions.create(params={"customer": customer, "items": items, **trial})
    shop.advance(clock, NOON + DAY)
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscriptions.resume(made.id, params={"payment_behavior": "resume_on_payment_success"})
    left = shop.client.v1.subscriptions.retrieve(made.id)
    assert (left.status, left.latest_invoice) == ("paused", made.latest_invoice)


@pytest.mark.parametrize("attempt", ["none", "fails", "succeeds", "given up"])
def test_a_resumption_is_the_client_s_to_pay(shop: Any, attempt: str) -> None:
    """By default nothing is charged: void after 23 hours without an attempt; past due, unretried, once one failed."""
    clock = shop.clock()
    made = subscribe(shop, clock)
    shop.control(f"subscriptions/{made.id}", pause="system")
    resumed = shop.client.v1.subscriptions.resume(made.id)
    owed = str(resumed.latest_invoice)
    assert (resumed.status, shop.client.v1.invoices.retrieve(owed).attempted) == ("paused", False)
    if attempt == "given up":
        shop.client.v1.invoices.mark_uncollectible(owed)
    elif attempt == "succeeds":
        shop.client.v1.invoices.pay(owed)
    elif attempt == "fails":
        pays_with(shop, made, "pm_card_chargeCustomerFail")
        with pytest.raises(stripe.CardError):
            shop.client.v1.invoices.pay(owed)
    shop.advance(clock, NOON + DAY)
    invoice = shop.client.v1.invoices.retrieve(owed)
    expected = {
        "none": ("paused", "void"), "fails": ("past_due", "open"), "succeeds": ("active", "paid"),
        "given up": ("active", "uncollectible"),
    }  # fmt: skip
    assert (status(shop, made), invoice.status) == expected[attempt]
    assert (invoice.attempt_count, invoice.next_payment_attempt) == (int(attempt in ("fails", "succeeds")), None)


@pytest.mark.parametrize(
    ("prorations", "billed_now", "waits"), [("create_prorations", 0, 1), ("always_invoice", 1, 0), ("none", 0, 0)]
)
def test_resuming_with_the_old_anchor_prorates_what_is_left(
    shop: Any, prorations: str, billed_now: int, waits: int
) -> None:
    """`unchanged`: from now to the anchor's next date; with the next invoice, on one of its own, or free."""
    clock = shop.clock()
    made = subscribe(shop, clock)
    shop.client.v1.subscriptions.pause(made.id, params={"bill_for": {"unused_time_from": {"type": "none"}}})
    shop.advance(clock, NOON + MONTH + 18 * DAY)  # ten of February's 28 days are left
    how: Any = {"billing_cycle_anchor": {"type": "unchanged"}, "proration_behavior": prorations}
    resumed = shop.client.v1.subscriptions.resume(made.id, params=how)
    end = NOON + MONTH + 28 * DAY
    assert resumed["items"].data[0].current_period_end == end
    invoices = shop.client.v1.invoices.list(params={"subscription": made.id}).data
    assert [each.total for each in invoices[:-1]] == [round(290 * 10 / 28)] * billed_now
    assert resumed.status == ("paused" if billed_now else "active")
    upcoming = shop.client.v1.invoices.create_preview(params={"subscription": made.id}).lines.data
    assert [each.amount for each in upcoming] == [round(290 * 10 / 28)] * waits + [290]


def pays_with(shop: Any, subscription: Any, card: str) -> None:
    method = shop.client.v1.payment_methods.attach(card, params={"customer": subscription.customer})
    shop.client.v1.subscriptions.update(subscription.id, params={"default_payment_method": method.id})


def test_the_settings_decide_how_retries_end(shop: Any) -> None:
    """The policy lever: two retries, then `paused` with `final_payment_failure`."""
    shop.control("policy", retry_days=[1, 2], after_retries="paused")
    clock = shop.clock()
    made = subscribe(shop, clock, "pm_card_chargeCustomerFail", trial_period_days=1)
    shop.advance(clock, NOON + DAY + HOUR)
    assert status(shop, made) == "past_due"
    shop.advance(clock, NOON + 3 * DAY + HOUR)
    paused = shop.client.v1.subscriptions.retrieve(made.id)
    assert (paused.status, paused.status_details.paused.subscription.type) == ("paused", "final_payment_failure")
    assert told(shop, "invoice.")[-2:] == ["updated", "payment_failed"]


def test_an_abandoned_authentication_expires_after_23_hours(shop: Any) -> None:
    """Checkout asks for the cardholder, who leaves: incomplete, then incomplete_expired and its invoice void."""
    clock = shop.clock()
    customer = shop.customer(clock)
    session = shop.session(shop.monthly, customer=customer)
    assert "Authenticate" in shop.pay(session, card_number=ASKS).text
    waiting = shop.client.v1.subscriptions.list(params={"customer": customer, "expand": ["data.latest_invoice"]}).data[
        0
    ]
    assert (waiting.status, waiting.latest_invoice.status) == ("incomplete", "open")
    assert shop.client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert {"payment_intent.requires_action", "invoice.payment_action_required"} <= set(shop.event_types())
    shop.advance(clock, NOON + 23 * HOUR)
    assert status(shop, waiting) == "incomplete_expired"
    assert shop.client.v1.invoices.retrieve(waiting.latest_invoice.id).status == "void"


def test_another_card_pays_for_what_a_failed_authentication_began(shop: Any) -> None:
    """One subscription, not two: the second card settles the first one's invoice."""
    customer = shop.customer(shop.clock())
    session = shop.session(shop.monthly, customer=customer)
    shop.pay(session, card_number=ASKS)
    assert requests.post(session.url, {"authentication": "fail"}, timeout=5).status_code == 402
    assert shop.pay(session).status_code == 303
    bought = shop.client.v1.subscriptions.list(params={"customer": customer, "status": "all"}).data
    assert [each.status for each in bought] == ["active"]
    assert shop.client.v1.checkout.sessions.retrieve(session.id).subscription == bought[0].id


@pytest.mark.parametrize(
    ("outcome", "paid", "then"), [("succeeded", "paid", "active"), ("failed", "unpaid", "incomplete")]
)
def test_a_payment_may_arrive_after_the_session_completed(shop: Any, outcome: str, paid: str, then: str) -> None:
    """Bank debits: completed but unpaid, the subscription incomplete for days, then async_payment_... decides."""
    clock = shop.clock()
    session = shop.session(shop.monthly, customer=shop.customer(clock))
    shop.control(f"checkout_sessions/{session.id}", async_payment="expected")
    assert shop.pay(session).status_code == 303
    done = shop.client.v1.checkout.sessions.retrieve(session.id, params={"expand": ["subscription"]})
    assert (done.status, done.payment_status, done.subscription.status) == ("complete", "unpaid", "incomplete")
    shop.advance(clock, NOON + 2 * DAY)
    assert status(shop, done.subscription) == "incomplete"
    moved = shop.control(f"checkout_sessions/{session.id}", async_payment=outcome)
    assert moved["payment_status"] == paid
    assert (status(shop, done.subscription), told(shop, "checkout.session.")) == (
        then,
        ["completed", f"async_payment_{outcome}"],
    )


@pytest.mark.parametrize(
    ("act", "invoice", "subscription"),
    [("mark_uncollectible", "uncollectible", "active"), ("void_invoice", "void", "active")],
)
def test_an_invoice_that_is_given_up_settles_a_past_due_subscription(
    shop: Any, act: str, invoice: str, subscription: str
) -> None:
    """Stripe's rule: uncollectible or void, the debt no longer counts, and `active` does not mean paid."""
    clock = shop.clock()
    made = subscribe(shop, clock, "pm_card_chargeCustomerFail", trial_period_days=1)
    shop.advance(clock, NOON + DAY + HOUR)
    latest = str(shop.client.v1.subscriptions.retrieve(made.id).latest_invoice)
    assert getattr(shop.client.v1.invoices, act)(latest).status == invoice
    assert status(shop, made) == subscription


def test_voiding_the_first_invoice_ends_an_incomplete_subscription(shop: Any) -> None:
    """It is incomplete_expired at once, and nothing more happens to it."""
    clock = shop.clock()
    made = subscribe(shop, clock, "pm_card_visa", payment_behavior="default_incomplete")
    shop.client.v1.invoices.void_invoice(made.latest_invoice)
    assert status(shop, made) == "incomplete_expired"
    seen = len(shop.events())
    shop.advance(clock, NOON + 2 * DAY)
    assert [each for each in shop.event_types()[seen:] if not each.startswith("test_helpers")] == []


def test_a_draft_that_cannot_be_finalized_waits_for_people(shop: Any) -> None:
    """`finalization_failed` with its error; nothing is collected until the API finalizes it."""
    clock = shop.clock()
    made = subscribe(shop, clock, trial_period_days=1)
    shop.advance(clock, NOON + DAY)
    latest = str(shop.client.v1.subscriptions.retrieve(made.id).latest_invoice)
    failed = shop.control(f"invoices/{latest}", finalization="fails")
    assert (failed["status"], failed["last_finalization_error"]["type"]) == ("draft", "invalid_request_error")
    shop.advance(clock, NOON + 5 * DAY)
    assert shop.client.v1.invoices.retrieve(latest).status == "draft"
    assert shop.client.v1.invoices.pay(latest).status == "paid"
    assert shop.client.v1.invoices.retrieve(latest).last_finalization_error is None
    assert told(shop, "invoice.")[2:].count("finalization_failed") == 1
    assert "error" in shop.control(f"invoices/{latest}", finalization="fails")


@pytest.mark.parametrize("paid", [True, False])
def test_a_pending_update_waits_for_its_payment(shop: Any, paid: bool) -> None:
    """`pending_if_incomplete`: the old price stays until the invoice is paid, or for good after 23 hours."""
    clock = shop.clock()
    made = subscribe(shop, clock)
    failing = shop.client.v1.payment_methods.attach("pm_card_chargeCustomerFail", params={"customer": made.customer})
    shop.client.v1.subscriptions.update(made.id, params={"default_payment_method": failing.id})
    change: Any = {"items": [{"id": made["items"].data[0].id, "price": shop.annual}]}
    held = shop.client.v1.subscriptions.update(made.id, params={**change, "payment_behavior": "pending_if_incomplete"})
    assert (held.status, held["items"].data[0].price.id) == ("active", shop.monthly)
    assert held.pending_update.subscription_items[0].price.id == shop.annual
    if paid:
        good = shop.client.v1.payment_methods.attach("pm_card_visa", params={"customer": made.customer})
        shop.client.v1.invoices.pay(held.latest_invoice, params={"payment_method": good.id})
    else:
        shop.advance(clock, NOON + 23 * HOUR)
    then = shop.client.v1.subscriptions.retrieve(made.id, params={"expand": ["latest_invoice"]})
    assert (then["items"].data[0].price.id, then.pending_update) == (shop.annual if paid else shop.monthly, None)
    assert then.latest_invoice.status == ("paid" if paid else "void")
    assert told(shop, "customer.subscription.pending_update_") == ["applied" if paid else "expired"]


def test_a_pending_update_that_is_paid_at_once_is_no_more_than_an_update(shop: Any) -> None:
    """The card pays: the change is there, and nothing tells of a pending one."""
    made = subscribe(shop, shop.clock())
    change: Any = {"items": [{"id": made["items"].data[0].id, "price": shop.annual}]}
    done = shop.client.v1.subscriptions.update(made.id, params={**change, "payment_behavior": "pending_if_incomplete"})
    assert (done["items"].data[0].price.id, done.pending_update) == (shop.annual, None)
    assert told(shop, "customer.subscription.pending_update_") == []
