"""Which of the things that stand against a customer's payments close access, how much of it, and until when.

Two kinds of closing. While a chargeback or a fraud warning is undecided, all that Stripe sold is held. Once money is
gone for good (a dispute lost, a charge refunded whole), only what *that* charge had paid for is revoked: the invoice
no longer counts, and its subscription is held until a later invoice is paid. What belongs to no subscription of ours
holds nothing.

A bank decides about a dispute; about a warning nobody need ever decide. So a warning holds for the policy's term at
most, and no longer than until its subscription is paid for again by a payment that nothing stands against.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from service.domain.vocabulary import Hold, Policy, Release
from webhooks.snapshot import CustomerSnapshot, HoldFacts, InvoiceFacts

INQUIRY = "warning_"
"""How an inquiry's statuses begin: a question from the bank, with no money moved."""
WARNING = "fraud_warning"
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
    rules = _Releasing(invoices, holds, policy, snapshot.fetched_at)
    by_staff = {(each.hold_id, each.revokes): each.released_at for each in releases}
    return tuple(
        _released_by_staff(rules.released(hold), by_staff.get((facts.id, hold.revokes)))
        for facts, hold in zip(snapshot.holds, holds, strict=True)
    )


def watched_until(snapshot: CustomerSnapshot, policy: Policy) -> Iterator[datetime | None]:
    """Yield for each hold that a bank's answer could lift until when it is awaited: None for as long as it takes.

    Staff's releases do not matter: a dispute that they opened may yet be lost.
    """
    for facts, hold in zip(snapshot.holds, holds_from(snapshot, policy), strict=True):
        if facts.kind == WARNING:
            if hold.blocks and hold.released_at is None:
                yield hold.from_at + policy.fraud_hold
        elif _is_undecided(facts) or (facts.kind == "refund" and facts.status in {"pending", "requires_action"}):
            yield None


def is_no_dispute(facts: HoldFacts) -> bool:
    """Tell whether a dispute turned out to be none: won, prevented, or a question that the bank asked."""
    return facts.status.startswith(INQUIRY) or facts.status in DECIDED - {"lost"}


def paid_while_held(snapshot: CustomerSnapshot, holds: Iterable[Hold]) -> list[InvoiceFacts]:
    """Return what was paid after a hold had begun that closes its subscription still."""
    standing = list(holds)
    return [
        each
        for each in _ours(snapshot)
        if each.status == "paid" and each.amount_paid_minor > 0
        if any(hold.closes(each.subscription_id) and hold.from_at < _paid(each) for hold in standing)
    ]


def closes_what_comes(holds: Iterable[Hold]) -> bool:
    """Tell whether something undecided closes also what would be bought now."""
    return any(hold.closes(None) for hold in holds if not hold.revokes)


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
    return facts.kind == WARNING and facts.status == "actionable"


class _Releasing:
    """The holds' own release rules, as of a fetch: what ends each of them without anybody's word."""

    def __init__(
        self, invoices: Mapping[str, InvoiceFacts], holds: Sequence[Hold], policy: Policy, fetched_at: datetime
    ) -> None:
        self._invoices = invoices
        self._policy = policy
        self._fetched_at = fetched_at
        revoked = {hold.invoice_id for hold in holds if hold.revokes}
        self._standing = [each for each in invoices.values() if each.id not in revoked]
        doubted = {hold.invoice_id for hold in holds if hold.blocks}
        self._undoubted = [each for each in self._standing if each.id not in doubted]

    def released(self, hold: Hold) -> Hold:
        """Return the hold with the instant from which it closes nothing more, if there is one."""
        if hold.revokes:
            ends = self._covered_at(self._invoices[hold.invoice_id or ""])
        elif hold.blocks and hold.kind == WARNING:
            ends = min(filter(None, (self._paid_again_at(hold), self._lapsed_at(hold))), default=None)
        else:
            ends = None
        return hold if ends is None else replace(hold, released_at=max(ends, hold.from_at))

    def _covered_at(self, gone: InvoiceFacts) -> datetime | None:
        """Return from when another payment covers what `gone` no longer does."""
        own = (each for each in self._standing if each.subscription_id == gone.subscription_id)
        return min((_paid(each) for each in own if _covers(each, gone)), default=None)

    def _paid_again_at(self, warning: Hold) -> datetime | None:
        """Return when the subscription was paid for after the warning, by what is neither warned of nor disputed."""
        own = (each for each in self._undoubted if each.subscription_id == warning.subscription_id)
        paid = (_paid(each) for each in own if each.status == "paid" and each.amount_paid_minor > 0)
        return min((each for each in paid if each > warning.from_at), default=None)

    def _lapsed_at(self, warning: Hold) -> datetime | None:
        lapses_at = warning.from_at + self._policy.fraud_hold
        return lapses_at if lapses_at <= self._fetched_at else None


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
