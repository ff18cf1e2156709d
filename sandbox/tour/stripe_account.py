"""Stripe as the tour uses it, through the unmodified SDK: the clock named `sandbox`, and what was charged."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import stripe

from sandbox.tour.browser import direct_session
from sandbox.tour.steps import Unexpected

CLOCK = "sandbox"
STRIDE = timedelta(days=55)
"""At most two intervals of the clock's shortest subscription, says Stripe: two months, of which one may be short."""
ADVANCE_SECONDS = 60.0
POLL_SECONDS = 0.1


class NoClock(Exception):
    """Stripe answers, but holds no test clock named `sandbox`."""


class StripeAccount:
    """The sandbox's account at `address`."""

    def __init__(self, address: str, key: str) -> None:
        self._client = stripe.StripeClient(
            key,
            base_addresses={"api": address},
            http_client=stripe.RequestsClient(timeout=15, session=direct_session()),
            max_network_retries=2,
        )
        self._clock_id = ""
        self._now: datetime | None = None

    @property
    def now(self) -> datetime | None:
        """Return the clock's instant as last read; None before `find_clock`."""
        return self._now

    @property
    def clock_id(self) -> str:
        """Return the clock's id, once it was found."""
        return self._clock_id

    def find_clock(self) -> datetime:
        """Find the clock and return its instant; raise NoClock."""
        clocks = self._client.v1.test_helpers.test_clocks.list({"limit": 100})
        found = next((clock.id for clock in clocks.auto_paging_iter() if clock.name == CLOCK), None)
        if found is None:
            raise NoClock(CLOCK)
        self._clock_id = found
        return self._read()

    def advance(self, until: datetime, *, meanwhile: Callable[[], None]) -> None:
        """Move the clock to `until`, stride by stride, calling `meanwhile` as it goes; it is ready at the end."""
        until = until.replace(microsecond=0)  # clocks stand at whole seconds: a fraction would never be reached
        now = self._when_ready(meanwhile)
        while now < until:
            to = min(until, now + STRIDE)
            self._client.v1.test_helpers.test_clocks.advance(self._clock_id, {"frozen_time": int(to.timestamp())})
            now = self._when_ready(meanwhile)

    def period_end(self, subscription_id: str) -> datetime:
        """Return the end of the subscription's running period."""
        subscription = self._client.v1.subscriptions.retrieve(subscription_id)
        return _instant(subscription.items.data[0].current_period_end)

    def charges(self, subscription_id: str) -> list[int]:
        """Return what its customer was charged, oldest first, in minor units; a trial's $0 is no charge."""
        customer = self._client.v1.subscriptions.retrieve(subscription_id).customer
        customer_id = customer if isinstance(customer, str) else customer.id
        invoices = self._client.v1.invoices.list({"customer": customer_id, "status": "paid", "limit": 100})
        paid = [(invoice.created, invoice.amount_paid) for invoice in invoices.auto_paging_iter()]
        return [amount for _, amount in sorted(paid) if amount > 0]

    def _when_ready(self, meanwhile: Callable[[], None]) -> datetime:
        """Wait until the clock stands (whoever moved it) and return its instant."""
        give_up_at = time.monotonic() + ADVANCE_SECONDS
        while self._status() != "ready":
            if time.monotonic() > give_up_at:
                raise Unexpected(f"the clock is still {self._status()} after {ADVANCE_SECONDS:.0f} s")
            meanwhile()
            time.sleep(POLL_SECONDS)
        meanwhile()
        return self._read()

    def _status(self) -> str:
        return self._client.v1.test_helpers.test_clocks.retrieve(self._clock_id).status

    def _read(self) -> datetime:
        self._now = _instant(self._client.v1.test_helpers.test_clocks.retrieve(self._clock_id).frozen_time)
        return self._now


def _instant(epoch_seconds: int) -> datetime:
    return datetime.fromtimestamp(epoch_seconds, UTC)
