"""In what our record of a subscription, its customer or a hold differs from Stripe's. No database, no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from service.convergence.hold_listing import ListedHold
from service.domain.standings import RUNNING
from service.store.drift import Drift, DriftKind, Kept, Owed
from webhooks.concern import id_of
from webhooks.facts import card_facts, only_living, payment_method_facts, subscription_facts
from webhooks.snapshot import CardFacts, CustomerSnapshot, SubscriptionFacts

_NOT_COMPARED = frozenset({"id", "payment_fingerprint"})
"""What it is known by; and a payment method, of which more is compared, but only while it may be charged."""


def differences(listed: Mapping[str, Any], kept: Kept | None) -> list[Drift]:
    """Return every difference between Stripe's subscription (with what a listing expands) and ours.

    A subscription without a plan or reader of ours that we never heard of is none: another product on the same
    Stripe account. One that cannot be read is reported rather than raised, for the others must be compared too.
    """
    subject = {"customer_id": _id_of(listed["customer"]), "subscription_id": listed["id"]}
    try:
        theirs = subscription_facts(listed)
    except (KeyError, IndexError, TypeError, ValueError):
        return [Drift(kind=DriftKind.UNREADABLE, **subject)]
    if kept is None:
        ours = theirs.plan is not None or theirs.reader_id is not None
        return [Drift(kind=DriftKind.MISSING_HERE, **subject)] if ours else []
    held = _held(listed["id"], kept.snapshot)
    if held is None:
        return [Drift(kind=DriftKind.MISSING_HERE, **subject)]
    found = [
        *_unequal(asdict(theirs), (held, kept.row)),
        *_invoice(listed.get("latest_invoice"), kept.snapshot),
        *_customer(listed, kept.snapshot),
    ]
    differing = [
        Drift(kind=DriftKind.DIFFERS, field=name, ours=ours, theirs=said, **subject) for name, ours, said in found
    ]
    return [*differing, *_unbound(theirs, kept, subject)]


def owed_difference(ours: Owed, theirs: Mapping[str, Any] | None) -> Iterator[Drift]:
    """Yield the drift of an invoice that is not as we know it; None is one that Stripe knows no more."""
    said = None if theirs is None else f"{theirs.get('status') or 'unknown'} {theirs['amount_paid']}"
    known = f"{ours.status} {ours.amount_paid_minor}"
    if said != known:
        yield Drift(
            kind=DriftKind.DIFFERS, customer_id=ours.customer_id, subscription_id=ours.subscription_id,
            field=f"invoice {ours.id}", ours=known, theirs=said,
        )  # fmt: skip


def _unbound(theirs: SubscriptionFacts, kept: Kept, subject: Mapping[str, str]) -> Iterator[Drift]:
    """Yield what is paid for and opens nothing: as far as we know the customer is no reader's."""
    if kept.row["reader_id"] is None and theirs.plan is not None and theirs.status in RUNNING:
        named = theirs.reader_id or (kept.snapshot.reader_id if kept.snapshot else None)
        yield Drift(kind=DriftKind.UNBOUND, theirs=named, **subject)


_UNDONE = frozenset({"failed", "canceled"})


def gone(kept: Kept) -> Drift:
    """Return the drift of a subscription that Stripe knows no more."""
    row = kept.row
    return Drift(kind=DriftKind.GONE_AT_STRIPE, customer_id=row["customer_id"], subscription_id=row["id"])


def hold_differences(theirs: ListedHold, ours: Mapping[str, tuple[str, str | None]]) -> Iterator[Drift]:
    """Yield the drift of a hold that we lack, or have in another state; `ours` is (status, subscription) by id."""
    status, subscription_id = ours.get(theirs.id, (None, None))
    # Its money came back: a fetch does not see it, for its charge says no more that anything was refunded.
    forgotten = status is None and theirs.kind == "refund" and theirs.status in _UNDONE
    if status != theirs.status and not forgotten:
        yield Drift(
            kind=DriftKind.DIFFERS, customer_id=theirs.customer_id, subscription_id=subscription_id or "",
            field=f"{theirs.kind} {theirs.id}", ours=status, theirs=theirs.status,
        )  # fmt: skip


def _held(subscription_id: str, snapshot: CustomerSnapshot | None) -> dict[str, Any] | None:
    every = snapshot.subscriptions if snapshot else ()
    return next((asdict(each) for each in every if each.id == subscription_id), None)


def _unequal(
    theirs: Mapping[str, Any], copies: tuple[Mapping[str, Any], ...]
) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield each field in which one of our copies (the snapshot, the searchable row) says something else."""
    for name in sorted(theirs.keys() - _NOT_COMPARED):
        # The row's reader is whose the customer is, which metadata does not decide.
        values = [copy[name] for copy in copies if name in copy and (name != "reader_id" or copy is copies[0])]
        other = [each for each in values if each != theirs[name]]
        if other:
            yield name, _text(other[0]), _text(theirs[name])


def _invoice(latest: Any, snapshot: CustomerSnapshot | None) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield the latest invoice when its payment is not as we know it: what was paid decides how long access lasts."""
    if not isinstance(latest, dict) or snapshot is None:
        return
    held = next((each for each in snapshot.invoices if each.id == latest["id"]), None)
    theirs = f"{latest['id']} {latest.get('status') or 'unknown'} {latest['amount_paid']}"
    ours = None if held is None else f"{held.id} {held.status} {held.amount_paid_minor}"
    if ours != theirs:
        yield "latest_invoice", ours, theirs


def _customer(
    listed: Mapping[str, Any], snapshot: CustomerSnapshot | None
) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield the customer's fields that we keep and that are not so; an address is not written into the report."""
    customer = listed["customer"]
    if not isinstance(customer, dict) or snapshot is None:
        return
    deleted = bool(customer.get("deleted"))
    if deleted != snapshot.deleted:
        yield "customer_deleted", str(snapshot.deleted), str(deleted)
    elif not deleted:
        if customer.get("email") != snapshot.email:
            yield "customer_email", None, None
        yield from _card(listed, customer, snapshot)


def _card(
    listed: Mapping[str, Any], customer: Mapping[str, Any], snapshot: CustomerSnapshot
) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield what is paid with, a card or not, if it is another one, or a card that has changed.

    Of somebody with several subscriptions it is not asked. Where we know of nothing only a card counts: what was kept
    before other payment methods were says nothing of those.
    """
    ours, card = _paid_with(snapshot), snapshot.card
    own, own_card = payment_method_facts({}, [listed]), card_facts({}, [listed])
    is_comparable = ours is not None or (card is None and own_card is not None)
    if listed["id"] != only_living(snapshot.subscriptions) or not is_comparable:
        return
    default = id_of((customer.get("invoice_settings") or {}).get("default_payment_method"))
    theirs = own.id if own is not None else default
    if theirs != ours:
        yield "card", ours, theirs
    elif own_card is not None and card is not None and own_card != card:
        yield "card", _card_text(card), _card_text(own_card)


def _paid_with(snapshot: CustomerSnapshot) -> str | None:
    if snapshot.pays_with is not None:
        return snapshot.pays_with.id
    return snapshot.card.payment_method_id if snapshot.card is not None else None


def _card_text(card: CardFacts) -> str:
    return f"{card.payment_method_id} {card.exp_month}/{card.exp_year}"


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _id_of(customer: Any) -> str:
    return str(customer["id"] if isinstance(customer, dict) else customer)
