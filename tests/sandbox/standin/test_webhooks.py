"""Webhooks: signed, in order, repeated, durable; and the faults one can ask for."""

from __future__ import annotations

import json
import random
import threading
from typing import Any

import pytest
import stripe

SECRET = "whsec_test"


@pytest.fixture
def endpoint(shop: Any, inbox: Any) -> Any:
    """An endpoint for customers' events, and the inbox behind it."""
    wanted = ["customer.created", "customer.updated", "customer.deleted"]
    return shop.client.v1.webhook_endpoints.create(params={"url": inbox.url, "enabled_events": wanted})


def make_customers(shop: Any, count: int) -> list[str]:
    return [shop.client.v1.customers.create(params={"email": f"{n}@example.com"}).id for n in range(count)]


def flush(shop: Any) -> None:
    assert shop.control("flush") == {"flushed": True, "pending": 0}


def received_ids(inbox: Any) -> list[str]:
    return [json.loads(body)["data"]["object"]["id"] for body, _ in inbox.received]


def test_deliveries_verify_and_come_in_order_for_each_customer(shop: Any, inbox: Any, endpoint: Any) -> None:
    """`construct_event` accepts every delivery; a customer's arrive in the order in which things happened."""
    made = make_customers(shop, 5)
    for name in "abc":
        for customer in made:
            shop.client.v1.customers.update(customer, params={"name": name})
    flush(shop)
    events = [stripe.Webhook.construct_event(body, signature, endpoint.secret) for body, signature in inbox.received]
    for customer in made:
        names = [each.data.object["name"] for each in events if each.data.object["id"] == customer]
        assert names == [None, "a", "b", "c"]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(*inbox.received[0], SECRET)


def test_customers_do_not_wait_for_each_other(shop: Any, inbox: Any, endpoint: Any) -> None:
    """An endpoint gets the events of different customers at once: each is answered only when all three are there."""
    inbox.meeting = threading.Barrier(3)
    made = make_customers(shop, 3)
    flush(shop)
    assert sorted(received_ids(inbox)) == sorted(made)


def test_only_enabled_events_go_out_and_each_endpoint_has_its_secret(shop: Any, inbox: Any, endpoint: Any) -> None:
    """An endpoint gets the types it asked for; a second one is signed with its own secret; a disabled one gets none."""
    other = shop.client.v1.webhook_endpoints.create(params={"url": inbox.url, "enabled_events": ["product.created"]})
    assert other.secret != endpoint.secret
    assert not hasattr(shop.client.v1.webhook_endpoints.retrieve(other.id), "secret")
    shop.client.v1.products.create(params={"name": "Weekly"})
    flush(shop)
    body, signature = inbox.received[0]
    assert stripe.Webhook.construct_event(body, signature, other.secret).type == "product.created"
    shop.client.v1.webhook_endpoints.update(other.id, params={"disabled": True})
    shop.client.v1.products.create(params={"name": "Daily"})
    flush(shop)
    assert inbox.types() == ["product.created"]


def test_a_refused_delivery_is_repeated_and_the_event_knows(shop: Any, inbox: Any, endpoint: Any) -> None:
    """A 500 or a redirect is a failure: `delivery_success` is false until a repetition gets its 200."""
    inbox.statuses += [500, 302]
    make_customers(shop, 1)
    failing = {"types": ["customer.created"], "delivery_success": False}
    assert len(shop.client.v1.events.list(params=failing).data) == 1
    for _ in range(3):
        shop.control("flush")
    assert shop.client.v1.events.list(params=failing).data == []
    attempts = shop.deliveries(type="customer.created")[0]["attempts"]
    assert [each["outcome"] for each in attempts] == [500, 302, 200]
    assert len({signature for _, signature in inbox.received}) >= 1


def test_dropped_events_are_never_sent_but_listed(shop: Any, inbox: Any, endpoint: Any) -> None:
    """With `drop: 1` nothing arrives: only the events list tells."""
    shop.control("faults", drop=1.0)
    made = make_customers(shop, 3)
    flush(shop)
    assert inbox.received == []
    missed = shop.client.v1.events.list(params={"types": ["customer.created"], "delivery_success": False}).data
    assert [each.data.object["id"] for each in missed] == made[::-1]


def test_duplicates_and_shuffles_happen_on_demand(shop: Any, inbox: Any, endpoint: Any) -> None:
    """`duplicate: 1` sends each twice; `shuffle` sends what is pending in another order, losing nothing."""
    shop.control("faults", duplicate=1.0)
    made = make_customers(shop, 2)
    flush(shop)
    assert sorted(received_ids(inbox)) == sorted(2 * made)
    inbox.received.clear()
    shop.control("faults", shuffle=True, delay_seconds=30, seed=7)
    made = make_customers(shop, 8)
    assert inbox.received == []
    flush(shop)
    assert sorted(received_ids(inbox)) == sorted(made)
    assert received_ids(inbox) == _shuffled(made, 7)


def _shuffled(items: list[str], seed: int) -> list[str]:
    dice, left, found = random.Random(seed), list(items), []
    while left:
        found.append(left.pop(left.index(dice.choice(left))))
    return found


def test_events_name_the_request_that_caused_them(shop: Any, inbox: Any, endpoint: Any) -> None:
    """`request.id` and `request.idempotency_key` are those of the API call; `pending_webhooks` counts endpoints."""
    made = shop.client.v1.customers.create({"email": "ada@example.com"}, {"idempotency_key": "once"})
    flush(shop)
    event = json.loads(inbox.received[0][0])
    assert event["request"] == {"id": made.last_response.request_id, "idempotency_key": "once"}
    assert event["pending_webhooks"] == 1
    assert event["api_version"] == "2026-10-28.endive"


def test_previous_attributes_tell_what_changed(shop: Any, inbox: Any, endpoint: Any) -> None:
    """`customer.updated` carries only what differs."""
    customer = make_customers(shop, 1)[0]
    shop.client.v1.customers.update(customer, params={"email": "new@example.com", "metadata": {"a": "1"}})
    shop.client.v1.customers.update(customer, params={"email": "new@example.com"})
    flush(shop)
    assert inbox.types() == ["customer.created", "customer.updated"]
    changed = json.loads(inbox.received[1][0])["data"]["previous_attributes"]
    assert changed == {"email": "0@example.com", "metadata": {"a": None}}
