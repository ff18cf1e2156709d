"""What of a customer's subscriptions people look for, beside the entitlement that comes of them all."""

from __future__ import annotations

from dataclasses import dataclass

from webhooks.snapshot import CustomerSnapshot, SubscriptionFacts

RUNNING = frozenset({"trialing", "active", "past_due"})
NOT_SOLD = frozenset({"canceled", "incomplete", "incomplete_expired"})
"""Over, or never begun. A status newer than this code is taken for sold: nobody is to pay twice."""


@dataclass(frozen=True, kw_only=True)
class Standings:
    """Whether any subscription to a plan of ours is so; several can be, of one account."""

    in_trial: bool = False
    past_due: bool = False
    cancelling: bool = False


def living(snapshot: CustomerSnapshot | None) -> tuple[SubscriptionFacts, ...]:
    """Return the subscriptions to plans of ours that are sold and not over, whether they open anything now or not."""
    if snapshot is None or snapshot.deleted:
        return ()
    return tuple(each for each in snapshot.subscriptions if is_living(each))


def is_living(subscription: SubscriptionFacts) -> bool:
    """Tell whether it is to a plan of ours, sold, and not over."""
    ours, over = subscription.plan is not None, subscription.ended_at is not None
    return ours and not over and subscription.status not in NOT_SOLD


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


def ends_unrenewed(subscription: SubscriptionFacts) -> bool:
    """Tell whether its end comes before another charge; in Stripe's Dashboard one can be set many periods ahead."""
    cancel_at, ends_at = subscription.cancel_at, subscription.period_end_at
    soon = cancel_at is not None and (ends_at is None or cancel_at <= ends_at)
    return subscription.cancel_at_period_end or soon
