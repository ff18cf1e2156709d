"""Where an account stands, in one plain sentence: "Trial until 21 December, then $2.90 a month; card ending 4242"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from service.domain.money import Money
from service.domain.standings import ends_unrenewed, is_living, living
from service.domain.vocabulary import Entitlement, GrantKind, Status
from webhooks.snapshot import CardFacts, CustomerSnapshot, SubscriptionFacts

_INTERVALS = {"day": "a day", "week": "a week", "month": "a month", "year": "a year"}


@dataclass(frozen=True)
class Standing:
    """What the sentence is made from. `subscription` is the one that the entitlement rests on, or the newest."""

    entitlement: Entitlement
    subscription: SubscriptionFacts | None
    card: CardFacts | None
    zone: ZoneInfo
    now: datetime
    due: Money | None

    @property
    def price(self) -> str:
        """Return such as `$2.90 a month`."""
        if self.subscription is None:
            return "the plan's price"
        money = Money(self.subscription.amount_minor, self.subscription.currency)
        return f"{money.display} {_INTERVALS.get(self.subscription.interval or '', 'each period')}"

    @property
    def card_clause(self) -> str:
        return f"card ending {self.card.last4}" if self.card else "no card on file"

    @property
    def until(self) -> str:
        return self.day(self.entitlement.until)

    def day(self, at: datetime | None) -> str:
        """Return the day in the publication's zone; the year is said when it is not this one."""
        if at is None:
            return "an unknown day"
        local, today = at.astimezone(self.zone), self.now.astimezone(self.zone)
        return f"{local.day} {local:%B}" + ("" if local.year == today.year else f" {local.year}")


def sentence(
    entitlement: Entitlement,
    subscription: SubscriptionFacts | None,
    card: CardFacts | None,
    *,
    zone: ZoneInfo,
    now: datetime,
    due: Money | None = None,
) -> str:
    """Return the state at business `now`, ending in a full stop; `due` is what invoices still ask for, if anything."""
    standing = Standing(entitlement, subscription, card, zone, now, due)
    return f"{_SENTENCES[entitlement.status](standing)}."


def warning(snapshot: CustomerSnapshot | None) -> str | None:
    """Return what somebody should look into on this account, in a sentence; None for nothing."""
    ids = [each.id for each in living(snapshot)]
    if len(ids) < 2:
        return None
    return f"Sold twice: {', '.join(ids)} run at once. End all but one, and give back what was paid for the others."


def _none(it: Standing) -> str:
    words = {
        "no_subscription": "Has never subscribed",
        "incomplete": "The first payment has not gone through yet: no access",
        "incomplete_expired": "The first payment never went through: nothing was sold",
        "invoice_given_up": "The first payment failed and its invoice was given up: no access",
    }
    return words.get(it.entitlement.rule, "No access: nothing was ever paid for")


def _trialing(it: Standing) -> str:
    return f"Trial until {it.until}, then {it.price}; {it.card_clause}"


def _active(it: Standing) -> str:
    if it.entitlement.rule == "unknown_status":
        return f"Paid until {it.until}; Stripe gives the subscription a status that this service does not know"
    if it.entitlement.rule == "collection_paused":
        return f"Paid until {it.until}; collection is paused at Stripe, so access ends then"
    if it.entitlement.rule == "invoice_given_up":
        return f"Paid until {it.until}; the invoice after that was given up, so access ends then"
    if it.entitlement.horizon is not None and it.entitlement.until and it.entitlement.until <= it.now:
        ends = it.day(it.entitlement.horizon)
        return f"Renewal was due on {it.until} and Stripe has not settled it yet: access until {ends} at the latest"
    if it.due is not None:  # Stripe begins a period an hour before it charges for it, and may fail to
        return f"Runs until {it.until}, with {it.due.display} still to be paid; {it.card_clause}"
    return f"Paid until {it.until}, then {it.price}; {it.card_clause}"


def _cancelling(it: Standing) -> str:
    subscription = it.subscription
    if subscription is not None and subscription.cancel_at is not None and not ends_unrenewed(subscription):
        return f"Set to end on {it.until}, and charged {it.price} until then; {it.card_clause}"
    what = "trial" if it.entitlement.cause is GrantKind.TRIAL else "access"
    charge = f"{it.due.display} still due" if it.due else "no further charge"
    return f"Cancelled: {what} until {it.until}, {charge}"


def _grace(it: Standing) -> str:
    return f"A payment of {it.price} failed: access until {it.until} while Stripe tries again; {it.card_clause}"


def _paused(it: Standing) -> str:
    if it.entitlement.rule == "collection_paused":
        return "Collection is paused at Stripe and what was paid for is over: no access"
    return "Paused at Stripe, as a trial that ended without a card is: no access and no charge until it is resumed"


def _held(it: Standing) -> str:
    words = {
        "held_dispute": "a payment is disputed at the reader's bank",
        "held_fraud_warning": "the card's issuer warned of fraud",
        "held_refund": "what was paid for was refunded whole",
    }
    return f"On hold, no access: {words.get(it.entitlement.rule, 'something stands against a payment')}"


def _courtesy(it: Standing) -> str:
    what = "A gift" if it.entitlement.cause is GrantKind.GIFT else "Courtesy access given by staff"
    if it.subscription is not None and is_living(it.subscription):
        return f"{what} until {it.until}, beside a subscription that opens nothing now"
    return f"{what} until {it.until}; nothing is charged"


def _ended(it: Standing) -> str:
    if it.entitlement.rule == "customer_deleted":
        return "The customer was deleted at Stripe: no access, and nothing will be charged"
    if it.entitlement.rule == "unpaid":
        return "Payment failed for good, and Stripe has stopped trying: no access"
    if it.entitlement.rule == "invoice_given_up":
        return f"Ended on {it.until}: the payment since then failed and its invoice was given up, so no access"
    if it.entitlement.until is None:
        return "The subscription has ended: no access"
    return f"Ended on {it.until}: no access"


_SENTENCES: Mapping[Status, Callable[[Standing], str]] = {
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
