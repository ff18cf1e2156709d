"""Pending updates: a change that takes effect only once its invoice is paid (`payment_behavior=pending_if_incomplete`).

An unpaid one expires after 23 hours, or with the period or the trial if that ends before, and its invoice is void:
docs.stripe.com/billing/subscriptions/pending-updates and /pending-updates-reference.
"""

from __future__ import annotations

import copy
from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.billing import invoicing
from sandbox.standin.billing.happenings import period_end
from sandbox.standin.calendar import HOUR_SECONDS
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.store import Json, rendered

EXPIRES_AFTER_SECONDS = 23 * HOUR_SECONDS
TERMS = ("items", "billing_cycle_anchor", "status", "trial_end", "cancel_at", "_free_until", "_pending_lines")
"""What a change may alter, and is kept apart until it is paid."""


_MAY_WAIT = frozenset(
    {"billing_cycle_anchor", "items", "off_session", "payment_behavior", "proration_behavior", "proration_date",
     "trial_end"}
)  # fmt: skip


def check(params: dict[str, Any]) -> None:
    """Raise InvalidRequest for what cannot be held back."""
    for name in sorted(set(params) - _MAY_WAIT):
        raise InvalidRequest(f"You cannot update {name} with payment_behavior=pending_if_incomplete.", param=name)


def terms_of(subscription: Json) -> Json:
    """Return a copy of what a change may alter."""
    return copy.deepcopy({name: subscription.get(name) for name in TERMS})


def hold_back(subscription: Json, invoice: Json, old_terms: Json) -> None:
    """Put the old terms back; the new ones wait for `invoice`."""
    subscription["_awaited_terms"] = {**terms_of(subscription), "invoice": invoice["id"]}
    invoice["_pending_update"] = True
    subscription.update(old_terms)


def show(account: Account, subscription: Json) -> None:
    """Show the change whose payment failed as `pending_update`."""
    before, awaited = rendered(subscription), subscription["_awaited_terms"]
    subscription["pending_update"] = {
        "billing_cycle_anchor": awaited["billing_cycle_anchor"],
        "expires_at": min(account.now_for(subscription) + EXPIRES_AFTER_SECONDS, period_end(subscription)),
        "subscription_items": rendered(awaited["items"]["data"]),
        "trial_end": awaited["trial_end"] if awaited["trial_end"] != subscription["trial_end"] else None,
        "trial_from_plan": False,
    }
    account.emit_update("customer.subscription.updated", subscription, before)


def apply(account: Account, subscription: Json) -> None:
    """Let the awaited terms take effect: they are paid."""
    before, awaited = rendered(subscription), subscription["_awaited_terms"]
    was_shown = subscription["pending_update"] is not None
    terms = {name: awaited[name] for name in TERMS}
    subscription.update({**terms, "_awaited_terms": None, "pending_update": None})
    account.emit_update("customer.subscription.updated", subscription, before)
    if was_shown:
        account.emit("customer.subscription.pending_update_applied", subscription)


def expire(account: Account, subscription: Json) -> None:
    """Forget a change that was not paid in time, and void its invoice."""
    invoice = account.find("invoice", subscription["_awaited_terms"]["invoice"])
    if invoice["status"] == "open":
        invoicing.void(account, invoice)
    before = rendered(subscription)
    subscription.update(_awaited_terms=None, pending_update=None)
    account.emit_update("customer.subscription.updated", subscription, before)
    account.emit("customer.subscription.pending_update_expired", subscription)
