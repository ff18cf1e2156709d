"""Which of the things that stand against a customer's payments close access, how much of it, and until when.

Two kinds of closing. While a chargeback or a fraud warning is undecided, all that Stripe sold is held. Once money is
gone for good (a dispute lost, a charge refunded whole), only what *that* charge had paid for is revoked: the invoice
no longer counts, and its subscription is held until a later invoice is paid. What belongs to no subscription of ours
holds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from service.domain.vocabulary import Hold, Policy, Release
from webhooks.snapshot import CustomerSnapshot, HoldFacts, InvoiceFacts

INQUIRY = "warning_"
"""How an inquiry's statuses begin: a question from the bank, with no money moved."""
DECIDED = frozenset({"won", "lost", "prevented"})
REFUNDED = frozenset({"succeeded", "pending", "requires_action"})
"""Refunds that count; a failed or canceled one gave nothing back."""


def holds_from(snapshot: CustomerSnapshot, policy: Policy, releases: Iterable[Release] = ()) -> tuple[Hold, ...]:
    """Return one hold for each of the snapshot's, in its order; those that close nothing are kept to be seen.

    `releases` are staff's. Money that is gone stays gone: what a released refund gave back proves no payment.
    """
    invoices = {each.id: each for each in _ours(snapshot)}
    emptied = frozenset(_emptying_refunds(snapshot.holds)) if policy.full_refund_revokes else frozenset()
    holds = [_hold(each, invoices.get(each.invoice_id or ""), emptied) for each in snapshot.holds]
    revoked = frozenset(hold.invoice_id for hold in holds if hold.revokes)
    standing = [each for each in invoices.values() if each.id not in revoked]
    by_staff = {(each.hold_id, each.revokes): each.released_at for each in releases}
    return tuple(
        _released_by_staff(_released(hold, invoices, standing), by_staff.get((facts.id, hold.revokes)))
        for facts, hold in zip(snapshot.holds, holds, strict=True)
    )


def may_be_released(facts: HoldFacts) -> bool:
    """Tell whether a bank's answer is awaited that could open access again."""
    return _is_undecided(facts) or (facts.kind == "refund" and facts.status in {"pending", "requires_action"})


def counted_invoices(snapshot: CustomerSnapshot, holds: Iterable[Hold]) -> tuple[InvoiceFacts, ...]:
    """Return the invoices whose money is still here."""
    revoked = {hold.invoice_id for hold in holds if hold.revokes}
    return tuple(each for each in snapshot.invoices if each.id not in revoked)


def _ours(snapshot: CustomerSnapshot) -> list[InvoiceFacts]:
    """Return the invoices of subscriptions to our plans, the oldest first."""
    ours = {each.id for each in snapshot.subscriptions if each.plan is not None}
    return sorted(
        (each for each in snapshot.invoices if each.subscription_id in ours), key=lambda each: each.created_at
    )


def _emptying_refunds(holds: Iterable[HoldFacts]) -> Iterator[str]:
    """Yield of each charge refunded whole the refund that took the last of it."""
    refunds = [each for each in holds if each.kind == "refund" and each.status in REFUNDED]
    for _, group in groupby(sorted(refunds, key=lambda each: each.charge_id), key=lambda each: each.charge_id):
        returned_minor = 0
        for refund in sorted(group, key=lambda each: (each.created_at, each.id)):
            returned_minor += refund.amount_minor
            if returned_minor >= refund.charge_amount_minor:
                yield refund.id
                break


def _hold(facts: HoldFacts, invoice: InvoiceFacts | None, emptied: frozenset[str]) -> Hold:
    lost = facts.kind == "dispute" and facts.status == "lost"
    revokes = invoice is not None and (lost or facts.id in emptied)
    return Hold(
        kind=facts.kind,
        blocks=revokes or (invoice is not None and _is_undecided(facts)),
        from_at=facts.created_at,
        released_at=None,
        revokes=revokes,
        invoice_id=facts.invoice_id,
        subscription_id=invoice.subscription_id if invoice is not None else None,
    )


def _is_undecided(facts: HoldFacts) -> bool:
    """Tell whether everything is held for now. A dispute's status newer than this code is taken for undecided."""
    if facts.kind == "dispute":
        return not facts.status.startswith(INQUIRY) and facts.status not in DECIDED
    return facts.kind == "fraud_warning" and facts.status == "actionable"


def _released(hold: Hold, invoices: dict[str, InvoiceFacts], standing: Iterable[InvoiceFacts]) -> Hold:
    """Return a revoking hold with the instant from which another payment covers its subscription, if one does."""
    if not hold.revokes:
        return hold
    gone = invoices[hold.invoice_id or ""]
    covering = (each for each in standing if each.subscription_id == gone.subscription_id and _covers(each, gone))
    paid_at = min((each.paid_at or each.created_at for each in covering), default=None)
    return hold if paid_at is None else replace(hold, released_at=max(paid_at, hold.from_at))


def _released_by_staff(hold: Hold, at: datetime | None) -> Hold:
    if at is None or not hold.blocks or hold.released_at is not None:
        return hold
    return replace(hold, released_at=max(at, hold.from_at))


def _covers(other: InvoiceFacts, gone: InvoiceFacts) -> bool:
    """Tell whether `other` was paid later than `gone`, or for as long: then what is open now rests on it."""
    if other.status != "paid" or other.amount_paid_minor == 0 or other.period_end_at is None:
        return False
    as_long = gone.period_end_at is None or other.period_end_at >= gone.period_end_at
    return as_long or _paid(other) > _paid(gone)


def _paid(invoice: InvoiceFacts) -> datetime:
    return invoice.paid_at or invoice.created_at
