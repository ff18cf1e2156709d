"""The two clocks. Nothing below the composition root reads time; it is handed `now`.

Business time rules windows, entitlements and disclosures, and may be a Stripe test clock's. Wall time rules
signatures, leases, keys, idempotency and the age of anything; it is never simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns an aware UTC instant."""


def wall_clock() -> datetime:
    """Return the machine's time, aware, in UTC."""
    return datetime.now(UTC)
