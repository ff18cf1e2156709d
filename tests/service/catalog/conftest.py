"""A Stripe of its own for each test, spoken to by the official SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import stripe

from sandbox.standin.server import StandIn
from service.billing.stripe_client import make_stripe_client
from service.catalog.load import load_catalog
from service.domain.catalog import Catalog
from service.domain.money import Money


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """An empty stand-in Stripe, listening."""
    with StandIn() as running:
        yield running


@pytest.fixture
def client(standin) -> stripe.StripeClient:
    """The official client, talking to the stand-in over HTTP."""
    return make_stripe_client("sk_test_sandbox", api_base=standin.base_url, timeout_seconds=5)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The offer as shipped."""
    return load_catalog(Path(__file__).parents[3] / "plans.yaml")


@pytest.fixture
def monthly_at(catalog) -> Callable[[int], Catalog]:
    """The offer with another monthly price, in cents."""

    def offer(amount_minor: int) -> Catalog:
        monthly, annual = catalog.plans
        return replace(catalog, plans=(replace(monthly, price=Money(amount_minor, "usd")), annual))

    return offer
