"""What a reader is to be told now, for it cannot wait until they look: follows from Stripe's facts alone.

Card schemes ask for a reminder seven days before a trial turns into a charge, some states for one 15 to 45 days before
a year renews; Stripe's own hints (`customer.subscription.trial_will_end`, `invoice.upcoming`) come too late for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from service.domain.money import Money
from service.domain.standings import ends_unrenewed
from webhooks.snapshot import CustomerSnapshot, InvoiceFacts, SubscriptionFacts

TRIAL_ENDS_WITHIN = timedelta(days=7)
YEAR_RENEWS_WITHIN = timedelta(days=30)
_UNPAID = frozenset({"incomplete", "past_due", "unpaid"})


class NoticeKind(StrEnum):
    """A trial is about to be charged, a year about to renew, or a payment did not go through."""

    TRIAL_ENDS = "trial_ends"
    RENEWS = "renews"
    PAYMENT_DUE = "payment_due"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One thing to be told. Its `id` stays the same while it is the same thing, so that a mail goes out once.

    `at` is when the charge is made, or tried again (None: not by itself). `amount` is the plan's price or what the
    invoice still asks for; `pay_url` is Stripe's page where a payment that is due can be made or confirmed.
    """

    id: str
    kind: NoticeKind
    at: datetime | None
    amount: Money
    pay_url: str | None = None


def notices_from(snapshot: CustomerSnapshot | None, now: datetime) -> tuple[Notice, ...]:
    """Return what the reader is to be told at `now`, about subscriptions to our plans that are not over."""
    if snapshot is None or snapshot.deleted:
        return ()
    ours = [each for each in snapshot.subscriptions if each.plan is not None and each.ended_at is None]
    charges = (notice for each in ours for notice in _charges_ahead(each, now))
    unpaid = {each.id for each in ours if each.status in _UNPAID}
    return (*charges, *(_payment_due(each) for each in snapshot.invoices if _is_due(each, unpaid)))


def _charges_ahead(subscription: SubscriptionFacts, now: datetime) -> Iterator[Notice]:
    """Yield the notice of the next charge if it is near; none when nothing will be charged."""
    if ends_unrenewed(subscription) or subscription.pause_behavior:
        return
    if subscription.status == "trialing":
        kind, at, ahead = NoticeKind.TRIAL_ENDS, subscription.trial_end_at, TRIAL_ENDS_WITHIN
    elif subscription.status == "active" and subscription.interval == "year":
        kind, at, ahead = NoticeKind.RENEWS, subscription.period_end_at, YEAR_RENEWS_WITHIN
    else:
        return
    if at is not None and at - ahead <= now < at:
        amount = Money(subscription.amount_minor, subscription.currency)
        yield Notice(id=f"{kind}:{subscription.id}:{int(at.timestamp())}", kind=kind, at=at, amount=amount)


def _is_due(invoice: InvoiceFacts, unpaid: set[str]) -> bool:
    return invoice.status == "open" and invoice.subscription_id in unpaid


def _payment_due(invoice: InvoiceFacts) -> Notice:
    """Return the notice of this attempt: each further one that fails is told anew."""
    return Notice(
        id=f"{NoticeKind.PAYMENT_DUE}:{invoice.id}:{invoice.attempt_count}",
        kind=NoticeKind.PAYMENT_DUE,
        at=invoice.next_attempt_at,
        amount=Money(invoice.amount_due_minor - invoice.amount_paid_minor, invoice.currency),
        pay_url=invoice.hosted_url,
    )
