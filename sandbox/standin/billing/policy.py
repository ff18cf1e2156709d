"""The account's billing settings, which at Stripe stand in the Dashboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EndState = Literal["canceled", "unpaid", "past_due", "paused"]


@dataclass(frozen=True)
class BillingPolicy:
    """When a failed payment is tried again, what happens at last, and how early renewals are announced."""

    retry_days: tuple[int, ...] = (1, 2, 4, 6, 8, 10, 12, 14)
    """Days after the first failure; Stripe's Smart Retries default is 8 tries in 2 weeks."""
    after_retries: EndState = "canceled"
    upcoming_days: int = 7
    """Lead of `invoice.upcoming`."""
    trial_notice_days: int = 3
    finalize_after_seconds: int = 3_600
    incomplete_expires_after_seconds: int = 23 * 3_600
    customers_per_clock: int | None = None
    """Stripe allows three; here as many as a newsroom on one clock needs, unless a test asks for the limit."""
