"""Which Stripe Price sells a plan today."""

from __future__ import annotations

import time
from collections.abc import Callable

import stripe
import structlog

from service.catalog.stripe_offer import is_price_of
from service.domain.catalog import Plan
from service.errors import Unavailable

log = structlog.get_logger(__name__)

FRESH_SECONDS = 60.0
"""How long a found price is believed: `plans apply` in another process reaches every web process within it."""


class PriceBook:
    """Finds prices by their lookup keys, and remembers them for a minute. Safe to share between threads."""

    def __init__(self, client: stripe.StripeClient, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._monotonic = monotonic
        self._found: dict[Plan, tuple[str, float]] = {}

    def price_id(self, plan: Plan) -> str:
        """Return the id of the active Price that charges what `plan` promises.

        Raises Unavailable (`offer_not_applied`) when Stripe sells the plan at another price or not at all: nobody
        may be charged anything but what was disclosed. Raises stripe.StripeError as it comes.
        """
        known = self._found.get(plan)
        if known is not None and self._monotonic() - known[1] < FRESH_SECONDS:
            return known[0]
        asked_at = self._monotonic()
        price_id = self._ask(plan)
        self._found[plan] = (price_id, asked_at)
        return price_id

    def _ask(self, plan: Plan) -> str:
        prices = self._client.v1.prices.list({"lookup_keys": [plan.lookup_key], "active": True, "limit": 1}).data
        if not prices or not is_price_of(prices[0], plan):
            log.error("offer_not_applied", plan=plan.id, price_id=prices[0].id if prices else None)
            raise Unavailable(
                f"The plan {plan.id!r} is not on sale right now.", code="offer_not_applied", retry_after_seconds=60
            )
        return prices[0].id
