"""The whole intake against the stand-in Stripe: its deliveries over HTTP, its state through the unmodified SDK."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import stripe
from flask import Flask
from sqlalchemy import Connection, Engine, select
from werkzeug.serving import make_server

from sandbox.standin.server import StandIn
from webhooks.endpoint import webhook_blueprint
from webhooks.failures import Backoff
from webhooks.fetch import StripeFetch
from webhooks.inbox import Inbox
from webhooks.routing import RouteOutcome, Router, asker
from webhooks.signature import Verifier
from webhooks.snapshot import CustomerSnapshot
from webhooks.state import event_state, events_with_syncs, oldest_unprocessed_seconds
from webhooks.syncs import Syncs
from webhooks.tables import customer_syncs, events
from webhooks.turn import SyncOutcome

SECRET = "whsec_of_the_journey"
DAY = 86_400


def wall() -> datetime:
    return datetime.now(UTC)


class Newsroom:
    """The intake as the service runs it: an endpoint on a port, and a worker that is called by hand."""

    def __init__(self, engine: Engine, queue: Any) -> None:
        self.engine = engine
        self.record: dict[str, CustomerSnapshot] = {}
        self.answers: list[str] = []
        self.inbox = Inbox(engine, livemode=False, wall_clock=wall, queue=queue.sql)
        self._defer = queue.defer
        app = Flask("newsroom")
        verifier = Verifier([SECRET])
        app.register_blueprint(
            webhook_blueprint(verifier=verifier, inbox=self.inbox, wall_clock=wall, count=self.answers.append)
        )
        self.server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/stripe"

    def connect(self, api_url: str) -> None:
        self.api_url = api_url
        self.client = stripe.StripeClient("sk_test_x", base_addresses={"api": api_url}, max_network_retries=0)
        self.fetch = StripeFetch(self.client, wall)
        patient = Backoff(first_seconds=0)
        self.router = Router(self.engine, asker(self.client), wall_clock=wall, defer=self._defer, backoff=patient)
        self.syncs = Syncs(
            self.engine, self.fetch.fetch, self.project, wall_clock=wall, after_commit=lambda _: None,
            defer=self._defer, backoff=patient,
        )  # fmt: skip

    def project(self, connection: Connection, snapshot: CustomerSnapshot) -> None:
        self.record[snapshot.customer_id] = snapshot

    def work(self) -> set[RouteOutcome | SyncOutcome]:
        """Do what the sweeper finds, once through: routings, then syncs."""
        routed = {self.router.route(each) for each in self.router.due(1000)}
        return routed | {self.syncs.sync(each) for each in self.syncs.due(1000)}

    def catch_up(self) -> None:
        """Let every delivery arrive, and work until nothing is left."""
        self.control("flush")
        for _ in range(20):
            self.work()
        assert not self.router.due(1)
        assert not self.syncs.due(1), self.errors()

    def control(self, path: str, **body: Any) -> None:
        assert requests.post(f"{self.api_url}/_standin/{path}", json=body, timeout=60).ok

    def advance(self, clock: str, to: int) -> None:
        clocks = self.client.v1.test_helpers.test_clocks
        clocks.advance(clock, {"frozen_time": to})
        while clocks.retrieve(clock).status != "ready":
            time.sleep(0.005)

    def errors(self) -> list[str | None]:
        with self.engine.connect() as connection:
            return list(connection.scalars(select(customer_syncs.c.error)))

    def states(self) -> dict[str, set[str]]:
        """Return the states that the stored events of each type are in."""
        found: dict[str, set[str]] = {}
        with self.engine.connect() as connection:
            query = select(events.c.type, event_state(park_after=8)).select_from(events_with_syncs())
            for event_type, state in connection.execute(query):
                found.setdefault(event_type, set()).add(state)
        return found


@pytest.fixture
def newsroom(engine: Engine, queue: Any) -> Iterator[Newsroom]:
    room = Newsroom(engine, queue)
    thread = threading.Thread(target=room.server.serve_forever, args=(0.02,))
    thread.start()
    with StandIn(webhook_url=room.url, webhook_secret=SECRET) as standin:
        room.connect(standin.base_url)
        yield room
    room.server.shutdown()
    room.server.server_close()
    thread.join()


@pytest.fixture
def trial(newsroom: Newsroom) -> Callable[[], tuple[str, str, str, int]]:
    """Start a 30-day trial of the monthly plan; return customer, subscription, clock, and the trial's end."""

    def start() -> tuple[str, str, str, int]:
        api, card = newsroom.client.v1, "pm_card_visa"
        now = int(time.time())
        product = api.products.create({"name": "Newsstand"})
        price = api.prices.create(
            {"product": product.id, "currency": "usd", "unit_amount": 290, "recurring": {"interval": "month"},
             "metadata": {"newsstand_plan": "monthly"}}
        )  # fmt: skip
        clock = api.test_helpers.test_clocks.create({"frozen_time": now})
        customer = api.customers.create(
            {"email": "ada@example.com", "test_clock": clock.id, "payment_method": card,
             "invoice_settings": {"default_payment_method": card}, "metadata": {"newsstand_reader_id": "r-81"}}
        )  # fmt: skip
        subscription = api.subscriptions.create(
            {"customer": customer.id, "items": [{"price": price.id}], "trial_period_days": 30}
        )
        return customer.id, subscription.id, clock.id, int(subscription.trial_end or 0)

    return start


def same(left: CustomerSnapshot, right: CustomerSnapshot) -> bool:
    return replace(left, fetched_at=right.fetched_at) == right


def test_a_life_at_stripe_is_followed_through_doubled_and_shuffled_deliveries(
    newsroom: Newsroom, trial: Callable[[], tuple[str, str, str, int]]
) -> None:
    """Trial, first charge, cancellation, deletion: each time the record ends as Stripe, and every event is settled."""
    newsroom.control("faults", duplicate=0.5, shuffle=True, seed=7)
    customer, subscription, clock, trial_end = trial()
    newsroom.catch_up()
    facts = newsroom.record[customer].subscriptions[0]
    assert (facts.status, facts.plan, facts.amount_minor) == ("trialing", "monthly", 290)
    assert facts.trial_end_at == datetime.fromtimestamp(trial_end, UTC)
    assert newsroom.record[customer].reader_id == "r-81"
    assert getattr(newsroom.record[customer].card, "last4", None) == "4242"

    newsroom.advance(clock, trial_end + 2 * 3600)
    newsroom.catch_up()
    paid = newsroom.record[customer].invoices[0]
    assert (paid.status, paid.amount_paid_minor, paid.subscription_id) == ("paid", 290, subscription)
    assert paid.period_start_at == datetime.fromtimestamp(trial_end, UTC)
    assert paid.period_end_at == newsroom.record[customer].subscriptions[0].period_end_at

    newsroom.client.v1.subscriptions.update(subscription, {"cancel_at_period_end": True})
    newsroom.catch_up()
    assert newsroom.record[customer].subscriptions[0].cancel_at_period_end

    newsroom.client.v1.customers.delete(customer)
    newsroom.catch_up()
    assert newsroom.record[customer].deleted
    assert [each.status for each in newsroom.record[customer].subscriptions] == ["canceled"]

    assert same(newsroom.record[customer], newsroom.fetch.fetch(customer))
    states = newsroom.states()
    assert states["invoice_payment.paid"] == states["customer.subscription.updated"] == {"done"}
    assert states["price.created"] == {"ignored"}
    assert set().union(*states.values()) == {"done", "ignored"}
    assert "duplicate" in newsroom.answers
    assert not {"invalid_signature", "invalid_event", "not_stored"} & set(newsroom.answers)


def test_an_outage_of_stripes_delays_and_loses_nothing(
    newsroom: Newsroom, trial: Callable[[], tuple[str, str, str, int]]
) -> None:
    """While Stripe's API answers 500 every try ends as FAILED; when it is back, the next one succeeds."""
    customer, *_ = trial()
    newsroom.control("flush")
    for status in (500, 429):
        newsroom.control("faults", status=status)
        assert newsroom.work() <= {RouteOutcome.FAILED, SyncOutcome.FAILED}
    with newsroom.engine.connect() as connection:
        assert oldest_unprocessed_seconds(connection, wall()) > 0
    newsroom.control("faults")
    newsroom.catch_up()
    assert newsroom.record[customer].subscriptions[0].status == "trialing"
    with newsroom.engine.connect() as connection:
        assert oldest_unprocessed_seconds(connection, wall()) == 0


def test_an_unsigned_copy_of_a_true_event_is_refused(newsroom: Newsroom) -> None:
    """Over real HTTP: a body without Stripe's signature changes nothing."""
    answer = requests.post(newsroom.url, data=b'{"object": "event", "id": "evt_1"}', timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert newsroom.states() == {}
