"""Status `paused`: no invoices and no new periods until it is resumed. (`pause_collection` is another thing.)

Reasons: the SDK's `Subscription.StatusDetails.Paused.Subscription.type`.
"""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.store import Json, rendered

REASONS = (
    "final_payment_failure",
    "first_payment_failure",
    "pause_requested",
    "system",
    "trial_end_without_payment_method",
)


def pause(account: Account, subscription: Json, reason: str) -> None:
    """Pause a subscription for one of `REASONS`, and tell of it."""
    before = rendered(subscription)
    cause = {"subscription": {"type": reason}, "transitioned_at": account.now_for(subscription)}
    subscription["status"] = "paused"
    subscription["status_details"] = {"paused": {**cause, "type": "subscription"}}
    account.emit_update("customer.subscription.updated", subscription, before)
    account.emit("customer.subscription.paused", subscription)


def take_up(account: Account, subscription: Json) -> None:
    """Make a paused subscription active: its resumption is paid, given up, or free."""
    before = rendered(subscription)
    subscription["status"], subscription["status_details"], subscription["_resumption"] = "active", None, None
    account.emit_update("customer.subscription.updated", subscription, before)
    account.emit("customer.subscription.resumed", subscription)
