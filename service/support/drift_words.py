"""A difference between our record and Stripe's in a sentence. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.store.drift import DriftKind

_WORD = re.compile("[a-z_]+")
_FIELDS = {
    "amount_minor": "price, in the currency's minor unit",
    "cancel_at": "end by cancellation",
    "cancel_at_period_end": "cancelled to the period's end",
    "canceled_at": "moment of cancelling",
    "ended_at": "end",
    "latest_invoice": "latest invoice (its state, and what was paid of it)",
    "pause_behavior": "pause",
    "period_end_at": "end of the paid period",
    "period_start_at": "begin of the paid period",
    "plan": "plan",
    "price_id": "price",
    "reader_id": "reader",
    "status": "status",
    "trial_end_at": "end of the trial",
    "trial_start_at": "begin of the trial",
}
_WHOLE = {
    DriftKind.MISSING_HERE: "Stripe has the subscription {subscription}, of which our record knows nothing.",
    DriftKind.GONE_AT_STRIPE: "Our record has the subscription {subscription}, which Stripe knows no more.",
    DriftKind.UNREADABLE: "What Stripe says of the subscription {subscription} can't be read: it lacks something.",
    DriftKind.UNBOUND: "The subscription {subscription} runs at Stripe for {whom}: it opens nothing here.",
}


def sentence(row: Mapping[str, Any], zone: ZoneInfo) -> str:
    """Return what a row of `drift` says; instants are told in the publication's zone."""
    kind = DriftKind(row["kind"])
    if kind is not DriftKind.DIFFERS:
        return _WHOLE[kind].format(subscription=row["subscription_id"], whom=_named(row["theirs"]))
    if row["field"] == "customer_email":
        return "The e-mail address is another one at Stripe; it is not written down here."
    name = _FIELDS.get(row["field"]) or _spaced(row["field"])  # an invoice or a hold, with its id
    return f"The {name}: our record said {_said(row['ours'], zone)}, Stripe says {_said(row['theirs'], zone)}."


def _named(reader_id: str | None) -> str:
    if reader_id is None:
        return "a customer who names no reader"
    return f"a customer who names the reader {reader_id}, and is not the one that is theirs"


def _said(value: str | None, zone: ZoneInfo) -> str:
    if value is None:
        return "none"
    try:
        at = datetime.fromisoformat(value) if "T" in value else None
    except ValueError:
        at = None
    return f"{at.astimezone(zone):%-d %B %Y, %H:%M}" if at is not None and at.tzinfo else _spaced(value)


def _spaced(word: str) -> str:
    """Return a word of Stripe's as people write it; an id stays as it is."""
    return word.replace("_", " ") if _WORD.fullmatch(word) else word
