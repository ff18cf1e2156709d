"""Status `paused`: no invoices and no new periods until it is resumed. (`pause_collection` is another thing.)

Rules: docs.stripe.com/billing/subscriptions/pause. Reasons: the SDK's `Subscription.StatusDetails.Paused`.
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


def pause(account: Account, subscription: Json, reason: str, *, is_credited: bool = False) -> None:
    """Pause a subscription for one of `REASONS`, and tell of it; its period ends here."""
    before, now = rendered(subscription), account.now_for(subscription)
    cause = {"subscription": {"type": reason}, "transitioned_at": now}
    subscription["status"] = "paused"
    subscription["status_details"] = {"paused": {**cause, "type": "subscription"}}
    for item in subscription["items"]["data"]:
        item["_billed_until"] = now if is_credited else item["current_period_end"]
        item["current_period_end"] = min(now, item["current_period_end"])
    account.emit_update("customer.subscription.updated", subscription, before)
    account.emit("customer.subscription.paused", subscription)


def take_up(account: Account, subscription: Json, status: str = "active") -> None:
    """Let a paused subscription be paused no more: its resumption is paid, given up or free, or paying it failed."""
    before = rendered(subscription)
    subscription["status"], subscription["status_details"], subscription["_resumption"] = status, None, None
    account.emit_update("customer.subscription.updated", subscription, before)
    account.emit("customer.subscription.resumed", subscription)
