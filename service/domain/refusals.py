"""Was a refused reader in fact a payer? Judged later, by facts that were not known here when the wall was shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from service.domain.entitlement import Entitlement, Grant, Hold, Policy, entitlement_from
from service.domain.holds import holds_from
from webhooks.snapshot import CustomerSnapshot

STRIPES_GRAIN = timedelta(seconds=1)
"""Stripe tells instants in whole seconds, so a refusal within the second of a payment may have come before it."""
_Span = tuple[datetime, datetime | None]


def covering(
    at: datetime,
    known: CustomerSnapshot,
    holds: Sequence[Hold],
    grants: Sequence[Grant],
    *,
    known_before: CustomerSnapshot | None,
    policy: Policy,
) -> Entitlement | None:
    """Return the entitlement that covered business instant `at`, by what is known now; None when nothing did.

    Stripe tells what is, and only of trials and payments since when. So the facts of now count for a past instant
    when those known before (`known_before`) opened it as well, or when it lies in a trial or a paid period that they
    lacked, after the payment. What comes without a date, such as a hold released or a pause ended, covers nothing that
    was before we saw it.
    """
    entitlement = entitlement_from(_as_then(known, at), holds, grants, policy, at)
    if not entitlement.grants_at(at):
        return None
    if _opened_before(at, known_before, grants, policy):
        return entitlement
    new = _spans(known, entitlement.subscription_id) - _spans(known_before, entitlement.subscription_id)
    return entitlement if any(_lies_in(at, span) for span in new) else None


def _as_then(known: CustomerSnapshot, at: datetime) -> CustomerSnapshot:
    """Return the facts with what was cancelled only after `at` running still: that it is over says nothing of then."""
    subscriptions = (
        replace(each, status="active") if each.status == "canceled" and each.ended_at and at < each.ended_at else each
        for each in known.subscriptions
    )
    return replace(known, subscriptions=tuple(subscriptions))


def tells_of_cover(known: CustomerSnapshot, known_before: CustomerSnapshot | None) -> bool:
    """Tell whether a trial or a payment came to be known: somebody may have been refused in the meantime."""
    ours = [each.id for each in known.subscriptions if each.plan is not None]
    return any(_spans(known, each) - _spans(known_before, each) for each in ours)


def _opened_before(at: datetime, snapshot: CustomerSnapshot | None, grants: Sequence[Grant], policy: Policy) -> bool:
    holds = holds_from(snapshot, policy) if snapshot else ()
    return entitlement_from(snapshot, holds, grants, policy, at).grants_at(at)


def _spans(snapshot: CustomerSnapshot | None, subscription_id: str | None) -> set[_Span]:
    """Return what was given or paid for on this subscription: from the trial's start, or the payment, to its end."""
    if snapshot is None:
        return set()
    trials = {
        (each.trial_start_at, each.trial_end_at)
        for each in snapshot.subscriptions
        if each.id == subscription_id and each.trial_start_at is not None
    }
    return trials | {
        (each.paid_at or each.created_at, each.period_end_at)
        for each in snapshot.invoices
        if each.subscription_id == subscription_id and each.status == "paid"
    }


def _lies_in(at: datetime, span: _Span) -> bool:
    begun, ends = span
    return begun + STRIPES_GRAIN <= at and (ends is None or at < ends)
