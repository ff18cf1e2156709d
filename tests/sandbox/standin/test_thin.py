"""Thin events: `v2.core.event` notifications of v1 objects, beside snapshot events or instead of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stripe

DESTINATION: Any = {
    "name": "thin",
    "type": "webhook_endpoint",
    "event_payload": "thin",
    "enabled_events": ["*"],
    "include": ["webhook_endpoint.signing_secret"],
}


def flush(shop: Any) -> None:
    assert shop.control("flush") == {"flushed": True, "pending": 0}


def subscribe(shop: Any) -> Any:
    customer = shop.customer(shop.clock(), "pm_card_visa")
    return shop.client.v1.subscriptions.create(params={"customer": customer, "items": [{"price": shop.monthly}]})


def test_the_sdk_parses_and_follows_a_thin_event(shop: Any, inbox: Any) -> None:
    """Signed and parsed by `parse_event_notification`; it leads to the object and to its snapshot twin."""
    made = shop.client.v2.core.event_destinations.create({**DESTINATION, "webhook_endpoint": {"url": inbox.url}})
    bought = subscribe(shop)
    shop.client.v1.subscriptions.update(bought.id, params={"cancel_at": "min_period_end"})
    flush(shop)
    secret = made.webhook_endpoint.signing_secret
    notes = [shop.client.parse_event_notification(body, mark, secret) for body, mark in inbox.received]
    updated = next(each for each in notes if each.type == "v1.customer.subscription.updated")
    assert (updated.object, updated.created, updated.livemode) == ("v2.core.event", "2026-01-01T12:00:00.000Z", False)
    assert (updated.related_object.id, updated.related_object.type) == (bought.id, "subscription")
    assert updated.fetch_related_object().cancel_at is not None
    twin = shop.client.v1.events.retrieve(updated.fetch_event().snapshot_event)
    assert (twin.type, twin.data.object["id"]) == ("customer.subscription.updated", bought.id)
    types = [each.type for each in notes]
    assert {"v1.invoice.paid", "v1.customer.subscription.active"} <= set(types)
    assert types.count("v1.customer.subscription.cancel_at_changed") == 1
    with pytest.raises(ValueError, match="thin event notification"):
        stripe.Webhook.construct_event(*inbox.received[0], secret)
    listed = shop.client.v2.core.events.list({"object_id": bought.id}).data
    assert {each.type for each in listed} == {each for each in types if each.startswith("v1.customer.subscription")}


def test_an_endpoint_takes_snapshots_thin_events_or_both(shop: Any, inbox: Any) -> None:
    """The lever turns an ordinary endpoint; `both` sends each change in both forms, from one secret."""
    made = shop.client.v1.webhook_endpoints.create(params={"url": inbox.url, "enabled_events": ["customer.created"]})
    for payload, objects in (
        ("both", {"event", "v2.core.event"}),
        ("thin", {"v2.core.event"}),
        ("snapshot", {"event"}),
    ):
        inbox.received.clear()
        assert shop.control(f"endpoints/{made.id}", payload=payload)["data"][0]["payload"] == payload
        shop.customer()
        flush(shop)
        assert {json.loads(body)["object"] for body, _ in inbox.received} == objects
        assert len(inbox.received) == len(objects)
        for body, mark in inbox.received:
            stripe.WebhookSignature.verify_header(body, mark, made.secret)


def test_an_upcoming_invoice_is_related_to_nothing(shop: Any, inbox: Any) -> None:
    """What has no id yet cannot be fetched: `related_object` is null."""
    destinations = shop.client.v2.core.event_destinations
    destinations.create(
        {**DESTINATION, "enabled_events": ["v1.invoice.upcoming"], "webhook_endpoint": {"url": inbox.url}}
    )
    clock = shop.clock()
    shop.buy(shop.monthly, customer=shop.customer(clock), trial_days=7)
    flush(shop)
    shop.advance(clock, 1_767_268_800 + 86_400)
    flush(shop)
    assert [json.loads(body)["related_object"] for body, _ in inbox.received] == [None]


def test_destinations_are_listed_changed_and_hidden_from_v1(shop: Any, inbox: Any) -> None:
    """/v2 shows both kinds, /v1 its own alone; a disabled one gets nothing; a deleted one is gone."""
    destinations = shop.client.v2.core.event_destinations
    own = shop.client.v1.webhook_endpoints.create(params={"url": inbox.url, "enabled_events": ["product.created"]})
    made = destinations.create({**DESTINATION, "webhook_endpoint": {"url": inbox.url}})
    assert {each.id for each in destinations.list().data} == {own.id, made.id}
    assert [each.id for each in shop.client.v1.webhook_endpoints.list().data] == [own.id]
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.webhook_endpoints.retrieve(made.id)
    assert destinations.disable(made.id).status == "disabled"
    shop.customer()
    flush(shop)
    assert inbox.received == []
    assert destinations.update(made.id, {"name": "renamed"}).name == "renamed"
    assert destinations.retrieve(made.id).webhook_endpoint.signing_secret is None
    assert destinations.enable(made.id).status == "enabled"
    destinations.delete(made.id)
    with pytest.raises(stripe.InvalidRequestError):
        destinations.retrieve(made.id)
    with pytest.raises(stripe.InvalidRequestError):
        destinations.create({**DESTINATION, "webhook_endpoint": {"url": "ftp://x"}})
