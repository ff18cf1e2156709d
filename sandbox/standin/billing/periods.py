"""A subscription's periods begin anew: now, whatever was left of the one before."""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing.happenings import period_end
from sandbox.standin.billing.prorating import period_lines
from sandbox.standin.calendar import next_boundary
from sandbox.standin.store import Json


def restart(account: Account, subscription: Json) -> list[Json]:
    """Let a new period begin now, and the anchor with it; return the lines that sell it."""
    now = account.now_for(subscription)
    subscription["billing_cycle_anchor"], subscription["_free_until"] = now, 0
    for item in subscription["items"]["data"]:
        recurring = item["price"]["recurring"]
        end = next_boundary(now, now, recurring["interval"], recurring["interval_count"])
        item["current_period_start"], item["current_period_end"] = now, end
        item.pop("_billed_until", None)
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = period_end(subscription)
    periods = [(now, item["current_period_end"]) for item in subscription["items"]["data"]]
    return period_lines(account, subscription, periods)
