"""One entitlement version beside the one before, in a sentence: "A payment failed; access continues until …"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from service.domain.vocabulary import Entitlement, GrantKind, Status
from service.support.story.dates import Dates


@dataclass(frozen=True)
class Change:
    """What was in force before (None at the very beginning), and what came."""

    before: Entitlement | None
    after: Entitlement
    dates: Dates

    @property
    def was(self) -> Status:
        return Status.NONE if self.before is None else self.before.status

    @property
    def until(self) -> str:
        return self.dates.day(self.after.until)


def change_told(before: Entitlement | None, after: Entitlement, dates: Dates) -> str:
    """Return what changed for the reader, ending in a full stop."""
    change = Change(before, after, dates)
    if before is not None and (before.status, before.cause) == (after.status, after.cause):
        return f"{_same_status(before, change)}."
    return f"{_BECAME[after.status](change)}."


_CAUSES = {
    "sync": "Seen at Stripe.",
    "rebuild": "Seen at Stripe, when everything was read anew.",
    "grant": "Because staff gave access.",
    "grant_revoked": "Because staff took back what they had given.",
    "hold_released": "Because staff released a hold.",
    "merge": "Because two accounts of one person were merged.",
}


def cause_told(cause: str) -> str:
    """Return what made the entitlement be computed, in a sentence."""
    return _CAUSES.get(cause) or f"Because of: {cause.replace('_', ' ')}."


def _same_status(before: Entitlement, change: Change) -> str:
    """Tell what differs while the state's name does not: the plan, the date, what is open, or the rule."""
    after, until = change.after, change.until
    if before.plan != after.plan:
        return f"The plan changed from {before.plan or 'none'} to {after.plan or 'none'}; {_runs(change)}"
    if before.until != after.until and after.until is not None:
        return _MOVED.get(after.status, "Access now ends on {until}").format(until=until)
    if before.features != after.features:
        return f"What is open changed: now {_listed(after)}"
    if after.status is Status.ACTIVE and before.horizon is None and after.horizon is not None:
        last = change.dates.day(after.horizon)
        return f"The renewal due on {until} has not come yet; access continues until {last} at the latest"
    if before.rule != after.rule:
        return f"The reason changed: {_BECAME[after.status](change)}"
    return "Details changed at Stripe; what may be read did not"


_MOVED = {
    Status.TRIALING: "The trial now runs until {until}",
    Status.ACTIVE: "Renewed: it runs until {until}",  # Stripe says so before it charges, and then may fail to
    Status.GRACE: "A payment is still open; access continues until {until} (grace)",
    Status.COURTESY: "Access given by staff now runs until {until}",
    Status.HELD: "What was sold now runs until {until}; access stays closed",
    Status.PAUSED: "What was sold now runs until {until}; access stays closed",
    Status.ENDED: "It ended on {until}: no access",
}


def _runs(change: Change) -> str:
    if change.after.cause is None:
        return "there is no access as before"
    words = {Status.TRIALING: "the trial runs until {until}", Status.ACTIVE: "it runs until {until}"}
    return words.get(change.after.status, "access until {until}").format(until=change.until)


def _listed(entitlement: Entitlement) -> str:
    return ", ".join(entitlement.features).replace("_", " ") or "nothing beyond the meter"


def _trialing(change: Change) -> str:
    if change.was is Status.CANCELLING:
        return f"The cancellation was undone: the trial runs until {change.until} and then renews"
    return f"A trial of {change.after.plan} began; it runs until {change.until}"


def _active(change: Change) -> str:
    if change.after.rule == "collection_paused":
        return f"Collection is paused at Stripe; what was paid for runs until {change.until}"
    if change.after.rule == "invoice_given_up":
        return f"An unpaid invoice was given up; what was paid for runs until {change.until}"
    if change.was is Status.TRIALING:  # "active" is not paid: the charge comes an hour later
        return f"The trial is over, and the subscription runs until {change.until}"
    came = {
        Status.GRACE: "The payment came through",
        Status.CANCELLING: "The cancellation was undone",
        Status.HELD: "The hold is gone and access is open again",
        Status.PAUSED: "The subscription was resumed",
    }
    return f"{came.get(change.was, f'Subscribed to {change.after.plan}')}: paid until {change.until}"


def _cancelling(change: Change) -> str:
    what = "the trial" if change.after.cause is GrantKind.TRIAL else "access"
    return f"Cancelled: {what} runs until {change.until}, with no further charge"


def _grace(change: Change) -> str:
    which = "The first payment" if change.after.rule == "past_due_first_payment" else "A payment"
    return f"{which} failed; access continues until {change.until} (grace)"


def _paused(change: Change) -> str:
    if change.after.rule == "collection_paused":
        return "Collection is paused at Stripe and what was paid for is over: no access"
    return "Paused at Stripe, as a trial that ended without a card is: no access, and no charge"


def _held(change: Change) -> str:
    words = {
        "held_dispute": "A payment was disputed at the reader's bank: access is closed",
        "held_fraud_warning": "The card's issuer warned of fraud: access is closed",
        "held_refund": "What was paid for was refunded whole: access is closed",
    }
    return words.get(change.after.rule, "Something stands against a payment: access is closed")


def _courtesy(change: Change) -> str:
    who = "A gift gives" if change.after.cause is GrantKind.GIFT else "Staff gave"
    return f"{who} access until {change.until}; nothing is charged"


def _ended(change: Change) -> str:
    words = {
        "customer_deleted": "The customer was deleted at Stripe: no access, and nothing will be charged",
        "unpaid": "Payment failed for good and Stripe has stopped trying: no access",
        "past_due_first_payment": "The first payment failed, and there is no grace for it: no access",
        "past_due_renewal": "The grace ran out without a payment: no access",
        "cancelling": "The cancelled subscription has run out: no access",
        "invoice_given_up": "The unpaid invoice was given up, and what was paid for is over: no access",
    }
    return words.get(change.after.rule, "The subscription ended: no access")


def _none(change: Change) -> str:
    if change.was is Status.COURTESY:
        return "What staff gave has run out or was revoked: no access"
    words = {
        "incomplete": "The first payment has not gone through yet: no access",
        "incomplete_expired": "The first payment never went through: nothing was sold",
        "invoice_given_up": "The first payment failed and its invoice was given up: no access",
    }
    return words.get(change.after.rule, "No subscription, and nothing given by staff")


_BECAME: Mapping[Status, Callable[[Change], str]] = {
    Status.NONE: _none,
    Status.TRIALING: _trialing,
    Status.ACTIVE: _active,
    Status.CANCELLING: _cancelling,
    Status.GRACE: _grace,
    Status.PAUSED: _paused,
    Status.HELD: _held,
    Status.COURTESY: _courtesy,
    Status.ENDED: _ended,
}
