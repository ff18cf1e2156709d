"""What of a customer's subscriptions people look for, beside the entitlement that comes of them all."""

from __future__ import annotations

from dataclasses import dataclass

from webhooks.snapshot import CustomerSnapshot, SubscriptionFacts

RUNNING = frozenset({"trialing", "active", "past_due"})


@dataclass(frozen=True, kw_only=True)
class Standings:
    """Whether any subscription to a plan of ours is so; several can be, of one account."""

    in_trial: bool = False
    past_due: bool = False
    cancelling: bool = False


def standings_of(snapshot: CustomerSnapshot | None) -> Standings:
    """Return how the customer's subscriptions stand, as last fetched."""
    if snapshot is None or snapshot.deleted:
        return Standings()
    ours = [each for each in snapshot.subscriptions if each.plan is not None]
    return Standings(
        in_trial=any(each.status == "trialing" for each in ours),
        past_due=any(each.status == "past_due" for each in ours),
        cancelling=any(is_cancelling(each) for each in ours),
    )


def is_cancelling(subscription: SubscriptionFacts) -> bool:
    """Tell whether a running subscription has its end set, in either of the shapes in which Stripe says so."""
    ending = subscription.cancel_at is not None or subscription.cancel_at_period_end
    return ending and subscription.status in RUNNING
