"""What a subscription's invoices still ask for. A renewal's is a draft for about an hour, and then it is charged."""

from __future__ import annotations

from service.domain.money import Money
from service.domain.subscriptions import covered_until
from webhooks.snapshot import CustomerSnapshot, InvoiceFacts, SubscriptionFacts

_ASKING = frozenset({"draft", "open"})


def outstanding(snapshot: CustomerSnapshot | None, subscription: SubscriptionFacts) -> tuple[InvoiceFacts, ...]:
    """Return the subscription's invoices on which money is still due: those a card failed for, and drafts as well."""
    if snapshot is None:
        return ()
    own = (each for each in snapshot.invoices if each.subscription_id == subscription.id)
    return tuple(each for each in own if each.status in _ASKING and each.amount_due_minor > each.amount_paid_minor)


def still_due(snapshot: CustomerSnapshot | None, subscription: SubscriptionFacts | None) -> Money | None:
    """Return what the subscription's invoices ask for together, or None for nothing."""
    if subscription is None:
        return None
    asked = outstanding(snapshot, subscription)
    due = sum(each.amount_due_minor - each.amount_paid_minor for each in asked)
    return Money(due, subscription.currency) if asked else None


def is_unpaid(snapshot: CustomerSnapshot | None, subscription: SubscriptionFacts) -> bool:
    """Tell whether nothing is paid of the running time, and its money can still be done without.

    What is covered is compared with Stripe's period as well, for its clock may be ahead of ours. An open invoice of a
    subscription that is still `active` has its payment under way, as a bank debit is for days: that buys the period.
    """
    if snapshot is None:
        return False
    covered = covered_until(subscription, snapshot.invoices)
    begun = max(filter(None, (snapshot.fetched_at, subscription.period_start_at)))
    if covered is not None and covered > begun:
        return False
    asked = outstanding(snapshot, subscription)
    return any(each.status == "draft" or subscription.status != "active" for each in asked)
