"""Webhooks: how many are acknowledged a second, beside a bare insert, and how few fetches drain them."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from statistics import median

import stripe
from sqlalchemy import Engine, text

from benchmarks.findings import Finding, Section, at_least
from benchmarks.load import Target, ask, pace
from benchmarks.scale import Scale
from benchmarks.servers import STRIPE_KEY, WEBHOOK_SECRET, Backdrop
from sandbox.processes import Child, free_port
from service.store.database import make_engine

OURS, BARE = "Newsstand", "Flask + one insert"
APPS = {OURS: "service.app:create_app()", BARE: "benchmarks.peers:flask_insert()"}
CONNECTIONS = 8
SHARE_OF_CAPACITY = 0.6
PACED_SHARE = 0.3
"""Of the events; the others are sent as fast as they are acknowledged."""
LONGEST_DRAIN_SECONDS = 240.0


def measure(backdrop: Backdrop, scale: Scale) -> list[Section]:
    """Send every event to both, half a round each in turn; then let one worker apply ours."""
    engine = make_engine(backdrop.postgres.url)
    with engine.begin() as connection:
        connection.execute(text("create table peer_events (id text primary key, body bytea not null)"))
    standin_url = _standin(backdrop)
    customers = _customers(standin_url, scale.customers)
    ports = {name: backdrop.serve(app).port for name, app in APPS.items()}
    rates, slowest = _acknowledged(ports, _events(customers, scale.events), scale)
    stored = _number(engine, "select count(*) from events")  # the worker's backfill finds the stand-in's own, too
    seconds = _drain(backdrop, engine, standin_url)
    found = [_acknowledging(rates, slowest), _draining(stored, _fetches(engine), scale, seconds)]
    engine.dispose()
    return found


def _acknowledged(
    ports: dict[str, int], events: Sequence[bytes], scale: Scale
) -> tuple[dict[str, float], dict[str, float]]:
    """Return each one's median rate, and its median p99 at a steady share of our rate. No event is sent twice."""
    rates: dict[str, list[float]] = {name: [] for name in ports}
    slowest: dict[str, list[float]] = {name: [] for name in ports}
    fast, paced = _shares(len(events) // scale.rounds)
    for number in range(scale.rounds):
        at = number * (fast + paced)
        for name, port in ports.items():
            target = Target(port=port, requests=events[at : at + fast])
            rates[name].append(ask(target, fast, connections=CONNECTIONS).per_second)
        steady = SHARE_OF_CAPACITY * rates[OURS][-1]
        for name, port in ports.items():
            target = Target(port=port, requests=events[at + fast : at + fast + paced])
            burst = pace(target, connections=2 * CONNECTIONS, per_second=steady, seconds=paced / steady)
            slowest[name].append(burst.quantile(0.99))
    return (
        {name: median(each) for name, each in rates.items()},
        {name: median(each) for name, each in slowest.items()},
    )


def _shares(count: int) -> tuple[int, int]:
    paced = int(PACED_SHARE * count)
    return count - paced, paced


def _events(customers: Sequence[str], count: int) -> list[bytes]:
    """Return signed deliveries of subscription events, spread over the customers."""
    return [_delivery(f"evt_benchmark_{number}", customers[number % len(customers)]) for number in range(count)]


def _delivery(event_id: str, customer_id: str) -> bytes:
    now = int(time.time())
    subscription = {
        "id": f"sub_of_{customer_id}",
        "object": "subscription",
        "customer": customer_id,
        "status": "active",
    }
    event = {
        "id": event_id, "object": "event", "api_version": stripe.api_version, "created": now, "livemode": False,
        "type": "customer.subscription.updated", "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "data": {"object": subscription | {"padding": "x" * 1500}},  # as large as a real one
    }  # fmt: skip
    body = json.dumps(event)
    signature = hmac.new(WEBHOOK_SECRET.encode(), f"{now}.{body}".encode(), hashlib.sha256).hexdigest()
    head = (
        "POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nStripe-Signature: t={now},v1={signature}\r\n\r\n"
    )
    return (head + body).encode()


def _standin(backdrop: Backdrop) -> str:
    """Start the stand-in Stripe as a process of its own, and return its address."""
    port = free_port()
    folder = str(backdrop.folder / "stripe")
    child = backdrop.start(
        "standin", "-m", "sandbox.standin", "--port", str(port), "--directory", folder, "--api-key", STRIPE_KEY
    )
    child.wait_until(lambda: "stand-in Stripe:" in child.last_line(), timeout_seconds=30)
    return f"http://127.0.0.1:{port}"


def _customers(standin_url: str, count: int) -> list[str]:
    """Make customers with a paid subscription at the stand-in, and return their ids."""
    client = stripe.StripeClient(STRIPE_KEY, base_addresses={"api": standin_url}, max_network_retries=0)
    product = client.v1.products.create({"name": "Monthly"})
    price = client.v1.prices.create(
        {"product": product.id, "unit_amount": 290, "currency": "usd", "recurring": {"interval": "month"},
         "metadata": {"newsstand_plan": "monthly"}}
    )  # fmt: skip
    return [_customer(client, price.id, f"paying-{number}") for number in range(count)]


def _customer(client: stripe.StripeClient, price_id: str, reader_id: str) -> str:
    customer = client.v1.customers.create({"metadata": {"newsstand_reader_id": reader_id}})
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price_id}], "default_payment_method": card.id}
    )
    return customer.id


def _drain(backdrop: Backdrop, engine: Engine, standin_url: str) -> float:
    """Let one worker apply all that is stored; return the seconds from its first sync to its last."""
    command = "from service.cli import main; main()"
    worker = backdrop.start("worker", "-c", command, "worker", STRIPE_API_BASE=standin_url)
    began: float | None = None
    give_up_at = time.monotonic() + LONGEST_DRAIN_SECONDS
    while (waiting := _number(engine, "select count(*) from customer_syncs where dirty > synced")) > 0:
        if began is None and _fetches(engine) > 0:
            began = time.monotonic()
        _check(worker, give_up_at, waiting)
        time.sleep(0.05)
    ended = time.monotonic()
    worker.stop(timeout_seconds=30)
    return ended - (began or ended)


def _check(worker: Child, give_up_at: float, waiting: int) -> None:
    if not worker.is_running() or time.monotonic() > give_up_at:
        raise RuntimeError(f"{waiting} customers were never synced; the worker's last words: {worker.last_line()}")


def _fetches(engine: Engine) -> int:
    """Return how often a customer was fetched: each fetch has a ticket of its own."""
    return _number(engine, "select coalesce(sum(ticket), 0) from customer_syncs")


def _number(engine: Engine, query: str) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text(query)) or 0)


def _acknowledging(rates: dict[str, float], slowest: dict[str, float]) -> Section:
    ratio = rates[OURS] / rates[BARE]
    slower = slowest[OURS] / slowest[BARE]
    return Section(
        title="Webhook acknowledgements",
        how=(
            "Signed events of 2 kB, each new. Ours verifies, stores the event, marks its customer, queues a job, in "
            "one statement that commits by itself; the peer inserts one row in one commit, on a pool as the rest of "
            "the service has and the same durable PostgreSQL."
        ),
        findings=[
            at_least("acknowledgements per second", ratio, 0.6, f"{BARE} 1.00"),
            Finding(what="p99 at 60 % of our rate", figure=f"{slower:.2f} ×", beside=f"{BARE} 1.00"),
        ],
        bars={name: rate / rates[BARE] for name, rate in rates.items()},
        unit=f"of {BARE}",
    )


def _draining(events: int, fetches: int, scale: Scale, seconds: float) -> Section:
    return Section(
        title="Draining webhooks",
        how=(
            f"{events:,} events of {scale.customers} customers, applied by one worker of 4 jobs at once; every fetch "
            "asks the stand-in Stripe over HTTP, which shares the two cores and is most of the time spent."
        ),
        findings=[
            Finding(
                what="fetches from Stripe", figure=f"{fetches:,}", beside=f"{events:,} events",
                goal="far fewer than events", reached=fetches * 4 <= events,
            ),
            Finding(what="events drained per second", figure=f"{events / max(seconds, 0.001):.0f}", beside=""),
        ],
        bars={"events": events, "fetches": fetches},
        unit="",
    )  # fmt: skip
