"""Odd events and odd answers, on demand: each switch and lever does what its help says."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
import stripe


@pytest.fixture
def endpoint(shop: Any, inbox: Any) -> Any:
    """An endpoint for everything, and the inbox behind it."""
    return shop.client.v1.webhook_endpoints.create(params={"url": inbox.url, "enabled_events": ["*"]})


def got(shop: Any, inbox: Any) -> list[dict[str, Any]]:
    """Wait for what is under way; return the bodies that arrived, and forget them."""
    assert shop.control("flush") == {"flushed": True, "pending": 0}
    bodies = [json.loads(body) for body, _ in inbox.received]
    inbox.received.clear()
    return bodies


def test_a_twin_tells_the_same_change_under_another_id(shop: Any, inbox: Any, endpoint: Any) -> None:
    """Two events, two ids, one object and type; both are listed."""
    shop.control("faults", twin=1.0)
    shop.customer()
    first, second = got(shop, inbox)
    assert first["id"] != second["id"]
    assert (first["type"], first["data"]) == (second["type"], second["data"])
    assert {each.id for each in shop.client.v1.events.list(params={"type": "customer.created"}).data} == {
        first["id"],
        second["id"],
    }


def test_events_can_be_of_an_old_version_live_and_of_another_account(shop: Any, inbox: Any, endpoint: Any) -> None:
    """`api_version` brings back the shapes before basil too; `livemode` and `account` say what is not so."""
    shop.control("faults", api_version="2024-06-20", livemode=True, account="acct_other")
    customer = shop.customer(None, "pm_card_visa")
    shop.client.v1.subscriptions.create(params={"customer": customer, "items": [{"price": shop.monthly}]})
    events = {each["type"]: each for each in got(shop, inbox)}
    for each in events.values():
        assert (each["api_version"], each["livemode"], each["account"]) == ("2024-06-20", True, "acct_other")
    subscription = events["customer.subscription.updated"]["data"]["object"]
    assert subscription["current_period_end"] > subscription["current_period_start"]
    assert "current_period_end" not in subscription["items"]["data"][0]
    invoice = events["invoice.paid"]["data"]["object"]
    assert (invoice["subscription"], invoice["paid"], "parent" in invoice) == (subscription["id"], True, False)
    shop.control("faults")
    shop.customer()
    assert [(each["livemode"], "account" in each) for each in got(shop, inbox)] == [(False, False)]


def test_unknown_types_and_old_events_come_along(shop: Any, inbox: Any, endpoint: Any) -> None:
    """`unknown_type` adds events that nobody knows; `replay` sends recorded ones again, with their ids."""
    shop.control("faults", unknown_type=1.0)
    shop.customer()
    assert [each["type"] for each in got(shop, inbox)] == ["customer.created", "stand_in.novelty.appeared"]
    known = {each["id"] for each in shop.events()}
    shop.control("faults", replay=1.0, seed=3)
    shop.customer()
    fresh, again = got(shop, inbox)
    assert fresh["id"] not in known
    assert again["id"] in known | {fresh["id"]}


def test_single_events_are_made_resent_and_replayed(shop: Any, inbox: Any, endpoint: Any) -> None:
    """Any type about any object, resending one by id, replaying many in their order."""
    customer = shop.customer()
    odd = shop.control("events", type="customer.exploded", about=customer, account="acct_1", livemode=True)
    shop.control("events", type="invoice.paid", object={"object": "invoice", "id": "in_foreign", "customer": "cus_x"})
    old = shop.control("events", type="invoice.paid", object={"object": "invoice"}, api_version="2020-08-27")
    events = got(shop, inbox)
    assert [each["type"] for each in events] == [
        "customer.created",
        "customer.exploded",
        "invoice.paid",
        "invoice.paid",
    ]
    assert (events[1]["id"], events[1]["account"], events[1]["livemode"]) == (odd["id"], "acct_1", True)
    assert (old["api_version"], old["data"]["object"]["paid"]) == ("2020-08-27", False)
    shop.control(f"events/{odd['id']}/resend")
    assert [each["id"] for each in got(shop, inbox)] == [odd["id"]]
    replayed = shop.control("replay", types=["customer.*"], limit=2)["replayed"]
    assert [each["id"] for each in got(shop, inbox)] == replayed == [events[0]["id"], events[1]["id"]]


def test_a_rolled_secret_signs_beside_the_old_one_until_that_expires(shop: Any, inbox: Any, endpoint: Any) -> None:
    """Two `v1` signatures: either secret verifies; once the old one has expired, only the new one does."""
    rolled = shop.control(f"endpoints/{endpoint.id}", roll_secret="whsec_new", expires_in_seconds=3600)
    assert "whsec" not in json.dumps(rolled)
    shop.customer()
    shop.control("flush")
    body, mark = inbox.received.pop()
    assert mark.count("v1=") == 2
    for secret in (endpoint.secret, "whsec_new"):
        assert stripe.Webhook.construct_event(body, mark, secret).type == "customer.created"
    shop.control("endpoints/all", roll_secret="whsec_newer", expires_in_seconds=0)
    shop.customer()
    shop.control("flush")
    assert stripe.Webhook.construct_event(*inbox.received[0], "whsec_newer")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(*inbox.received[0], "whsec_new")


def test_a_saved_500_is_replayed_under_its_key(shop: Any) -> None:
    """Stripe keeps a 500 for an idempotency key: the same key gets it again even when all is well; a new key works."""
    shop.control("faults", status=500, saved=True)
    assert len(shop.client.v1.customers.list().data) == 0, "what has no key is not struck"
    for faults in ({"status": 500, "saved": True}, {}):
        shop.control("faults", **faults)
        with pytest.raises(stripe.APIError):
            shop.client.v1.customers.create({}, {"idempotency_key": "k-1"})
    assert shop.client.v1.customers.create({}, {"idempotency_key": "k-2"}).object == "customer"
    assert len(shop.client.v1.customers.list().data) == 1


def test_switches_and_levers_explain_themselves(lasting_shop: Any) -> None:
    """GET shows each switch with its help, and each lever with its members and what it does."""
    shown = requests.get(f"{lasting_shop.url}/_standin/faults", timeout=5).json()
    explained = shown.pop("help")
    assert set(explained) == set(shown)
    assert all(explained.values())
    levers = requests.get(f"{lasting_shop.url}/_standin/levers", timeout=5).json()
    assert levers["POST /_standin/disputes"][0] == ["amount", "charge", "reason", "status"]
    assert all(says for _, says in levers.values())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("events", {"type": "x"}),
        ("events", {"type": "x", "object": "text"}),
        ("events", {"type": "x", "about": "cus_none"}),
        ("events/evt_none/resend", {}),
        ("endpoints/we_none", {"payload": "thin"}),
        ("endpoints/all", {"payload": "fat"}),
        ("replay", {"types": "x"}),
    ],
)
def test_a_wrong_lever_is_refused(lasting_shop: Any, path: str, body: dict[str, Any]) -> None:
    """Nonsense is a 4xx with Stripe's error body."""
    answer = requests.post(f"{lasting_shop.url}/_standin/{path}", json=body, timeout=5)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["message"]
