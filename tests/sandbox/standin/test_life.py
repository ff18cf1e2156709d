"""Subscriptions over time, on test clocks: the whole life, and each way it can go."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

NOON = 1_767_268_800  # 1 January 2026, 12:00 UTC
DAY, HOUR = 86_400, 3_600


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def period(subscription: Any) -> tuple[int, int]:
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def test_a_trial_becomes_paid_renews_and_ends_at_the_period_s_end(shop: Any) -> None:
    """Trial → $2.90 an hour after its end → a renewal → cancellation → access to the period's end → deleted."""
    clock = shop.clock()
    customer = shop.customer(clock)
    subscription = shop.buy(shop.monthly, customer=customer, trial_days=30)
    trial_end = NOON + 30 * DAY
    assert (subscription.status, subscription.trial_end) == ("trialing", trial_end)

    shop.advance(clock, trial_end + HOUR - 1)
    between = shop.client.v1.subscriptions.retrieve(subscription.id, params={"expand": ["latest_invoice"]})
    assert between.status == "active"
    assert between.latest_invoice.status == "draft"

    shop.advance(clock, trial_end + HOUR)
    invoice = shop.client.v1.invoices.retrieve(between.latest_invoice.id)
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == ("paid", 290, "subscription_cycle")
    assert invoice.status_transitions.paid_at == trial_end + HOUR
    assert invoice.lines.data[0].period.start == trial_end

    shop.advance(clock, trial_end + 33 * DAY)
    paid = shop.client.v1.invoices.list(params={"customer": customer, "status": "paid"})
    assert [each.amount_paid for each in paid.data] == [290, 290, 0]

    shop.client.v1.subscriptions.update(subscription.id, params={"cancel_at_period_end": True})
    ending = shop.client.v1.subscriptions.retrieve(subscription.id)
    assert ending.cancel_at == period(ending.to_dict())[1]
    shop.advance(clock, ending.cancel_at - 1)
    assert shop.client.v1.subscriptions.retrieve(subscription.id).status == "active"
    shop.advance(clock, ending.cancel_at + 1)
    ended = shop.client.v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.ended_at) == ("canceled", ending.cancel_at)
    assert ended.cancellation_details.reason == "cancellation_requested"
    assert shop.event_types(customer)[-1] == "customer.subscription.deleted"


def test_events_of_a_trial_come_in_stripe_s_order(shop: Any) -> None:
    """Completion, notice three days before, end of trial and first charge tell their story in order."""
    clock = shop.clock()
    customer = shop.customer(clock)
    shop.buy(shop.monthly, customer=customer, trial_days=30)
    assert shop.event_types(customer) == [
        "customer.created",
        "setup_intent.created",
        "setup_intent.succeeded",
        "payment_method.attached",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "checkout.session.completed",
    ]
    seen = len(shop.event_types(customer))
    shop.advance(clock, NOON + 30 * DAY + HOUR)
    assert shop.event_types(customer)[seen:] == [
        "invoice.upcoming",
        "customer.subscription.trial_will_end",
        "customer.subscription.updated",
        "invoice.created",
        "payment_intent.created",
        "invoice.updated",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]
    notice = next(each for each in shop.events() if each["type"] == "customer.subscription.trial_will_end")
    assert notice["created"] == NOON + 27 * DAY
    begun = next(each for each in shop.events() if each["type"] == "customer.subscription.updated")
    assert begun["created"] == NOON + 30 * DAY
    assert begun["data"]["previous_attributes"]["status"] == "trialing"


def test_a_paid_purchase_tells_incomplete_then_active(shop: Any) -> None:
    """Without a trial: created (incomplete), invoice, charge, paid, updated (active), session completed."""
    customer = shop.customer(shop.clock())
    subscription = shop.buy(shop.annual, customer=customer)
    assert subscription.status == "active"
    assert period(subscription.to_dict()) == (NOON, at("2027-01-01T12:00"))
    types = shop.event_types(customer)
    wanted = [
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "charge.succeeded",
        "invoice.paid",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]
    assert [each for each in types if each in wanted] == wanted
    created = next(each for each in shop.events() if each["type"] == "customer.subscription.created")
    assert created["data"]["object"]["status"] == "incomplete"


def test_an_annual_plan_renews_a_year_later(shop: Any) -> None:
    """$19.90 at once, and again after a year."""
    clock = shop.clock()
    customer = shop.customer(clock)
    shop.buy(shop.annual, customer=customer)
    shop.advance(clock, at("2027-01-01T13:00"))
    invoices = shop.client.v1.invoices.list(params={"customer": customer}).data
    assert [(each.amount_paid, each.billing_reason) for each in invoices] == [
        (1990, "subscription_cycle"),
        (1990, "subscription_create"),
    ]
    assert invoices[0].lines.data[0].period.end == at("2028-01-01T12:00")


def test_months_are_counted_from_the_anchor_also_from_the_31st(shop: Any) -> None:
    """31 January bills on 28 February, then on 31 March: never drifting to the 28th."""
    clock = shop.clock(at("2026-01-31T12:00"))
    customer = shop.customer(clock, "pm_card_visa")
    made = shop.client.v1.subscriptions.create(params={"customer": customer, "items": [{"price": shop.monthly}]})
    ends = [period(made.to_dict())[1]]
    for _ in range(2):
        shop.advance(clock, ends[-1] + 2 * HOUR)
        ends.append(period(shop.client.v1.subscriptions.retrieve(made.id).to_dict())[1])
    assert ends == [at("2026-02-28T12:00"), at("2026-03-31T12:00"), at("2026-04-30T12:00")]


def test_a_card_that_fails_makes_past_due_retries_and_an_end(shop: Any) -> None:
    """…0341 saves, fails at trial end, is tried 8 times more in two weeks, then the subscription is canceled."""
    clock = shop.clock()
    customer = shop.customer(clock)
    bought = shop.buy(shop.monthly, customer=customer, trial_days=30, card_number="4000000000000341")
    charge_at = NOON + 30 * DAY + HOUR
    shop.advance(clock, charge_at)
    failing = shop.client.v1.subscriptions.retrieve(bought.id, params={"expand": ["latest_invoice"]})
    assert failing.status == "past_due"
    assert period(failing.to_dict())[1] > charge_at, "the period is already the unpaid one"
    assert (failing.latest_invoice.attempt_count, failing.latest_invoice.status) == (1, "open")
    assert failing.latest_invoice.next_payment_attempt == charge_at + DAY

    shop.advance(clock, charge_at + 13 * DAY)
    assert shop.client.v1.subscriptions.retrieve(bought.id).status == "past_due"
    shop.advance(clock, charge_at + 14 * DAY)
    ended = shop.client.v1.subscriptions.retrieve(bought.id)
    assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")
    assert shop.event_types(customer).count("invoice.payment_failed") == 9


def test_a_new_card_saves_a_past_due_subscription(shop: Any) -> None:
    """The next retry charges the new default card: paid, active again, no longer delinquent."""
    clock = shop.clock()
    customer = shop.customer(clock)
    bought = shop.buy(shop.monthly, customer=customer, trial_days=7, card_number="4000000000000341")
    shop.advance(clock, NOON + 7 * DAY + HOUR)
    method = shop.client.v1.payment_methods.attach("pm_card_visa", params={"customer": customer})
    shop.client.v1.subscriptions.update(bought.id, params={"default_payment_method": method.id})
    assert shop.client.v1.customers.retrieve(customer).delinquent is True
    shop.advance(clock, NOON + 8 * DAY + HOUR)
    assert shop.client.v1.subscriptions.retrieve(bought.id).status == "active"
    assert shop.client.v1.customers.retrieve(customer).delinquent is False


@pytest.mark.parametrize(
    ("behavior", "status", "last_event"),
    [
        ("cancel", "canceled", "customer.subscription.deleted"),
        ("pause", "paused", "customer.subscription.paused"),
        ("create_invoice", "past_due", "customer.updated"),
    ],
)
def test_a_trial_without_a_card_ends_as_its_settings_say(
    shop: Any, behavior: str, status: str, last_event: str
) -> None:
    """`trial_settings.end_behavior.missing_payment_method` decides: cancel, pause, or an unpaid invoice."""
    clock = shop.clock()
    customer = shop.customer(clock)
    made = shop.client.v1.subscriptions.create(
        params={
            "customer": customer,
            "items": [{"price": shop.monthly}],
            "trial_period_days": 7,
            "trial_settings": {"end_behavior": {"missing_payment_method": behavior}},
        }
    )
    shop.advance(clock, NOON + 7 * DAY + HOUR)
    assert shop.client.v1.subscriptions.retrieve(made.id).status == status
    assert shop.event_types(customer)[-1] == last_event


def test_a_paused_subscription_resumes_once_its_invoice_is_paid(shop: Any) -> None:
    """Resume bills a fresh period that starts now; paying is the client's, unless it asks otherwise."""
    clock = shop.clock()
    customer = shop.customer(clock)
    settings = {"end_behavior": {"missing_payment_method": "pause"}}
    made = shop.client.v1.subscriptions.create(
        params={
            "customer": customer,
            "items": [{"price": shop.monthly}],
            "trial_period_days": 7,
            "trial_settings": settings,
        }
    )
    shop.advance(clock, NOON + 10 * DAY)
    method = shop.client.v1.payment_methods.attach("pm_card_visa", params={"customer": customer})
    shop.client.v1.subscriptions.update(made.id, params={"default_payment_method": method.id})
    resumed = shop.client.v1.subscriptions.resume(made.id)
    assert (resumed.status, shop.client.v1.invoices.retrieve(resumed.latest_invoice).attempted) == ("paused", False)
    shop.client.v1.invoices.pay(resumed.latest_invoice)
    resumed = shop.client.v1.subscriptions.retrieve(made.id)
    assert (resumed.status, period(resumed.to_dict())[0]) == ("active", NOON + 10 * DAY)
    assert shop.event_types(customer)[-1] == "customer.subscription.resumed"


def test_both_shapes_of_a_scheduled_end(shop: Any) -> None:
    """The boolean sets `cancel_at` too; `cancel_at=min_period_end` leaves it false; both can be undone."""
    customer = shop.customer(shop.clock(), "pm_card_visa")
    update = shop.client.v1.subscriptions.update
    made = shop.client.v1.subscriptions.create(params={"customer": customer, "items": [{"price": shop.monthly}]})
    end = period(made.to_dict())[1]
    flagged = update(made.id, params={"cancel_at_period_end": True})
    assert (flagged.cancel_at, flagged.cancel_at_period_end, flagged.canceled_at) == (end, True, NOON)
    undone = update(made.id, params={"cancel_at_period_end": False})
    assert (undone.cancel_at, undone.canceled_at, undone.cancellation_details.reason) == (None, None, None)
    dated = update(made.id, params={"cancel_at": "min_period_end"})
    assert (dated.cancel_at, dated.cancel_at_period_end) == (end, False)
    cleared = update(made.id, params={"cancel_at": ""})
    assert cleared.cancel_at is None


def test_changing_plan_from_monthly_to_annual_starts_a_year_now(shop: Any) -> None:
    """The unused month is credited, the year is charged at once, the anchor moves."""
    clock = shop.clock()
    customer = shop.customer(clock, "pm_card_visa")
    made = shop.client.v1.subscriptions.create(params={"customer": customer, "items": [{"price": shop.monthly}]})
    changed_at = NOON + 15 * DAY + 12 * HOUR  # half of January's 31 days
    shop.advance(clock, changed_at)
    item = made["items"].data[0].id
    change = {"items": [{"id": item, "price": shop.annual}]}
    preview = shop.client.v1.invoices.create_preview(params={"subscription": made.id, "subscription_details": change})
    assert preview.total == 1990 - 145
    changed = shop.client.v1.subscriptions.update(made.id, params={**change, "expand": ["latest_invoice"]})
    assert period(changed.to_dict()) == (changed_at, at("2027-01-17T00:00"))
    assert (changed.latest_invoice.total, changed.latest_invoice.status) == (1990 - 145, "paid")


def test_an_immediate_cancellation_ends_now(shop: Any) -> None:
    """DELETE ends at once; a second DELETE finds nothing."""
    customer = shop.customer(shop.clock(), "pm_card_visa")
    made = shop.client.v1.subscriptions.create(params={"customer": customer, "items": [{"price": shop.monthly}]})
    ended = shop.client.v1.subscriptions.cancel(made.id)
    assert (ended.status, ended.ended_at) == ("canceled", NOON)
    listed = shop.client.v1.subscriptions.list(params={"customer": customer})
    assert listed.data == []
    assert len(shop.client.v1.subscriptions.list(params={"customer": customer, "status": "all"}).data) == 1


def test_paused_collection_voids_its_invoices(shop: Any) -> None:
    """`pause_collection[behavior]=void`: the renewal's invoice is voided and nothing is charged."""
    clock = shop.clock()
    customer = shop.customer(clock, "pm_card_visa")
    made = shop.client.v1.subscriptions.create(params={"customer": customer, "items": [{"price": shop.monthly}]})
    shop.client.v1.subscriptions.update(made.id, params={"pause_collection": {"behavior": "void"}})
    shop.advance(clock, NOON + 33 * DAY)
    latest = shop.client.v1.subscriptions.retrieve(made.id, params={"expand": ["latest_invoice"]}).latest_invoice
    assert latest.status == "void"
