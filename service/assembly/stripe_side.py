"""Stripe's client, and the clock that the business lives by."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import stripe

from service.billing.stripe_client import make_stripe_client
from service.catalog.load import load_catalog
from service.clocks import Clock, FollowedClock, wall_clock
from service.domain.catalog import Catalog
from service.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the service finds and does not make: Stripe and the time. A simulation hands in its own.

    `paced(wait)` is another way to the same Stripe, which calls `wait` before each request: for long work.
    """

    client: stripe.StripeClient
    paced: Callable[[Callable[[], None]], stripe.StripeClient]
    business_clock: Clock
    wall_clock: Clock
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def real_surroundings(settings: Settings) -> Surroundings:
    """Return Stripe over the network and the machine's time; business time is a test clock's if one is set."""
    client, business_clock = stripe_and_clock(settings)
    return Surroundings(
        client=client,
        paced=lambda wait: stripe_client(settings, wait=wait),
        business_clock=business_clock,
        wall_clock=wall_clock,
    )


def stripe_and_catalog(settings: Settings) -> tuple[stripe.StripeClient, Catalog]:
    """Return what `newsstand plans diff` and `apply` work on."""
    return stripe_and_clock(settings)[0], load_catalog(Path(settings.plans_file))


def stripe_client(settings: Settings, **pace: Callable[[], None]) -> stripe.StripeClient:
    return make_stripe_client(
        settings.stripe_secret_key,
        api_base=settings.stripe_api_base,
        timeout_seconds=settings.stripe_timeout_seconds,
        **pace,
    )


def stripe_and_clock(settings: Settings) -> tuple[stripe.StripeClient, Clock]:
    client = stripe_client(settings)
    if not settings.stripe_test_clock:
        return client, wall_clock

    def frozen_time() -> datetime:
        clock = client.v1.test_helpers.test_clocks.retrieve(settings.stripe_test_clock)
        return datetime.fromtimestamp(clock.frozen_time, UTC)

    return client, FollowedClock(frozen_time)
