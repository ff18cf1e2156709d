"""Cancel and undo in one call each, whoever cancelled and in whichever shape Stripe holds it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from service.billing.cancellations import Cancellation
from service.domain.money import Money
from service.errors import NotFound, StripeUnavailable


def test_cancelling_keeps_what_is_paid_for(shop: Any) -> None:
    """Access lasts to the period's end, and the answer says until when."""
    shop.subscribe(plan="annual")
    period_end_at = shop.services.readers.state("r-1").subscription.period_end_at
    cancelled = shop.services.cancellations.cancel("r-1", reason="too_expensive", comment="Sorry.")
    assert cancelled.access_until == cancelled.undo_until == period_end_at
    assert shop.status() == "cancelling"


def test_cancelling_twice_gives_the_same_answer(shop: Any) -> None:
    """A double click is not an error."""
    shop.subscribe()
    first = shop.services.cancellations.cancel("r-1", reason=None, comment=None)
    assert shop.services.cancellations.cancel("r-1", reason=None, comment=None) == first


def test_courtesy_does_not_last_as_what_was_sold(shop: Any, closed: str) -> None:
    """The answer names the end of the subscription, or of what was paid for it, not of what staff gave beside it."""
    cancelled = shop.services.cancellations.cancel("r-1", reason=None, comment=None)
    (at_stripe,) = shop.client.v1.subscriptions.list({"customer": shop.customer, "status": "all"}).data
    if closed == "paused":  # nothing runs that could run out
        assert at_stripe.status == "canceled"
        assert cancelled.access_until == cancelled.undo_until == datetime.fromtimestamp(at_stripe.ended_at, UTC)
        return
    assert cancelled.undo_until == datetime.fromtimestamp(at_stripe.cancel_at, UTC)
    paid_until = datetime(2027, 11, 16, 12, 0, tzinfo=UTC)
    assert cancelled.access_until == (paid_until if closed == "not_collected" else cancelled.undo_until)


def test_who_cancels_before_the_first_charge_is_told_of_it(shop: Any) -> None:
    """For an hour after the trial its invoice is a draft: the month that has begun is kept, and is still to be paid."""
    shop.subscribe()
    shop.pass_days(30)
    shop.pass_seconds(1800)
    cancelled = shop.services.cancellations.cancel("r-1", reason="forgot", comment=None)
    assert (cancelled.at_once, cancelled.still_due) == (False, Money(290, "usd"))
    assert shop.services.cancellations.cancel("r-1", reason=None, comment=None) == cancelled
    assert shop.status() == "cancelling"
    shop.pass_seconds(7200)
    shop.sync()
    assert (shop.charged(), shop.status()) == ([290], "cancelling")
    assert shop.services.cancellations.cancel("r-1", reason=None, comment=None).still_due is None


def test_a_month_that_credit_pays_is_kept(shop: Any) -> None:
    """Who came from a yearly plan has its rest as credit: a cancellation in that hour takes nothing of it."""
    shop.subscribe(plan="annual")
    shop.pass_days(100)
    shop.services.plan_changes.change("r-1", "monthly")
    shop.sync()
    left = shop.services.readers.state("r-1").subscription.period_end_at - shop.core.business_clock()
    shop.pass_seconds(int(left.total_seconds()) + 1800)
    shop.services.cancellations.cancel("r-1", reason=None, comment=None)
    shop.sync()
    assert shop.status() == "cancelling"


def test_an_end_that_fails_lets_the_draft_go_its_way(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the month would run on unpaid."""
    shop.subscribe()
    shop.pass_days(30)
    shop.pass_seconds(1800)

    def away(*_: Any, **__: Any) -> Any:
        raise stripe.APIConnectionError("cut short by the test")

    subscriptions = type(shop.services.cancellations._client.v1.subscriptions)
    with monkeypatch.context() as patch, pytest.raises((StripeUnavailable, stripe.APIConnectionError)):  # noqa: PT012
        patch.setattr(subscriptions, "cancel", away)
        shop.services.cancellations.end_now("r-1", comment="asked to")
    shop.pass_seconds(7200)
    assert shop.charged() == [290]


def test_what_staff_end_within_that_hour_is_not_charged(shop: Any) -> None:
    """Also a renewal's: what was paid before was used."""
    shop.subscribe(plan="annual")
    shop.pass_days(365)
    shop.pass_seconds(1800)
    shop.services.cancellations.end_now("r-1", comment="asked to")
    shop.pass_seconds(7200)
    assert shop.charged() == [1990]


def test_who_cancels_in_grace_is_told_what_is_due(shop: Any) -> None:
    """Stripe goes on trying the failed payment, and a good card pays for the period that is kept then."""
    shop.subscribe()
    shop.pass_days(40)
    good = shop.refuse_card()
    shop.pass_days(22)
    shop.sync()
    assert (shop.status(), shop.charged()) == ("grace", [290])
    cancelled = shop.services.cancellations.cancel("r-1", reason=None, comment=None)
    assert (cancelled.at_once, cancelled.still_due) == (False, Money(290, "usd"))
    (owed,) = shop.client.v1.invoices.list({"customer": shop.customer, "status": "open"}).data
    shop.client.v1.invoices.pay(owed.id, {"payment_method": good})
    shop.sync()
    assert (shop.status(), shop.charged()) == ("cancelling", [290, 290])


def test_a_change_that_failed_forfeits_no_paid_time(shop: Any) -> None:
    """Made in the Dashboard, its invoice is open while the month is paid: that is kept, and what is due is told."""
    shop.subscribe()
    shop.pass_days(41)
    owed = shop.change_without_paying()
    cancelled = shop.services.cancellations.cancel("r-1", reason=None, comment=None)
    assert (cancelled.at_once, cancelled.still_due) == (False, Money(owed.amount_due, "usd"))
    assert (shop.status(), cancelled.access_until > shop.core.business_clock()) == ("grace", True)
    assert shop.client.v1.subscriptions.list({"customer": shop.customer}).data[0].cancel_at_period_end


def test_an_end_set_far_ahead_is_brought_forward(shop: Any) -> None:
    """A `cancel_at` two periods from now lets more charges pass: it is no cancellation yet."""
    shop.subscribe()
    shop.pass_days(35)
    shop.sync()
    sold = shop.services.readers.state("r-1").subscription
    far = int(sold.period_end_at.timestamp()) + 75 * 86_400
    shop.client.v1.subscriptions.update(sold.id, {"cancel_at": far, "proration_behavior": "none"})
    cancelled = shop.services.cancellations.cancel("r-1", reason=None, comment=None)
    assert cancelled == Cancellation(access_until=sold.period_end_at, undo_until=sold.period_end_at)
    shop.pass_days(60)
    shop.sync()
    assert (shop.status(), shop.charged()) == ("ended", [290])


@pytest.mark.parametrize("shape", ["boolean", "cancel_at"])
def test_undoing_works_for_both_of_stripes_shapes(shop: Any, shape: str) -> None:
    """The portal sets `cancel_at` alone, the API the boolean; the reader does not know the difference."""
    shop.subscribe()
    subscription = shop.services.readers.state("r-1").subscription
    if shape == "boolean":
        shop.client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    else:
        ends = int(subscription.period_end_at.timestamp())
        shop.client.v1.subscriptions.update(subscription.id, {"cancel_at": ends})
    shop.services.cancellations.undo("r-1")
    now_at_stripe = shop.client.v1.subscriptions.retrieve(subscription.id)
    assert (now_at_stripe.cancel_at, now_at_stripe.cancel_at_period_end) == (None, False)
    assert shop.status() == "trialing"


def test_the_readers_words_reach_stripe(shop: Any) -> None:
    """Why people leave is worth keeping with the subscription."""
    shop.subscribe()
    shop.services.cancellations.cancel("r-1", reason="moved", comment="To the coast.")
    subscription = shop.client.v1.subscriptions.retrieve(shop.services.readers.state("r-1").subscription.id)
    assert subscription.cancellation_details is not None
    assert subscription.cancellation_details.comment == "moved - To the coast."


def test_nothing_to_cancel_and_nothing_to_undo_are_said_so(shop: Any) -> None:
    """For a stranger, for one who never paid, and for one whose subscription runs on."""
    with pytest.raises(NotFound):
        shop.services.cancellations.cancel("r-9", reason=None, comment=None)
    shop.open()
    with pytest.raises(NotFound):
        shop.services.cancellations.cancel("r-1", reason=None, comment=None)
    shop.subscribe()
    with pytest.raises(NotFound) as refused:
        shop.services.cancellations.undo("r-1")
    assert refused.value.code == "not_cancelled"


def test_the_portal_opens_for_customers_alone(shop: Any) -> None:
    """Stripe's page for a payer; a clear refusal for a stranger."""
    with pytest.raises(NotFound) as refused:
        shop.services.portals.open("r-9", "http://127.0.0.1:8001/account")
    assert refused.value.code == "no_customer"
    shop.subscribe()
    assert shop.services.portals.open("r-1", "http://127.0.0.1:8001/account").startswith(shop.standin.base_url)


def test_stripes_own_client_is_what_is_used(shop: Any) -> None:
    """The unmodified SDK at the pinned API version."""
    assert isinstance(shop.core.client, stripe.StripeClient)
    assert stripe.api_version == "2026-10-28.endive"
