"""What a subscription's invoices still ask for. A renewal's is a draft for about an hour, and then it is charged."""

from __future__ import annotations

from webhooks.snapshot import CustomerSnapshot, InvoiceFacts, SubscriptionFacts

_ASKING = frozenset({"draft", "open"})


def outstanding(snapshot: CustomerSnapshot | None, subscription: SubscriptionFacts) -> tuple[InvoiceFacts, ...]:
    """Return the subscription's invoices on which money is still due: those a card failed for, and drafts as well."""
    if snapshot is None:
        return ()
    own = (each for each in snapshot.invoices if each.subscription_id == subscription.id)
    return tuple(each for each in own if each.status in _ASKING and each.amount_due_minor > each.amount_paid_minor)
