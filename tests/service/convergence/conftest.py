"""A whole service in this process beside the stand-in Stripe, whose readers buy over the API; no webhook ever comes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
import stripe
from sqlalchemy import text

from sandbox.standin.server import StandIn
from service.assembly.core import Core, build_core
from service.catalog.stripe_offer import apply
from service.clocks import FollowedClock, wall_clock
from service.convergence.work import Convergence, build_convergence
from service.settings import Settings

ROOT = Path(__file__).parents[3]
NOON = 1_794_830_400  # 2026-11-16T12:00:00Z
DAY = 86_400


@dataclass(frozen=True)
class Town:
    """The service's parts, and readers who are customers on one test clock."""

    core: Core
    client: stripe.StripeClient
    environment: Mapping[str, str]
    prices: Mapping[str, str]
    convergence: Convergence
    """As the composition root builds it, but without the pace."""

    @property
    def clock_id(self) -> str:
        return self.core.settings.stripe_test_clock

    def customer(self, reader_id: str | None, card: str = "pm_card_visa") -> str:
        """Make a customer at Stripe; the service is not told."""
        made = self.client.v1.customers.create(
            {
                "test_clock": self.clock_id,
                "payment_method": card,
                "invoice_settings": {"default_payment_method": card},
                "metadata": {"newsstand_reader_id": reader_id} if reader_id else {},
            }
        )
        return made.id

    def buy(self, customer_id: str, plan: str = "monthly", **more: Any) -> stripe.Subscription:
        """Subscribe at Stripe; the service is not told."""
        items: Any = [{"price": self.prices[plan]}]
        return self.client.v1.subscriptions.create({"customer": customer_id, "items": items, **more})

    def subscriber(self, reader_id: str, *, card: str = "pm_card_visa", **more: Any) -> str:
        """Make a customer with a subscription, of whom the service knows all."""
        customer_id = self.customer(reader_id, card)
        self.buy(customer_id, **more)
        self.sync(customer_id)
        return customer_id

    def change_card(self, customer_id: str, card: str) -> None:
        """Let renewals be charged to another card."""
        method = self.client.v1.payment_methods.attach(card, {"customer": customer_id}).id
        self.client.v1.customers.update(customer_id, {"invoice_settings": {"default_payment_method": method}})

    def sync(self, customer_id: str) -> None:
        assert self.core.syncs.sync_now(customer_id, 10).up_to_date

    def advance(self, days: float) -> None:
        """Let days pass at Stripe."""
        clocks = self.client.v1.test_helpers.test_clocks
        target = int(clocks.retrieve(self.clock_id).frozen_time + days * DAY)
        clocks.advance(self.clock_id, {"frozen_time": target})
        self.wait_until(lambda: clocks.retrieve(self.clock_id).status == "ready")

    def see_the_time(self) -> None:
        """Wait until the service knows what time it is at Stripe."""
        frozen = self.client.v1.test_helpers.test_clocks.retrieve(self.clock_id).frozen_time
        self.wait_until(lambda: self.core.business_clock() >= datetime.fromtimestamp(frozen, UTC))

    @staticmethod
    def wait_until(condition: Any) -> None:
        give_up_at = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < give_up_at
            time.sleep(0.02)

    def entitlements(self) -> dict[str, Any]:
        """Return the newest recorded entitlement of each reader."""
        ordered = "select reader_id, entitlement from entitlements order by version"
        return {row.reader_id: row.entitlement for row in self.rows(ordered)}

    def versions(self) -> dict[str, int]:
        return {row.reader_id: row.version for row in self.rows("select reader_id, version from accounts")}

    def execute(self, statement: str, **values: Any) -> None:
        with self.core.engine.begin() as connection:
            connection.execute(text(statement), values)

    def rows(self, statement: str) -> list[Any]:
        with self.core.engine.connect() as connection:
            return list(connection.execute(text(statement)))

    def flush_redis(self) -> None:
        with redis.Redis.from_url(self.core.settings.redis_url) as client:
            client.flushall()


@pytest.fixture
def town(database_url: str, redis_url: str, standin: StandIn, stripe_client: stripe.StripeClient) -> Iterator[Town]:
    clock_id = stripe_client.v1.test_helpers.test_clocks.create({"frozen_time": NOON, "name": "tests"}).id
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_SECRET_KEY": "sk_test_sandbox",
        "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef",
        "STRIPE_API_BASE": standin.base_url,
        "STRIPE_TEST_CLOCK": clock_id,
        "SUBJECT_KEY": "a-key-for-tests-of-more-than-32-characters",
        "SITE_ORIGINS": "http://127.0.0.1:8001",
        "PLANS_FILE": str(ROOT / "plans.yaml"),
        "REDIS_TIMEOUT_SECONDS": "2",
        "DATABASE_TIMEOUT_SECONDS": "5",
        "NEWSSTAND_SANDBOX": "1",
    }
    core = build_core(Settings.from_environment(environment))
    apply(stripe_client, core.catalog)
    convergence = build_convergence(
        core.engine,
        core.client,
        core.syncs,
        inbox=core.inbox,
        projection=core.projection,
        publisher=core.publisher,
        test_clock=clock_id,
        business_clock=core.business_clock,
        wall_clock=wall_clock,
    )
    prices = {each.metadata["newsstand_plan"]: each.id for each in stripe_client.v1.prices.list({"limit": 100}).data}
    yield Town(core, stripe_client, environment, prices, convergence)
    assert isinstance(core.business_clock, FollowedClock)
    core.business_clock.close()
    core.engine.dispose()
    core.quick_engine.dispose()
