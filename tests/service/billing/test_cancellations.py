"""Cancel and undo in one call each, whoever cancelled and in whichever shape Stripe holds it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from service.errors import NotFound


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
