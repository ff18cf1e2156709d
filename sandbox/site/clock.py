"""The sandbox's clock: moves the stand-in Stripe's test clock, and tells what that brought a reader.

A publisher has none of this. It is the only part of the newspaper that talks to Stripe.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import stripe

from newsstand_client import Newsstand, NewsstandError, Reader
from sandbox.site.told import Invoice, Moment
from sandbox.tour.browser import direct_session
from sandbox.tour.steps import Unexpected
from sandbox.tour.stripe_account import CLOCK, NoClock, StripeAccount

STEPS = {"day": timedelta(days=1), "month": timedelta(days=30), "year": timedelta(days=365)}
CHARGING = timedelta(hours=2)
"""Stripe charges an hour after a period ends; without it "+30 days" would stop just before the trial's first charge."""
FOLLOWING_SECONDS = 2.0
"""By then every process of the service has read the clock."""
PATIENCE_SECONDS = 30.0
READING_SECONDS = 2.0
"""Every page shows the clock; none waits long for it."""

_STRIPE_SILENT = (stripe.StripeError, NoClock, Unexpected)


class ClockStuck(Exception):
    """The clock could not be moved; the message is for people."""


class SandboxClock:
    """The test clock named `sandbox`, at the stand-in under `address`."""

    def __init__(self, address: str, key: str, newsstand: Newsstand) -> None:
        self._account = StripeAccount(address, key)
        http = stripe.RequestsClient(timeout=READING_SECONDS, session=direct_session())
        self._stripe = stripe.StripeClient(
            key, base_addresses={"api": address}, http_client=http, max_network_retries=0
        )
        self._newsstand = newsstand
        self._moving = threading.Lock()

    def now(self) -> datetime | None:
        """Return the clock's instant, or None when Stripe does not answer: the newspaper then does without."""
        try:
            clocks = self._stripe.v1.test_helpers.test_clocks.list({"limit": 100}).data
        except stripe.StripeError:
            return None
        return next((_instant(clock.frozen_time) for clock in clocks if clock.name == CLOCK), None)

    def advance(self, step: timedelta, reader_id: str | None, visitor_id: str | None) -> tuple[Moment, Moment]:
        """Move on by `step` and return the reader's moments before and after; raise ClockStuck, NewsstandError."""
        with self._moving:
            try:
                before = self._moment(self._account.find_clock(), reader_id, visitor_id)
                until = before.now + step + CHARGING
                self._account.advance(until, meanwhile=lambda: None)
                self._let_the_service_follow(reader_id)
                return before, self._moment(until, reader_id, visitor_id)
            except _STRIPE_SILENT as error:
                raise ClockStuck(f"The clock could not be moved: {error}") from error

    def _moment(self, now: datetime, reader_id: str | None, visitor_id: str | None) -> Moment:
        reader = self._newsstand.reader(reader_id) if reader_id else None
        meter = reader.meter if reader else None
        if meter is None:
            meter = self._newsstand.decide("any", mode="peek", reader_id=reader_id, visitor_id=visitor_id).meter
        return Moment(
            now=now,
            reader=reader,
            invoices=self._invoices(reader),
            window_ends_at=meter.resets_at if meter else None,
        )

    def _invoices(self, reader: Reader | None) -> tuple[Invoice, ...]:
        if reader is None or reader.subscription is None:
            return ()
        customer = self._stripe.v1.subscriptions.retrieve(reader.subscription.id).customer
        customer_id = customer if isinstance(customer, str) else customer.id
        found = self._stripe.v1.invoices.list({"customer": customer_id, "limit": 100})
        return tuple(_invoice(each) for each in found.auto_paging_iter() if each.status != "draft")

    def _let_the_service_follow(self, reader_id: str | None) -> None:
        """Wait until the service has read the clock, and knows of this reader's subscription what Stripe knows."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        time.sleep(FOLLOWING_SECONDS)
        while reader_id and not self._in_step(reader_id):
            if time.monotonic() > give_up_at:
                raise ClockStuck("Time has passed, but the service has not heard all of it yet; reload in a moment.")
            time.sleep(0.1)

    def _in_step(self, reader_id: str) -> bool:
        try:
            known = self._newsstand.reader(reader_id).subscription
        except NewsstandError:
            return False
        if known is None:
            return True
        there = self._stripe.v1.subscriptions.retrieve(known.id)
        ends_at = _instant(there.items.data[0].current_period_end)
        return (known.status, known.period_ends_at) == (there.status, ends_at)


def _invoice(invoice: stripe.Invoice) -> Invoice:
    return Invoice(
        id=invoice.id or "",
        created_at=_instant(invoice.created),
        paid_minor=invoice.amount_paid,
        due_minor=invoice.amount_due,
        currency=invoice.currency,
        failed=invoice.status == "open" and invoice.attempted,
    )


def _instant(epoch_seconds: int) -> datetime:
    return datetime.fromtimestamp(epoch_seconds, UTC)
