"""What both readers go through: paying on Stripe's page, being let in, being renewed."""

from __future__ import annotations

import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from sandbox.tour.api import Json
from sandbox.tour.steps import observed
from sandbox.tour.telling import charged, instant, state_told, told
from sandbox.tour.trip import Reader, Trip

FREE, LOCKED, TEASER = "tour-free-article", "tour-second-article", "tour-teaser"
AFTER_CHARGE = timedelta(minutes=90)
"""Stripe charges an hour after a period begins, when the invoice's draft is finalized."""


def pays(trip: Trip, reader: Reader) -> str:
    """Pay on Stripe's page; hold when it sends the browser back to the site with this checkout's id."""
    address = trip.pay(reader)
    return observed(address, parse_qs(urlsplit(address).query).get("checkout_id") == [reader.checkout_id])


def is_let_in(trip: Trip, reader: Reader, reason: str) -> str:
    """Ask for the locked article until it is granted; hold when it is for `reason`, and say how long it took."""
    answer = trip.eventually(
        lambda: trip.decide(reader, LOCKED, mode="peek"), lambda answer: bool(answer["entitlement"])
    )
    waited_seconds = time.monotonic() - reader.paid_at_seconds
    return observed(
        f"{told(answer)}; {waited_seconds:.1f} s after paying", answer["granted"], answer["reason"] == reason
    )


def renews(trip: Trip, reader: Reader, plan: str, *, charges: int) -> str:
    """Let the running period end and its successor be charged; hold when nothing was refused on the way."""
    end = trip.account.period_end(reader.subscription_id)
    watch = trip.pass_time(end + AFTER_CHARGE, reader, LOCKED)
    amounts = trip.account.charges(reader.subscription_id)

    def goes_on(state: Json) -> bool:
        entitlement = state["entitlement"]
        return bool(state["status"] == "active" and entitlement and instant(entitlement["until"]) > end)

    state = trip.eventually(lambda: trip.state(reader), goes_on)
    seen = f"charged so far: {charged(amounts)}; {state_told(state)}; {watch}"
    return observed(seen, amounts == [trip.prices[plan]] * charges, goes_on(state), not watch.strange)
