"""What a change costs, who pays it and when, as Stripe documents it; any client's business, not ours alone.

Pages: docs.stripe.com/billing/subscriptions/billing-cycle, /prorations, /cancel, /pending-updates-reference,
/api/subscriptions/create, /update and /cancel, /testing (authentication).
"""

from __future__ import annotations

from typing import Any

import pytest
import stripe

NOON = 1_767_268_800  # 1 January 2026, 12:00 UTC
DAY, HOUR = 86_400, 3_600
MONTH = 31 * DAY


@pytest.fixture
def api(shop: Any) -> Any:
    return shop.client.v1


def subscribe(shop: Any, customer: str, price: str = "", **more: Any) -> Any:
    items: Any = [{"price": price or shop.monthly}]
    return shop.client.v1.subscriptions.create({"customer": customer, "items": items, **more})


def totals(shop: Any, subscription: Any) -> list[int]:
    """Return what each invoice of a subscription comes to, oldest first."""
    return [each.total for each in shop.client.v1.invoices.list({"subscription": subscription.id}).data][::-1]


def period(subscription: Any) -> tuple[int, int]:
    item = subscription["items"].data[0]
    return item.current_period_start, item.current_period_end


def pays_with(shop: Any, subscription: Any, card: str) -> None:
    method = shop.client.v1.payment_methods.attach(card, {"customer": subscription.customer})
    shop.client.v1.subscriptions.update(subscription.id, {"default_payment_method": method.id})


@pytest.mark.parametrize(
    ("behavior", "billed"),
    [({}, [245]), ({"proration_behavior": "always_invoice"}, [245]), ({"proration_behavior": "none"}, [])],
)
def test_a_first_period_that_an_anchor_cuts_short_costs_its_share(
    shop: Any, behavior: dict[str, str], billed: list[int]
) -> None:
    """45 days of a year are 45/365 of its price; without prorations they are free, with no invoice at all."""
    anchor, clock = NOON + 45 * DAY, shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_visa"), shop.annual, billing_cycle_anchor=anchor, **behavior)
    assert (sold.status, sold.billing_cycle_anchor, period(sold)) == ("active", anchor, (NOON, anchor))
    assert totals(shop, sold) == billed == ([round(1990 * 45 / 365)] if billed else [])
    assert (sold.latest_invoice is None) is (billed == [])
    shop.advance(clock, anchor + HOUR)
    assert totals(shop, sold) == [*billed, 1990]


@pytest.mark.parametrize(("behavior", "share"), [("create_prorations", round(290 * 11 / 31)), ("none", None)])
def test_a_trial_may_be_followed_by_a_part_of_a_period(shop: Any, behavior: str, share: int | None) -> None:
    """Trial, then the days up to the anchor for their share (or free), then whole periods (…/billing-cycle)."""
    anchor, clock = NOON + 31 * DAY + 10 * DAY, shop.clock()
    sold = subscribe(
        shop, shop.customer(clock, "pm_card_visa"), trial_end=NOON + 30 * DAY, billing_cycle_anchor=anchor,
        proration_behavior=behavior,
    )  # fmt: skip
    assert (sold.status, period(sold)) == ("trialing", (NOON, NOON + 30 * DAY))
    shop.advance(clock, NOON + 30 * DAY + HOUR)
    assert period(shop.client.v1.subscriptions.retrieve(sold.id)) == (NOON + 30 * DAY, anchor)
    shop.advance(clock, anchor + HOUR)
    assert totals(shop, sold) == [0, *([] if share is None else [share]), 290]


@pytest.mark.parametrize("anchor", [NOON, NOON - DAY, NOON + MONTH + 1])
def test_an_anchor_lies_within_the_first_period(shop: Any, anchor: int) -> None:
    """Neither past nor later than the next natural billing date."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        subscribe(shop, shop.customer(shop.clock(), "pm_card_visa"), billing_cycle_anchor=anchor)
    assert refused.value.param == "billing_cycle_anchor"


def test_a_new_anchor_credits_the_time_that_was_left(shop: Any, api: Any) -> None:
    """`billing_cycle_anchor` now: a new period is invoiced at once, less what the old one had left."""
    clock = shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_visa"))
    shop.advance(clock, NOON + 10 * DAY)
    anew: Any = {"billing_cycle_anchor": {"type": "now"}}
    moved = api.subscriptions.update(sold.id, anew)
    assert period(moved) == (NOON + 10 * DAY, NOON + 41 * DAY)
    assert totals(shop, sold) == [290, 290 - round(290 * 21 / 31)]
    api.subscriptions.update(sold.id, {**anew, "proration_behavior": "none"})
    assert totals(shop, sold)[2:] == [290]


def test_a_trial_that_is_added_later_credits_the_time_that_was_paid(shop: Any, api: Any) -> None:
    """`trial_end` on a running subscription: no charge until then, and the unused days with the next invoice."""
    clock = shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_visa"))
    shop.advance(clock, NOON + 10 * DAY)
    tried = api.subscriptions.update(sold.id, {"trial_end": NOON + 20 * DAY})
    assert (tried.status, tried.billing_cycle_anchor) == ("trialing", NOON + 20 * DAY)
    preview = api.invoices.create_preview({"subscription": sold.id})
    assert [each.amount for each in preview.lines.data] == [-round(290 * 21 / 31), 290]


def test_a_trial_s_end_is_its_anchor(shop: Any, api: Any) -> None:
    """`billing_cycle_anchor` now is refused during a trial, and beside the beginning of one; nothing changes."""
    running = subscribe(shop, shop.customer(shop.clock(), "pm_card_visa"))
    trial = subscribe(shop, running.customer, trial_period_days=3)
    for sold, beside in ((trial, {}), (running, {"trial_end": NOON + DAY})):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            api.subscriptions.update(sold.id, {"billing_cycle_anchor": {"type": "now"}, **beside})
        assert refused.value.param == "billing_cycle_anchor"
    assert api.subscriptions.retrieve(running.id).status == "active"


def test_a_change_may_leave_its_payment_to_the_client(shop: Any, api: Any) -> None:
    """`default_incomplete`: an open invoice that nobody charged, `past_due` until the client confirms its intent."""
    sold = subscribe(shop, shop.customer(shop.clock(), "pm_card_visa"))
    change: Any = {"items": [{"id": sold["items"].data[0].id, "price": shop.annual}]}
    wanted: Any = {**change, "payment_behavior": "default_incomplete", "expand": ["latest_invoice.payments"]}
    changed = api.subscriptions.update(sold.id, wanted)
    assert (changed.status, changed["items"].data[0].price.id) == ("past_due", shop.annual)
    owed = changed.latest_invoice
    assert (owed.status, owed.attempted, owed.attempt_count, owed.amount_paid) == ("open", False, 0, 0)
    assert len(api.charges.list({"customer": sold.customer}).data) == 1
    intent = owed.payments.data[0].payment.payment_intent
    assert api.payment_intents.confirm(intent, {"payment_method": "pm_card_visa"}).status == "succeeded"
    assert api.subscriptions.retrieve(sold.id).status == "active"


@pytest.mark.parametrize(
    ("behavior", "status", "price"),
    [("allow_incomplete", "past_due", "annual"), ("error_if_incomplete", "active", "monthly"),
     ("pending_if_incomplete", "active", "monthly")],
)  # fmt: skip
def test_a_change_that_cannot_be_paid_does_as_it_was_told(
    shop: Any, api: Any, behavior: str, status: str, price: str
) -> None:
    """It stays and is past due, is an error and undone, or waits."""
    sold = subscribe(shop, shop.customer(shop.clock(), "pm_card_visa"))
    pays_with(shop, sold, "pm_card_chargeCustomerFail")
    change: Any = {"items": [{"id": sold["items"].data[0].id, "price": shop.annual}], "payment_behavior": behavior}
    if behavior == "error_if_incomplete":
        with pytest.raises(stripe.CardError):
            api.subscriptions.update(sold.id, change)
    else:
        api.subscriptions.update(sold.id, change)
    then = api.subscriptions.retrieve(sold.id)
    assert (then.status, then["items"].data[0].price.id) == (status, getattr(shop, price))
    assert (then.pending_update is not None) is (behavior == "pending_if_incomplete")


def test_a_pending_update_takes_what_stripe_lists_and_nothing_else(shop: Any, api: Any) -> None:
    """Any other parameter is refused; on creation there is nothing to hold back (…/pending-updates-reference)."""
    sold = subscribe(shop, shop.customer(shop.clock(), "pm_card_visa"))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.subscriptions.update(sold.id, {"payment_behavior": "pending_if_incomplete", "metadata": {"a": "b"}})
    assert refused.value.param == "metadata"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        subscribe(shop, sold.customer, payment_behavior="pending_if_incomplete")
    assert refused.value.param == "payment_behavior"


def test_a_pending_update_outlives_no_period(shop: Any, api: Any) -> None:
    """It expires with the current period where that ends before 23 hours are over."""
    clock = shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_visa"))
    pays_with(shop, sold, "pm_card_chargeCustomerFail")
    shop.advance(clock, NOON + MONTH - 2 * HOUR)
    change: Any = {"items": [{"id": sold["items"].data[0].id, "price": shop.annual}]}
    held = api.subscriptions.update(sold.id, {**change, "payment_behavior": "pending_if_incomplete"})
    assert held.pending_update.expires_at == NOON + MONTH
    shop.advance(clock, NOON + MONTH)
    then = api.subscriptions.retrieve(sold.id)
    assert (then.pending_update, then["items"].data[0].price.id) == (None, shop.monthly)
    assert api.invoices.retrieve(held.latest_invoice).status == "void"


CREDIT = -round(290 * 21 / 31)


@pytest.mark.parametrize(
    ("asked", "last_total", "left_waiting", "balance"),
    [
        ({}, 290, [], 0),
        ({"prorate": True}, 290, [CREDIT], 0),
        ({"prorate": True, "invoice_now": True}, CREDIT, [], CREDIT),
        ({"invoice_now": True}, 290, [], 0),
    ],
)
def test_an_immediate_end_credits_and_settles_as_asked(
    shop: Any, api: Any, asked: Any, last_total: int, left_waiting: list[int], balance: int
) -> None:
    """Nothing by default; `prorate` credits what is left, with `invoice_now` at once, else on a later invoice."""
    clock = shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_visa"))
    shop.advance(clock, NOON + 10 * DAY)
    gone = api.subscriptions.cancel(sold.id, asked)
    assert (gone.status, totals(shop, sold)[-1]) == ("canceled", last_total)
    waiting = api.invoice_items.list({"customer": sold.customer, "pending": True}).data
    assert [(each.amount, each.proration) for each in waiting] == [(each, True) for each in left_waiting]
    assert api.customers.retrieve(sold.customer).balance == balance


@pytest.mark.parametrize(("asked", "billed"), [({}, [290]), ({"invoice_now": True}, [290, round(300 * 21 / 31)])])
def test_what_waits_for_a_renewal_is_settled_or_dropped_with_an_immediate_end(
    shop: Any, api: Any, asked: Any, billed: list[int]
) -> None:
    """Pending prorations are removed unless `invoice_now` or `prorate` is set (/api/subscriptions/cancel)."""
    clock = shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_visa"))
    shop.advance(clock, NOON + 10 * DAY)
    grown(shop, sold)
    api.subscriptions.cancel(sold.id, asked)
    assert totals(shop, sold) == billed
    assert api.invoice_items.list({"customer": sold.customer}).data == []


def test_what_waits_for_a_renewal_is_collected_at_a_scheduled_end(shop: Any, api: Any) -> None:
    """Cancelled at the period's end, pending prorations are left in place and collected then."""
    clock = shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_visa"))
    shop.advance(clock, NOON + 10 * DAY)
    grown(shop, sold)
    api.subscriptions.update(sold.id, {"cancel_at_period_end": True})
    shop.advance(clock, NOON + MONTH)
    assert (api.subscriptions.retrieve(sold.id).status, totals(shop, sold)) == (
        "canceled", [290, round(300 * 21 / 31)],
    )  # fmt: skip


def grown(shop: Any, subscription: Any) -> None:
    """Add a price of $3.00 a month, whose share waits for the renewal."""
    product = shop.client.v1.products.create({"name": "Crosswords"}).id
    recurring: Any = {"interval": "month"}
    extra = shop.client.v1.prices.create(
        {"product": product, "currency": "usd", "unit_amount": 300, "recurring": recurring}
    )
    shop.client.v1.subscription_items.create({"subscription": subscription.id, "price": extra.id})


@pytest.mark.parametrize(("behavior", "balance"), [({}, CREDIT), ({"proration_behavior": "none"}, 0)])
def test_an_end_within_a_period_gives_back_what_is_left_of_it(shop: Any, api: Any, behavior: Any, balance: int) -> None:
    """`cancel_at` before the period's end prorates, unless told not to."""
    clock = shop.clock()
    sold = subscribe(shop, shop.customer(clock, "pm_card_visa"))
    api.subscriptions.update(sold.id, {"cancel_at": NOON + 10 * DAY, **behavior})
    shop.advance(clock, NOON + 10 * DAY)
    assert api.subscriptions.retrieve(sold.id).status == "canceled"
    assert api.customers.retrieve(sold.customer).balance == balance


@pytest.mark.parametrize(("off_session", "status"), [(True, "active"), (False, "incomplete")])
def test_a_card_that_was_set_up_asks_only_while_somebody_is_there(shop: Any, off_session: bool, status: str) -> None:
    """`off_session` says whether the cardholder could be asked (/testing: already set up)."""
    customer = shop.customer(None, "pm_card_authenticationRequiredSetupForOffSession")
    assert subscribe(shop, customer, off_session=off_session).status == status


def test_items_carry_their_metadata_and_the_currency_must_fit(shop: Any, api: Any) -> None:
    """On creation as in changes; a currency that the prices have not is refused."""
    customer = shop.customer(None, "pm_card_visa")
    items: Any = [{"price": shop.monthly, "metadata": {"seat": "1"}}]
    sold = api.subscriptions.create({"customer": customer, "items": items, "currency": "usd"})
    item = sold["items"].data[0]
    assert item.metadata.to_dict() == {"seat": "1"}
    change: Any = {"items": [{"id": item.id, "metadata": {"desk": "2"}}]}
    assert api.subscriptions.update(sold.id, change)["items"].data[0].metadata.to_dict() == {"seat": "1", "desk": "2"}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        subscribe(shop, customer, currency="eur")
    assert refused.value.param == "currency"


@pytest.mark.parametrize("day", [-1, 32])
def test_a_proration_counts_from_a_day_of_the_current_period(shop: Any, api: Any, day: int) -> None:
    """`proration_date` outside of it is refused."""
    sold = subscribe(shop, shop.customer(shop.clock(), "pm_card_visa"))
    change: Any = {"items": [{"id": sold["items"].data[0].id, "quantity": 2}], "proration_date": NOON + day * DAY}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.subscriptions.update(sold.id, change)
    assert refused.value.param == "proration_date"


def test_what_cannot_be_paused_is_refused(shop: Any, api: Any) -> None:
    """A trial, and classic billing mode (…/pause)."""
    clock = shop.clock()
    trial = subscribe(shop, shop.customer(clock, "pm_card_visa"), trial_period_days=3)
    classic = subscribe(shop, shop.customer(clock, "pm_card_visa"), billing_mode={"type": "classic"})
    for each in (trial, classic):
        with pytest.raises(stripe.InvalidRequestError):
            api.subscriptions.pause(each.id)
