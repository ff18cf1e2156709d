"""What operators are told by numbers, in the words that label them. Pure data."""

from __future__ import annotations

from enum import StrEnum

SOLD_TWICE = "sold_twice"
"""Two subscriptions to plans run at once, of one reader."""
INCOMPLETE = "incomplete_snapshot"
"""A customer has more invoices of ours at Stripe, or more disputed payments of ours, than a fetch takes."""
UNKNOWN_STATUS = "unknown_status"
"""Stripe calls a subscription to a plan of ours something that this release does not know."""
ACCOUNT_ALARMS = frozenset({SOLD_TWICE, INCOMPLETE, UNKNOWN_STATUS})


class ErrandOutcome(StrEnum):
    """What one try of something to be done at Stripe by itself came to."""

    DONE = "done"
    REFUSED = "refused"
    """For good: it will never be done."""
    FAILING = "failing"
    """Refused in a way that somebody can put right; it is tried again."""
    WAITS = "waits"
    """Stripe had no answer; it is tried again."""
