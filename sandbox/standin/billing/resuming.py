"""Pausing on request and resuming: what is credited, what is sold again, and whether its payment is waited for.

Rules: docs.stripe.com/billing/subscriptions/pause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandbox.standin.account import Account
from sandbox.standin.billing import cardholders, collecting, invoicing, pausing, pending
from sandbox.standin.billing.periods import restart
from sandbox.standin.billing.prorating import credit, debit
from sandbox.standin.calendar import DAY_SECONDS, next_boundary
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.store import Json

RESUMES_WITHIN_SECONDS = 365 * DAY_SECONDS
"""How long an invoice that must be paid first is waited for; one that the client pays has 23 hours."""
NO_METHOD = "This customer has no attached payment source or default payment method."


@dataclass(frozen=True)
class Resumption:
    """How to resume. `at` is the Unix second from which the rest of a period counts."""

    at: int
    anchor: Literal["now", "unchanged"] = "now"
    prorations: str = "create_prorations"
    payment: str = "resume_on_payment_attempt"


def pause(account: Account, subscription: Json, *, credit_from: str, invoice_now: bool) -> None:
    """Pause on request. Unused time is credited from `credit_from`: `now`, `item_current_period_start` or `none`."""
    if subscription["pending_update"]:
        pending.expire(account, subscription)
    lines = [] if credit_from == "none" else _unused(account, subscription, credit_from)
    subscription["_pending_lines"] += lines
    pausing.pause(account, subscription, "pause_requested", is_credited=bool(lines))
    if lines and invoice_now:
        invoice = _invoice(account, subscription, [])
        invoicing.issue(account, invoice)
        collecting.collect(account, invoice)


def _unused(account: Account, subscription: Json, credit_from: str) -> list[Json]:
    now, lines = account.now_for(subscription), []
    for item in subscription["items"]["data"]:
        since = item["current_period_start"] if credit_from == "item_current_period_start" else now
        lines += credit(account, subscription, item, since)
    return lines


def resume(account: Account, subscription: Json, how: Resumption) -> None:
    """Take a paused subscription up again: at once if that costs nothing now, else once its invoice is settled."""
    lines = restart(account, subscription) if how.anchor == "now" else _the_rest(account, subscription, how)
    if how.prorations == "create_prorations" and how.anchor == "unchanged":
        subscription["_pending_lines"] += lines
        lines = []
    if not lines:
        pausing.take_up(account, subscription)
        return
    invoice = _invoice(account, subscription, lines)
    waits = how.payment == "resume_on_payment_success"
    patience = RESUMES_WITHIN_SECONDS if waits else account.policy.incomplete_expires_after_seconds
    subscription["_resumption"], subscription["_resumes_by"] = invoice["id"], invoice["created"] + patience
    invoice["_resumes_once_paid"] = waits
    invoicing.issue(account, invoice)
    _pay(account, invoice, waits=waits)


def _the_rest(account: Account, subscription: Json, how: Resumption) -> list[Json]:
    """Go on in the period that the anchor gives; return the lines that sell what is left of it and is not billed."""
    lines, now = [], account.now_for(subscription)
    for item in subscription["items"]["data"]:
        recurring, anchor = item["price"]["recurring"], subscription["billing_cycle_anchor"]
        end = next_boundary(anchor, now, recurring["interval"], recurring["interval_count"])
        item["current_period_start"], item["current_period_end"] = now, end
        since = max(how.at, item.pop("_billed_until", how.at))
        lines += [] if how.prorations == "none" else debit(account, subscription, item, (since, end))
    return lines


def _invoice(account: Account, subscription: Json, lines: list[Json]) -> Json:
    now = account.now_for(subscription)
    lines, subscription["_pending_lines"] = [*subscription["_pending_lines"], *lines], []
    return invoicing.draft(account, subscription, lines, "subscription_update", (now, now))


def _pay(account: Account, invoice: Json, *, waits: bool) -> None:
    """Collect what must be paid first, or is nothing; leave the rest to the client."""
    if invoice["amount_due"] > 0 and not waits:
        invoicing.stop_collecting(invoice)
        return
    if invoice["amount_due"] > 0 and cardholders.payer_of(account, invoice) is None:
        raise InvalidRequest(NO_METHOD, code="resource_missing")  # which undoes the resumption
    collecting.collect(account, invoice)
