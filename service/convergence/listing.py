"""All subscriptions at Stripe, in stretches of their creation: what a comparison can be cut at and resumed from.

Stripe lists newest first (https://docs.stripe.com/api/subscriptions/list) and leaves out everything on test clocks
unless `test_clock` names theirs. A stretch holds every subscription created in it, so that one of ours which is not
there is known to be missing, and whole work can go on at any stretch's end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import stripe

from service.clocks import Clock
from webhooks.failures import translated

_PAGE = 100
EXPANDED = ("latest_invoice", "customer", "default_payment_method")
"""What a subscription is listed with. A customer's own payment method is not: a deleted customer has none to expand."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """One answer of Stripe's list, newest first. `asked_at` is wall time."""

    asked_at: datetime
    subscriptions: list[dict[str, Any]]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Every subscription created after `after` (None: ever) and not later than `until` (None: to this day)."""

    asked_at: datetime
    after: datetime | None
    until: datetime | None
    subscriptions: list[dict[str, Any]]


def stretches(pages: Iterable[Page], until: datetime | None) -> Iterator[Stretch]:
    """Cut pages at whole seconds: what shares the second of a page's last one waits for the next page."""
    waiting: list[dict[str, Any]] = []
    asked_at: datetime | None = None
    for page in pages:
        asked_at = page.asked_at if asked_at is None or not waiting else asked_at
        listed = waiting + page.subscriptions
        edge = listed[-1]["created"] if page.has_more and listed else -1
        whole, waiting = [each for each in listed if each["created"] > edge], []
        after = None
        if page.has_more:
            waiting = [each for each in listed if each["created"] <= edge]
            after = datetime.fromtimestamp(edge, UTC)
        if whole or not page.has_more:
            yield Stretch(asked_at=asked_at, after=after, until=until, subscriptions=whole)
            until = after


def pages(client: stripe.StripeClient, wall_clock: Clock, *, test_clock: str, until: datetime | None) -> Iterator[Page]:
    """Ask Stripe for one page after another, each subscription with `EXPANDED`; raises StripeFailure."""
    params: dict[str, Any] = {"status": "all", "limit": _PAGE, "expand": [f"data.{each}" for each in EXPANDED]}
    if test_clock:
        params["test_clock"] = test_clock
    if until is not None:
        params["created"] = {"lte": int(until.timestamp())}
    while True:
        asked_at = wall_clock()
        with translated():
            answer = client.raw_request("get", "/v1/subscriptions", **params).data
        yield Page(asked_at=asked_at, subscriptions=answer["data"], has_more=bool(answer["has_more"]))
        if not answer["has_more"]:
            return
        params["starting_after"] = answer["data"][-1]["id"]
