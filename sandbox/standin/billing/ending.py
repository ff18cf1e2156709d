"""A subscription ends: at once as somebody asks, or at the instant it was set to; and what is still to be settled then.

Rules: docs.stripe.com/billing/subscriptions/cancel and /api/subscriptions/cancel.
"""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing import collecting, invoicing, waiting
from sandbox.standin.billing.prorating import unused_time
from sandbox.standin.store import Json


def cancel(account: Account, subscription: Json, *, prorate: bool = False, invoice_now: bool = False) -> None:
    """End a subscription now.

    `prorate` credits what is left of the period. `invoice_now` settles that and what waited for a renewal; otherwise
    it waits for another invoice of the customer's if `prorate` is set, and is dropped if it is not.
    """
    open_lines = subscription["_pending_lines"]
    if prorate:
        open_lines = [*open_lines, *unused_time(account, subscription, account.now_for(subscription))]
    _end(account, subscription)
    if invoice_now:
        _settle(account, subscription, open_lines)
    elif prorate:
        waiting.keep(account, subscription, open_lines)


def end_as_scheduled(account: Account, subscription: Json) -> None:
    """End a subscription at its `cancel_at`; what waited for a renewal, and time that was paid beyond, is settled."""
    unused = (
        [] if subscription.get("_ends_unprorated") else unused_time(account, subscription, subscription["cancel_at"])
    )
    open_lines = [*subscription["_pending_lines"], *unused]
    _end(account, subscription)
    if open_lines:
        _settle(account, subscription, open_lines)


def _end(account: Account, subscription: Json) -> None:
    subscription["_pending_lines"] = []
    collecting.end(account, subscription, reason="cancellation_requested")


def _settle(account: Account, subscription: Json, lines: list[Json]) -> None:
    """Issue the last invoice, for `lines` and what else waits for the customer; none for nothing."""
    now = account.now_for(subscription)
    if not lines and not waiting.of(account, subscription["customer"], subscription["id"]):
        return
    invoice = invoicing.draft(account, subscription, lines, "subscription_update", (now, now))
    invoicing.issue(account, invoice)
    collecting.collect(account, invoice)
