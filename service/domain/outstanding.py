"""What a subscription's invoices still ask for. A renewal's is a draft for about an hour, and then it is charged."""

from __future__ import annotations

from service.domain.money import Money
from webhooks.snapshot import CustomerSnapshot, InvoiceFacts, SubscriptionFacts

_ASKING = frozenset({"draft", "open"})


def outstanding(snapshot: CustomerSnapshot | None, subscription: SubscriptionFacts) -> tuple[InvoiceFacts, ...]:
    """Return the running period's invoices on which money is still due: those a card failed for, and drafts as well.

    One of a period before this one is asked for no more, as where collection was paused for a while.
    """
    if snapshot is None:
        return ()
    own = (each for each in snapshot.invoices if each.subscription_id == subscription.id)
    return tuple(each for each in own if _asks(each) and not _is_of_before(each, subscription))


def _asks(invoice: InvoiceFacts) -> bool:
    return invoice.status in _ASKING and invoice.amount_due_minor > invoice.amount_paid_minor


def _is_of_before(invoice: InvoiceFacts, subscription: SubscriptionFacts) -> bool:
    begun = subscription.period_start_at
    return begun is not None and invoice.period_start_at is not None and invoice.period_start_at < begun


def still_due(snapshot: CustomerSnapshot | None, subscription: SubscriptionFacts | None) -> Money | None:
    """Return what the subscription's invoices ask for together, or None for nothing."""
    if subscription is None:
        return None
    asked = outstanding(snapshot, subscription)
    due = sum(each.amount_due_minor - each.amount_paid_minor for each in asked)
    return Money(due, subscription.currency) if asked else None
