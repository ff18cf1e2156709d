"""A whole service in this process, selling through the stand-in Stripe over HTTP; no web server, no worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from sandbox.standin.server import StandIn
from service.api.services import Services
from service.assembly.core import Core, build_core
from service.assembly.web import build_services
from service.billing.checkouts import Checkout, CheckoutRequest
from service.catalog.stripe_offer import apply
from service.clocks import FollowedClock
from service.domain.vocabulary import Grant, GrantKind
from service.settings import Settings
from service.store import accounts, grants

ROOT = Path(__file__).parents[3]
CARD = {"card_number": "4242 4242 4242 4242", "card_expiry": "12/34", "card_cvc": "123"}
NOON = 1_794_830_400  # 2026-11-16T12:00:00Z


@dataclass(frozen=True)
class Shop:
    """The service's parts, the stand-in behind them, and what a reader's browser would do."""

    core: Core
    services: Services
    standin: StandIn
    client: stripe.StripeClient
    clock_id: str

    def request(self, reader_id: str = "r-1", plan: str = "monthly", **changes: str) -> CheckoutRequest:
        """Return what the site asks for, with `changes`."""
        usual = {
            "reader_id": reader_id,
            "email": f"{reader_id}@example.com",
            "plan": plan,
            "success_url": "http://127.0.0.1:8001/welcome?from=wall",
            "cancel_url": "http://127.0.0.1:8001/",
        }
        return CheckoutRequest(**(usual | changes))

    def open(self, reader_id: str = "r-1", plan: str = "monthly", **changes: str) -> Checkout:
        return self.services.checkouts.open(self.request(reader_id, plan, **changes))

    def pay(self, checkout: Checkout, **changes: str) -> requests.Response:
        """Fill Stripe's page in as a browser would."""
        fields = {"email": "someone@example.com"} | CARD | changes
        return requests.post(checkout.url, data=fields, allow_redirects=False, timeout=10)

    def subscribe(self, reader_id: str = "r-1", plan: str = "monthly") -> Checkout:
        """Buy `plan` and let the return page learn of it."""
        checkout = self.open(reader_id, plan)
        assert self.pay(checkout).status_code == 303
        assert self.services.checkouts.outcome(checkout.id).status == "complete"
        return checkout

    def lever(self, path: str, **body: object) -> Any:
        """Let happen at the stand-in what only a bank or a cardholder brings about."""
        answer = requests.post(f"{self.standin.base_url}/_standin/{path}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pass_days(self, days: int) -> None:
        """Let days go by at Stripe, and wait until the service, which polls, lives in that day too."""
        self.pass_seconds(days * 86_400)

    def pass_seconds(self, seconds: int) -> None:
        """As `pass_days`, for what happens within an hour."""
        clocks = self.client.v1.test_helpers.test_clocks
        until = clocks.retrieve(self.clock_id).frozen_time + seconds
        clocks.advance(self.clock_id, {"frozen_time": until})
        requests.post(f"{self.standin.base_url}/_standin/flush", timeout=40)
        give_up_at = time.monotonic() + 20
        while self.core.business_clock().timestamp() < until and time.monotonic() < give_up_at:
            time.sleep(0.05)

    def charged(self) -> list[int]:
        """Return what `r-1`'s card was charged, in minor units, the oldest first."""
        charges = self.client.v1.charges.list({"customer": self.customer}).data
        return [each.amount for each in charges if each.status == "succeeded"][::-1]

    def refuse_card(self) -> str:
        """Let the card of `r-1`'s subscription be refused from now on; return the good one."""
        (sold,) = self.client.v1.subscriptions.list({"customer": self.customer}).data
        refused = self.client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": self.customer}).id
        self.client.v1.subscriptions.update(sold.id, {"default_payment_method": refused})
        return str(sold.default_payment_method)

    def change_without_paying(self) -> stripe.Invoice:
        """Change `r-1`'s plan to the yearly one as in the Dashboard, by a card that is refused; return what is owed."""
        self.refuse_card()
        (sold,) = self.client.v1.subscriptions.list({"customer": self.customer}).data
        annual = self.client.v1.prices.list({"lookup_keys": ["newsstand_annual"]}).data[0].id
        change = {"items": [{"id": sold["items"].data[0].id, "price": annual}], "proration_behavior": "always_invoice"}
        self.client.v1.subscriptions.update(sold.id, change)
        (owed,) = self.client.v1.invoices.list({"customer": self.customer, "status": "open"}).data
        return owed

    def status(self, reader_id: str = "r-1") -> str:
        return self.services.readers.state(reader_id).entitlement.status

    @property
    def customer(self) -> str:
        """Return the customer of the reader `r-1`."""
        with self.core.engine.connect() as connection:
            account = accounts.find(connection, "r-1")
        assert account is not None
        assert account.customer_id is not None
        return account.customer_id

    def sync(self) -> None:
        """Let the service look at `r-1`'s customer."""
        self.core.sync_now(self.customer)

    def give_courtesy(self, days: int = 7) -> datetime:
        """Let staff give `r-1` access; return until when."""
        now = self.core.business_clock()
        grant = Grant(
            kind=GrantKind.COURTESY,
            features=self.core.catalog.policy.subscriber_features,
            from_at=now - timedelta(hours=1),
            until_at=now + timedelta(days=days),
            reason="an outage",
        )
        with self.core.engine.begin() as connection:
            grants.add(connection, "r-1", grant, given_by="staff:1")
        return grant.until_at

    def open_sessions(self) -> list[stripe.checkout.Session]:
        """Return the sessions that could still be paid, from Stripe (whose account-wide lists leave clocks out)."""
        customers = self.client.v1.customers.list({"test_clock": self.clock_id})
        wanted = [{"status": "open", "customer": customer.id} for customer in customers.data]
        return [each for params in wanted for each in self.client.v1.checkout.sessions.list(params).data]


def _disputed(shop: Shop) -> None:
    shop.lever("disputes", charge=shop.client.v1.charges.list({"customer": shop.customer}).data[0].id)


def _refunded(shop: Shop) -> None:
    shop.client.v1.refunds.create({"charge": shop.client.v1.charges.list({"customer": shop.customer}).data[0].id})


def _paused(shop: Shop) -> None:
    (bought,) = shop.client.v1.subscriptions.list({"customer": shop.customer}).data
    shop.lever(f"subscriptions/{bought.id}", pause="pause_requested")


def _not_collected(shop: Shop) -> None:
    (bought,) = shop.client.v1.subscriptions.list({"customer": shop.customer}).data
    shop.client.v1.subscriptions.update(bought.id, {"pause_collection": {"behavior": "void"}})
    shop.pass_days(366)


CLOSED = {"disputed": _disputed, "refunded": _refunded, "paused": _paused, "not_collected": _not_collected}


@pytest.fixture(params=CLOSED)
def closed(shop: Shop, request: pytest.FixtureRequest) -> str:
    """A year sold to `r-1` that opens nothing any more, in each way there is, and courtesy beside it."""
    shop.subscribe(plan="annual")
    CLOSED[request.param](shop)
    shop.sync()
    assert shop.status() in {"held", "paused"}
    shop.give_courtesy()
    assert shop.status() == "courtesy"
    return str(request.param)


@pytest.fixture
def shop(database_url: str, redis_url: str, standin: StandIn, stripe_client: stripe.StripeClient) -> Iterator[Shop]:
    """A shop whose offer is at the stand-in, on a test clock of its own."""
    clock_id = stripe_client.v1.test_helpers.test_clocks.create({"frozen_time": NOON, "name": "tests"}).id
    settings = Settings.from_environment(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "STRIPE_SECRET_KEY": "sk_test_sandbox",
            "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef",
            "STRIPE_API_BASE": standin.base_url,
            "STRIPE_TEST_CLOCK": clock_id,
            "SUBJECT_KEY": "a-key-for-tests-of-more-than-32-characters",
            "SITE_ORIGINS": "http://127.0.0.1:8001",
            "PLANS_FILE": str(ROOT / "plans.yaml"),
            "WEB_THREADS": "16",
            "REDIS_TIMEOUT_SECONDS": "2",
            "DATABASE_TIMEOUT_SECONDS": "5",
            "NEWSSTAND_SANDBOX": "1",
        }
    )
    core = build_core(settings)
    apply(stripe_client, core.catalog)
    yield Shop(core, build_services(core), standin, stripe_client, clock_id)
    assert isinstance(core.business_clock, FollowedClock)
    core.business_clock.close()
    core.journal.close()
    core.engine.dispose()
    core.quick_engine.dispose()
