"""A change of plan: whether it is possible, and what it costs, in the figures of Stripe's own invoice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from service.domain.catalog import Plan
from service.domain.entitlement import Entitlement, Status
from service.domain.money import Money
from service.domain.outstanding import outstanding
from webhooks.snapshot import CustomerSnapshot, SubscriptionFacts

QUOTE_LASTS = timedelta(hours=1)
"""How long a preview's figures can still be had: prorations are computed as of `quoted_at`."""


class Obstacle(StrEnum):
    """Why a subscription cannot change its plan now; each is a problem's code."""

    SAME_PLAN = "same_plan"
    SUBSCRIPTION_ENDING = "subscription_ending"
    PAYMENT_OUTSTANDING = "payment_outstanding"
    ACCESS_HELD = "access_held"
    SUBSCRIPTION_PAUSED = "subscription_paused"


_CLOSED = {Status.HELD: Obstacle.ACCESS_HELD, Status.PAUSED: Obstacle.SUBSCRIPTION_PAUSED}


@dataclass(frozen=True, kw_only=True)
class ChangeLine:
    """One line of the invoice, in Stripe's words; negative for what is credited."""

    description: str
    amount: Money


@dataclass(frozen=True, kw_only=True)
class PlanChange:
    """What a change to `plan` as of `quoted_at` costs now, what stays to the reader's credit, and what comes next.

    `renewal` is the plan's price, before any credit is taken off it.
    """

    plan: str
    quoted_at: datetime
    due_now: Money
    credit: Money
    renewal: Money
    renews_at: datetime
    lines: tuple[ChangeLine, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the contract's shape, kept as the record of consent; instants as RFC 3339."""
        return {
            "plan": self.plan,
            "quoted_at": self.quoted_at.isoformat(),
            "due_now": self.due_now.to_json(),
            "credit": self.credit.to_json(),
            "renewal": self.renewal.to_json(),
            "renews_at": self.renews_at.isoformat(),
            "lines": [{"description": each.description, "amount": each.amount.to_json()} for each in self.lines],
        }


def obstacle(
    snapshot: CustomerSnapshot | None, subscription: SubscriptionFacts, sold: Entitlement, plan: Plan
) -> Obstacle | None:
    """Return what stands in the way of changing to `plan`, or None; `sold` is what Stripe's facts alone give.

    A held reader's money is gone or in dispute, while a subscription is paused nothing is paid, and a period whose
    invoice is still to be paid is nobody's yet: there is no unused time of theirs to credit.
    """
    if subscription.plan == plan.id:
        return Obstacle.SAME_PLAN
    if sold.status in _CLOSED:
        return _CLOSED[sold.status]
    if subscription.status not in {"trialing", "active"} or outstanding(snapshot, subscription):
        return Obstacle.PAYMENT_OUTSTANDING
    if subscription.cancel_at is not None or subscription.cancel_at_period_end:
        return Obstacle.SUBSCRIPTION_ENDING
    return None


def is_quotable(quoted_at: datetime, now: datetime) -> bool:
    """Tell whether prorations may be computed as of `quoted_at`."""
    return now - QUOTE_LASTS <= quoted_at <= now


def kept_trial(subscription: SubscriptionFacts, plan: Plan, now: datetime) -> PlanChange:
    """Return the change of a trial: nothing moves until its end, when the new plan is charged."""
    ends_at = subscription.trial_end_at or subscription.period_end_at or now
    nothing = Money(0, plan.price.currency)
    return PlanChange(
        plan=plan.id, quoted_at=now, due_now=nothing, credit=nothing, renewal=plan.price, renews_at=ends_at, lines=()
    )


def change_from_invoice(plan: Plan, quoted_at: datetime, invoice: Mapping[str, Any]) -> PlanChange:
    """Return the change that `invoice` (Stripe's JSON, previewed or made) bills."""
    currency, lines = invoice["currency"], invoice["lines"]["data"]
    left_over = -(invoice["total"] + (invoice.get("starting_balance") or 0))
    return PlanChange(
        plan=plan.id,
        quoted_at=quoted_at,
        due_now=Money(invoice["amount_due"], currency),
        credit=Money(max(0, left_over), currency),
        renewal=plan.price,
        renews_at=_end_of_what_is_bought(lines),
        lines=tuple(ChangeLine(description=each["description"] or "", amount=Money(each["amount"], currency))
                    for each in lines),
    )  # fmt: skip


def _end_of_what_is_bought(lines: Sequence[Mapping[str, Any]]) -> datetime:
    bought = [line["period"]["end"] for line in lines if line["amount"] >= 0]
    return datetime.fromtimestamp(max(bought), UTC)
