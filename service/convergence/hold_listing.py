"""Disputes, refunds and fraud warnings of the whole account, newest first, each with its charge's customer.

Stripe lists what is on no test clock; of a clock's customers only the events tell. What is older than a bank may still
decide about is not asked for, and warnings only as far back as their events can be had.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import stripe

from service.clocks import Clock
from webhooks.concern import id_of
from webhooks.failures import translated
from webhooks.fetch_holds import hold_status

_PAGE = 100
_KINDS = (
    ("dispute", "/v1/disputes", timedelta(days=120)),
    ("refund", "/v1/refunds", timedelta(days=120)),
    ("fraud_warning", "/v1/radar/early_fraud_warnings", timedelta(days=30)),
)


@dataclass(frozen=True, kw_only=True)
class ListedHold:
    """What Stripe says stands against one customer's payment."""

    id: str
    kind: str
    status: str
    customer_id: str


@dataclass(frozen=True, kw_only=True)
class HoldPage:
    """One answer of a list. `asked_at` is wall time."""

    asked_at: datetime
    holds: tuple[ListedHold, ...]


def listed_holds(client: stripe.StripeClient, wall_clock: Clock) -> Iterator[HoldPage]:
    """Ask Stripe for one page after another of each kind; raises StripeFailure."""
    for kind, path, back in _KINDS:
        since = int((wall_clock() - back).timestamp())
        params: dict[str, Any] = {"limit": _PAGE, "created": {"gte": since}, "expand": ["data.charge"]}
        has_more = True
        while has_more:
            asked_at = wall_clock()
            with translated():
                answer = client.raw_request("get", path, **params).data
            yield HoldPage(asked_at=asked_at, holds=tuple(_of_customers(kind, answer["data"])))
            has_more = bool(answer["has_more"])
            params["starting_after"] = answer["data"][-1]["id"] if has_more else None


def _of_customers(kind: str, listed: list[dict[str, Any]]) -> Iterator[ListedHold]:
    for each in listed:
        charge = each["charge"]
        customer_id = id_of(charge["customer"]) if isinstance(charge, dict) else None
        if customer_id is not None:
            yield ListedHold(id=each["id"], kind=kind, status=hold_status(kind, each), customer_id=customer_id)
