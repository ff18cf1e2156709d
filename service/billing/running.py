"""A reader's running subscription, by what Stripe says now."""

from __future__ import annotations

from collections.abc import Callable

from service.access.readers import Readers, ReaderState
from service.domain.standings import living
from service.errors import NotFound
from webhooks.snapshot import CustomerSnapshot, SubscriptionFacts

RUNNING = frozenset({"trialing", "active", "past_due", "paused", "unpaid"})
OWING = frozenset({"past_due", "unpaid"})
"""Stripe goes on asking for the money, or takes it when the reader pays: access may be over, the sale is not."""


def owes(snapshot: CustomerSnapshot | None) -> bool:
    """Tell whether a payment for one of our plans is outstanding, so that another sale would be charged beside it."""
    return any(each.status in OWING for each in living(snapshot))


def running(readers: Readers, sync_now: Callable[[str], None], reader_id: str) -> tuple[ReaderState, SubscriptionFacts]:
    """Return the reader's state after a sync, and the subscription that runs; raises NotFound, StripeUnavailable.

    The caller bounds the time, with `stripe_deadline`.
    """
    state = readers.state(reader_id)
    if state.snapshot is not None:
        sync_now(state.snapshot.customer_id)
        state = readers.state(reader_id)
    subscription = state.subscription
    if subscription is None or subscription.status not in RUNNING:
        raise NotFound("This reader has no running subscription.", code="no_subscription")
    return state, subscription
