"""In what our record of one subscription differs from what Stripe says of it. No database, no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from service.store.drift import Drift, DriftKind, Kept
from webhooks.facts import subscription_facts
from webhooks.snapshot import CustomerSnapshot

_IDENTITY = frozenset({"id"})


def differences(listed: Mapping[str, Any], kept: Kept | None) -> list[Drift]:
    """Return every difference between Stripe's subscription (its latest invoice expanded) and ours.

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
    found = [*_unequal(asdict(theirs), (held, kept.row)), *_invoice(listed.get("latest_invoice"), kept.snapshot)]
    return [Drift(kind=DriftKind.DIFFERS, field=name, ours=ours, theirs=said, **subject) for name, ours, said in found]


def gone(kept: Kept) -> Drift:
    """Return the drift of a subscription that Stripe knows no more."""
    row = kept.row
    return Drift(kind=DriftKind.GONE_AT_STRIPE, customer_id=row["customer_id"], subscription_id=row["id"])


def _held(subscription_id: str, snapshot: CustomerSnapshot | None) -> dict[str, Any] | None:
    every = snapshot.subscriptions if snapshot else ()
    return next((asdict(each) for each in every if each.id == subscription_id), None)


def _unequal(
    theirs: Mapping[str, Any], copies: tuple[Mapping[str, Any], ...]
) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield each field in which one of our copies (the snapshot, the searchable row) says something else."""
    for name in sorted(theirs.keys() - _IDENTITY):
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


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _id_of(customer: Any) -> str:
    return str(customer["id"] if isinstance(customer, dict) else customer)
