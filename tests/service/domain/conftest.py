"""Builders of Stripe's facts, each a plain monthly life from which a test changes only what it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.catalog.load import load_catalog
from service.domain.catalog import Catalog
from service.domain.entitlement import Policy
from webhooks.snapshot import CustomerSnapshot, InvoiceFacts, SubscriptionFacts

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
FEATURES = ("unlimited_articles", "ad_free", "archives")


class Facts:
    """Makes subscriptions, invoices and snapshots; a month here is 30 days from `start`."""

    start = START

    def at(self, days: float) -> datetime:
        return START + timedelta(days=days)

    def subscription(self, **changes: Any) -> SubscriptionFacts:
        plain: dict[str, Any] = {
            "id": "sub_1", "status": "active", "plan": "monthly", "price_id": "price_1", "currency": "usd",
            "amount_minor": 290, "interval": "month", "created_at": START, "trial_start_at": None,
            "trial_end_at": None, "period_start_at": START, "period_end_at": self.at(30), "cancel_at": None,
            "cancel_at_period_end": False, "canceled_at": None, "ended_at": None, "pause_behavior": None,
            "paused_reason": None, "cancellation_reason": None, "reader_id": "r-1", "checkout_id": None,
        }  # fmt: skip
        return SubscriptionFacts(**plain | changes)

    def trial(self, **changes: Any) -> SubscriptionFacts:
        plain = {"status": "trialing", "trial_start_at": START, "trial_end_at": self.at(30)}
        return self.subscription(**plain | changes)

    def invoice(self, **changes: Any) -> InvoiceFacts:
        plain: dict[str, Any] = {
            "id": "in_1", "number": None, "subscription_id": "sub_1", "status": "paid",
            "billing_reason": "subscription_cycle", "currency": "usd", "amount_due_minor": 290,
            "amount_paid_minor": 290, "attempt_count": 1, "next_attempt_at": None, "created_at": START,
            "paid_at": START, "period_start_at": START, "period_end_at": self.at(30), "hosted_url": None,
        }  # fmt: skip
        return InvoiceFacts(**plain | changes)

    def snapshot(
        self,
        *subscriptions: SubscriptionFacts,
        invoices: tuple[InvoiceFacts, ...] = (),
        fetched: float = 1,
        deleted: bool = False,
    ) -> CustomerSnapshot:
        return CustomerSnapshot(
            customer_id="cus_1", deleted=deleted, email=None, reader_id="r-1", fetched_at=self.at(fetched), card=None,
            subscriptions=subscriptions, invoices=invoices,
        )  # fmt: skip


@pytest.fixture(scope="session")
def facts() -> Facts:
    """Builders of a customer's facts."""
    return Facts()


@pytest.fixture(scope="session")
def policy() -> Policy:
    """A week of grace for a renewal, three days for a first payment."""
    return Policy(
        grace_renewal=timedelta(days=7),
        grace_first_payment=timedelta(days=3),
        subscriber_features=FEATURES,
        plan_features={"monthly": FEATURES, "annual": FEATURES, "lite": ("unlimited_articles",)},
    )


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The offer as shipped."""
    return load_catalog(Path(__file__).parents[3] / "plans.yaml")
