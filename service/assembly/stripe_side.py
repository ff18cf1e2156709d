"""Stripe's client, and the clock that the business lives by."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import stripe

from service.billing.stripe_client import make_stripe_client
from service.catalog.load import load_catalog
from service.clocks import Clock, FollowedClock, wall_clock
from service.domain.catalog import Catalog
from service.settings import Settings


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
