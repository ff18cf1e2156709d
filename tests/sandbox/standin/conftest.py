"""A running stand-in, the unmodified SDK talking to it, and a small shop of two plans."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
import stripe

from sandbox.standin.server import StandIn

NOON = 1_767_268_800  # 1 January 2026, 12:00 UTC
DAY = 86_400
CARD = {"email": "ada@example.com", "card_number": "4242 4242 4242 4242", "card_expiry": "12 / 34", "card_cvc": "123"}


@dataclass
class Shop:
    """What tests need over and over: plans, clocks, customers, a browser that buys."""

    url: str
    client: stripe.StripeClient
    monthly: str = ""
    annual: str = ""

    def open(self) -> Shop:
        product = self.client.v1.products.create(params={"name": "Newsstand"})
        for name, amount, interval in (("monthly", 290, "month"), ("annual", 1990, "year")):
            price = self.client.v1.prices.create(
                params={
                    "product": product.id,
                    "currency": "usd",
                    "unit_amount": amount,
                    "recurring": {"interval": interval},
                    "lookup_key": name,
                }
            )
            setattr(self, name, price.id)
        return self

    def clock(self, frozen_time: int = NOON) -> str:
        return self.client.v1.test_helpers.test_clocks.create(params={"frozen_time": frozen_time}).id

    def advance(self, clock: str, to: int) -> None:
        """Advance, in the steps that Stripe allows a monthly plan, and wait."""
        clocks = self.client.v1.test_helpers.test_clocks
        while (now := clocks.retrieve(clock).frozen_time) < to:
            clocks.advance(clock, params={"frozen_time": min(to, now + 56 * DAY)})
            while clocks.retrieve(clock).status != "ready":
                time.sleep(0.005)

    def customer(self, clock: str | None = None, card: str | None = None) -> str:
        params: Any = {"email": "ada@example.com"}
        if clock:
            params["test_clock"] = clock
        if card:
            params |= {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
        return self.client.v1.customers.create(params=params).id

    def session(self, price: str, *, customer: str | None = None, trial_days: int = 0) -> Any:
        params: Any = {
            "mode": "subscription",
            "line_items": [{"price": price, "quantity": 1}],
            "success_url": "https://site.example/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://site.example/wall",
            "client_reference_id": "r-81",
            "subscription_data": {"metadata": {"newsstand_reader_id": "r-81"}},
        }
        if trial_days:
            params["subscription_data"]["trial_period_days"] = trial_days
        if customer:
            params["customer"] = customer
        return self.client.v1.checkout.sessions.create(params=params)

    def pay(self, session: Any, **changes: str) -> requests.Response:
        return requests.post(session.url, {**CARD, **changes}, allow_redirects=False, timeout=10)

    def buy(self, price: str, *, customer: str, trial_days: int = 0, **changes: str) -> Any:
        """Complete a session in the browser and return its subscription."""
        session = self.session(price, customer=customer, trial_days=trial_days)
        assert self.pay(session, **changes).status_code == 303
        done = self.client.v1.checkout.sessions.retrieve(session.id)
        return self.client.v1.subscriptions.retrieve(str(done.subscription))

    def event_types(self, customer: str | None = None) -> list[str]:
        """Return the types of all events, oldest first (of one customer's objects, if given)."""
        return [each["type"] for each in self.events() if customer in (None, _customer_of(each))]

    def events(self) -> list[dict[str, Any]]:
        pages = self.client.v1.events.list(params={"limit": 100}).auto_paging_iter()
        return [each.to_dict() for each in pages][::-1]

    def control(self, path: str, **body: Any) -> Any:
        return requests.post(f"{self.url}/_standin/{path}", json=body, timeout=60).json()

    def deliveries(self, **wanted: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = requests.get(f"{self.url}/_standin/deliveries", wanted, timeout=10).json()["data"]
        return found


def _customer_of(event: dict[str, Any]) -> Any:
    item = event["data"]["object"]
    return item["id"] if item["object"] == "customer" else item.get("customer")


def connect(url: str, key: str = "sk_test_sandbox") -> stripe.StripeClient:
    return stripe.StripeClient(key, base_addresses={"api": url}, max_network_retries=0)


@pytest.fixture
def connected() -> Callable[..., stripe.StripeClient]:
    """Make an SDK client for an address."""
    return connect


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """A running stand-in that keeps nothing."""
    with StandIn(api_keys=["sk_test_sandbox"]) as running:
        yield running


@pytest.fixture
def client(standin: StandIn) -> stripe.StripeClient:
    """The unmodified SDK."""
    return connect(standin.base_url)


@pytest.fixture
def shop(standin: StandIn, client: stripe.StripeClient) -> Shop:
    """A shop with a monthly and an annual plan."""
    return Shop(standin.base_url, client).open()


@pytest.fixture(scope="module")
def lasting_shop() -> Iterator[Shop]:
    """A shop that a module's tests share, for what changes nothing in it."""
    with StandIn(api_keys=["sk_test_sandbox"]) as running:
        yield Shop(running.base_url, connect(running.base_url)).open()


@pytest.fixture
def open_shop() -> Callable[[str], Shop]:
    """Open a shop at another stand-in."""
    return lambda url: Shop(url, connect(url)).open()


@dataclass
class Inbox:
    """A webhook endpoint that remembers what it got; `statuses` are its next answers, then 200.

    `meeting` holds every delivery until as many as it wants are there at once.
    """

    url: str = ""
    received: list[tuple[bytes, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    meeting: threading.Barrier | None = None

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for body, _ in self.received]


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """A real HTTP endpoint on a free port."""
    box = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            box.received.append((body, self.headers["Stripe-Signature"]))
            if box.meeting is not None:
                box.meeting.wait(timeout=10)
            self.send_response(box.statuses.pop(0) if box.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    box.url = f"http://127.0.0.1:{server.server_port}/webhooks"
    yield box
    server.shutdown()
    server.server_close()
    thread.join()
