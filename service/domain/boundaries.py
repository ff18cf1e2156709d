"""When a fresh look at Stripe is due although no event came: an event may be lost, a boundary is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from service.domain.holds import watched_until
from service.domain.subscriptions import judge
from service.domain.vocabulary import Policy
from webhooks.snapshot import CustomerSnapshot, InvoiceFacts, SubscriptionFacts

AFTER = timedelta(minutes=5)
"""How long Stripe gets to act on an instant, before we look."""
BEFORE = timedelta(minutes=10)
"""How long before grace ends we look once more: the last retry may have succeeded without our hearing of it."""
DRAFT = timedelta(hours=1)
"""How long an invoice stays a draft before it is charged (https://docs.stripe.com/billing/invoices/subscription)."""
AWAITED = timedelta(days=1)
"""How soon we look again while a bank's decision keeps a reader out: its event may be lost as well."""
LATE = timedelta(minutes=15)
"""How soon we look again when Stripe is late itself: a boundary is past, and nothing has changed."""


def next_boundary(snapshot: CustomerSnapshot, policy: Policy) -> datetime | None:
    """Return the business instant after `snapshot.fetched_at` when a fresh look is due, or None when nothing is."""
    if snapshot.deleted:
        return None
    ours = [each for each in snapshot.subscriptions if each.plan is not None and each.ended_at is None]
    due = [instant for each in ours for instant in _of_subscription(each, snapshot, policy)]
    for until in watched_until(snapshot, policy):
        daily = snapshot.fetched_at + AWAITED
        due.append(daily if until is None else min(daily, until))
    ids = {each.id for each in ours}
    due += [instant for each in snapshot.invoices if each.subscription_id in ids for instant in _of_invoice(each)]
    return min((instant for instant in due if instant > snapshot.fetched_at), default=None)


def _of_subscription(subscription: SubscriptionFacts, snapshot: CustomerSnapshot, policy: Policy) -> Iterator[datetime]:
    ends = [subscription.trial_end_at, subscription.period_end_at, subscription.cancel_at]
    yield from (end + AFTER for end in ends if end is not None)
    horizon = judge(subscription, snapshot.invoices, snapshot.fetched_at, policy, snapshot.fetched_at).horizon
    if horizon is not None:
        yield horizon - BEFORE
        yield horizon + AFTER
    if _is_late(subscription, snapshot.fetched_at):
        yield snapshot.fetched_at + LATE


def _is_late(subscription: SubscriptionFacts, fetched_at: datetime) -> bool:
    end = {"trialing": subscription.trial_end_at, "active": subscription.period_end_at}.get(subscription.status)
    return end is not None and end <= fetched_at


def _of_invoice(invoice: InvoiceFacts) -> Iterator[datetime]:
    """Yield when Stripe is to charge it: an hour after its draft, or at the next retry."""
    if invoice.status == "draft":
        yield invoice.created_at + DRAFT + AFTER
    if invoice.status == "open" and invoice.next_attempt_at is not None:
        yield invoice.next_attempt_at + AFTER
