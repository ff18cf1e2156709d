"""Every object that the stand-in emits has the members that the SDK's annotations declare, and no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests

DIGEST: dict[str, Any] = json.loads(Path(__file__).with_name("shapes.json").read_text())
NOON = 1_767_268_800
DAY, HOUR = 86_400, 3_600
PLAIN = {"str": str, "int": int, "float": (int, float), "bool": bool}

LISTS = (
    "products", "prices", "customers", "subscriptions", "invoices", "invoiceitems", "invoice_payments",
    "payment_intents", "charges", "setup_intents", "checkout/sessions", "events", "webhook_endpoints",
    "test_helpers/test_clocks", "billing_portal/configurations", "coupons", "promotion_codes", "refunds", "disputes",
    "radar/early_fraud_warnings",
)  # fmt: skip


def faults_of(value: Any) -> list[str]:
    """Return what is wrong with an object and everything inside it."""
    name = value["object"]
    if name == "list":
        return [fault for each in value["data"] for fault in faults_of(each)]
    if value.get("deleted"):
        return [] if set(value) == {"id", "object", "deleted"} else [f"{name}: a deleted stub has {sorted(value)}"]
    shape = DIGEST[name]
    missing = [each for each in shape["present"] if each not in value]
    return [f"{name}: lacks {each}" for each in missing] + members(name, value, shape["fields"])


def members(path: str, value: dict[str, Any], fields: dict[str, Any]) -> list[str]:
    found = [f"{path}: unknown member {name}" for name in value if name not in fields]
    found += [f"{path}: lacks {name}" for name, each in fields.items() if not each["optional"] and name not in value]
    for name in value.keys() & fields.keys():
        found += member(f"{path}.{name}", value[name], fields[name])
    return found


def member(path: str, value: Any, shape: dict[str, Any]) -> list[str]:
    kind = shape["type"]
    if value is None:
        return [] if shape.get("optional", False) else [f"{path}: is null"]
    if kind in PLAIN:
        wrong = not isinstance(value, PLAIN[kind]) or (kind in ("int", "float") and isinstance(value, bool))
        outside = "enum" in shape and value not in shape["enum"]
        return [f"{path}: {value!r} is no {kind}"] if wrong or outside else []
    if kind == "object":
        return members(path, value, shape["fields"])
    if kind == "list":
        return [fault for each in value for fault in member(f"{path}[]", each, shape["of"])]
    if kind == "page":
        return [f"{path}: is no list"] if value.get("object") != "list" else faults_of(value)
    if kind == "map":
        return [] if isinstance(value, dict) else [f"{path}: is no map"]
    if kind == "ref":
        return referred(path, value, shape["to"])
    return faults_of(value) if kind in DIGEST else []


def referred(path: str, value: Any, to: str) -> list[str]:
    if isinstance(value, str):
        return []
    return faults_of(value) if value.get("object") == to or to == "any" else [f"{path}: is no {to}"]


def test_the_walker_sees_what_is_wrong() -> None:
    """An unknown, a missing, a null and a wrongly typed member are each reported, also deep inside."""
    event = {
        "id": 7, "object": "event", "api_version": None, "created": None, "data": {"object": {}, "odd": 1},
        "livemode": False, "pending_webhooks": True, "type": "x",
    }  # fmt: skip
    assert set(faults_of(event)) == {
        "event: lacks request",
        "event.id: 7 is no str",
        "event.created: is null",
        "event.data: unknown member odd",
        "event.pending_webhooks: True is no int",
    }


THIN_DESTINATION: Any = {
    "name": "thin",
    "type": "webhook_endpoint",
    "event_payload": "thin",
    "enabled_events": ["v1.customer.subscription.updated"],
    "webhook_endpoint": {"url": "http://127.0.0.1:9/nobody"},
    "include": ["webhook_endpoint.url"],
}


def full_life(shop: Any, inbox: Any) -> list[dict[str, Any]]:
    """Live through all that the stand-in can do; return the answers on the way."""
    v1 = shop.client.v1
    seen: list[Any] = [v1.webhook_endpoints.create(params={"url": inbox.url, "enabled_events": ["*"]})]
    seen.append(shop.client.v2.core.event_destinations.create(THIN_DESTINATION))
    clock = shop.clock()
    reader, failing, plain = (shop.customer(clock) for _ in range(3))
    trial = shop.buy(shop.monthly, customer=reader, trial_days=30)
    shop.buy(shop.monthly, customer=failing, trial_days=30, card_number="4000000000000341")
    bought = shop.buy(shop.annual, customer=plain, card_number="5555555555554444")
    seen.append(shop.session(shop.annual))
    seen.append(v1.checkout.sessions.expire(seen[-1].id))
    portal = v1.billing_portal.sessions.create(params={"customer": reader, "return_url": "https://site.example"})
    cancel: Any = {"type": "subscription_cancel", "subscription_cancel": {"subscription": trial.id}}
    flow = v1.billing_portal.sessions.create(params={"customer": reader, "flow_data": cancel})
    seen += [portal, flow, shop.control(f"subscriptions/{trial.id}", pause="system"), resumed(v1, trial.id)]
    shop.advance(clock, NOON + 30 * DAY + HOUR)
    seen.append(v1.subscriptions.update(trial.id, params={"pause_collection": {"behavior": "void"}}))
    seen.append(v1.subscriptions.update(trial.id, params={"pause_collection": ""}))
    form = {"action": "cancel", "subscription": trial.id, "feedback": "too_expensive"}
    assert requests.post(portal.url, form, allow_redirects=False, timeout=10).status_code == 303
    item = bought["items"].data[0].id
    change = {"items": [{"id": item, "price": shop.monthly}]}
    seen.append(v1.invoices.create_preview(params={"subscription": bought.id, "subscription_details": change}))
    seen.append(v1.subscriptions.update(bought.id, params=change))
    seen += taken_back(shop, plain) + discounted(shop, clock) + billed_by_hand(shop, clock)
    shop.advance(clock, NOON + 100 * DAY)
    paused = v1.subscriptions.create(
        params={
            "customer": shop.customer(clock),
            "items": [{"price": shop.monthly}],
            "trial_period_days": 3,
            "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
        }
    )
    shop.advance(clock, NOON + 104 * DAY)
    seen.append(v1.subscriptions.retrieve(paused.id))
    seen.append(v1.customers.delete(failing))
    return [each if isinstance(each, dict) else json.loads(each.last_response.body) for each in seen]


def resumed(v1: Any, subscription: str) -> Any:
    return v1.subscriptions.resume(subscription, {"payment_behavior": "resume_on_payment_success"})


def discounted(shop: Any, clock: str) -> list[Any]:
    """Sell with a promotion code, and adjust a balance."""
    v1, customer = shop.client.v1, shop.customer(clock, "pm_card_visa")
    coupon = v1.coupons.create({"percent_off": 25.5, "duration": "forever", "name": "25.5% off"})
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})
    balance = v1.customers.balance_transactions.create(customer, {"amount": -100, "currency": "usd"})
    items: Any = [{"price": shop.monthly}]
    sold = v1.subscriptions.create(
        {"customer": customer, "items": items, "discounts": [{"promotion_code": code.id}], "expand": ["discounts"]}
    )
    return [coupon, code, balance, sold]


def billed_by_hand(shop: Any, clock: str) -> list[Any]:
    """Put two invoice items on an invoice, leave a third waiting, and end a subscription whose credit waits."""
    v1, customer = shop.client.v1, shop.customer(clock, "pm_card_visa")
    made = [v1.invoice_items.create({"customer": customer, "amount": each, "currency": "usd"}) for each in (500, -20)]
    invoice = v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})
    made.append(v1.invoice_items.create({"customer": customer, "amount": 3, "currency": "usd"}))
    items: Any = [{"price": shop.monthly}]
    sold = v1.subscriptions.create({"customer": customer, "items": items})
    return [*made, v1.invoices.pay(invoice.id), v1.subscriptions.cancel(sold.id, {"prorate": True})]


def taken_back(shop: Any, customer: str) -> list[Any]:
    """Refund one charge in part, warn of it and dispute it; let the refund fail and the dispute be won."""
    charge = shop.client.v1.charges.list(params={"customer": customer}).data[0].id
    refund = shop.client.v1.refunds.create(params={"charge": charge, "amount": 5, "reason": "requested_by_customer"})
    shop.control("early_fraud_warnings", charge=charge)
    shop.control(f"refunds/{refund.id}", status="failed", failure_reason="lost_or_stolen_card")
    dispute = shop.control("disputes", charge=charge, reason="fraudulent")["id"]
    evidence = {"uncategorized_text": "winning_evidence"}
    return [refund, shop.client.v1.disputes.update(dispute, params={"evidence": evidence})]


def test_everything_emitted_over_a_full_life_has_stripe_s_shape(shop: Any, inbox: Any) -> None:
    """Answers, lists, expansions and the objects inside events: all known members, none missing, right types."""
    emitted = full_life(shop, inbox)
    emitted += [each for path in LISTS for each in listed(shop, path)]
    for customer in (each["id"] for each in listed(shop, "customers")):
        emitted += listed(shop, f"customers/{customer}/payment_methods")
    emitted += [complete(each["data"]["object"]) for each in listed(shop, "events")]
    emitted += thin_events(shop)
    faults = sorted({fault for each in emitted for fault in faults_of(each)})
    assert faults == []
    kinds = {each["object"] for each in emitted}
    assert kinds >= set(DIGEST) - {"subscription_item", "line_item", "plan", "item", "balance_transaction"}


def thin_events(shop: Any) -> list[dict[str, Any]]:
    """The SDK declares `related_object` on each type's own class, so the common shape is checked without it."""
    found: list[dict[str, Any]] = requests.get(
        f"{shop.url}/v2/core/events", auth=("sk_test_sandbox", ""), timeout=10
    ).json()["data"]
    assert all(set(each.pop("related_object")) == {"id", "type", "url"} for each in found)
    return found


def complete(item: dict[str, Any]) -> dict[str, Any]:
    """An `invoice.upcoming` has no id, at Stripe as here; nothing else may lack one."""
    upcoming = item["object"] == "invoice" and item["billing_reason"] == "upcoming"
    return {"id": "upcoming", **item} if upcoming else item


EXPANSIONS = {
    "subscriptions": ("data.latest_invoice.payments", "data.customer", "data.default_payment_method"),
    "invoices": ("data.payments.data.payment.payment_intent", "data.confirmation_secret", "data.customer"),
    "checkout/sessions": ("data.line_items", "data.subscription", "data.invoice"),
    "charges": ("data.payment_intent", "data.refunds", "data.customer"),
    "customers": ("data.subscriptions", "data.test_clock"),
    "prices": ("data.product",),
}


def listed(shop: Any, path: str) -> list[dict[str, Any]]:
    """Return a whole list, expanded, over the account and its clocks."""
    found = []
    clocks = [None, *(each.id for each in shop.client.v1.test_helpers.test_clocks.list().data)]
    scopes = clocks if path in ("customers", "subscriptions") else [None]
    narrow = path in (
        "invoices",
        "invoiceitems",
        "invoice_payments",
        "payment_intents",
        "charges",
        "setup_intents",
        "checkout/sessions",
        "refunds",
        "disputes",
        "radar/early_fraud_warnings",
    )
    for scope in [{"test_clock": each} if each else {} for each in scopes] if not narrow else narrowed(shop, path):
        expand = [("expand[]", each) for each in EXPANSIONS.get(path, ())]
        found += pages(shop, path, [("limit", "100"), *scope.items(), *expand])
    return found


def narrowed(shop: Any, path: str) -> list[dict[str, str]]:
    """Account-wide lists leave clock customers out, so ask for each customer (or each invoice)."""
    customers = [{"customer": each["id"]} for each in listed(shop, "customers")]
    if path in ("refunds", "disputes", "radar/early_fraud_warnings"):
        return [{"charge": each["id"]} for each in listed(shop, "charges")]
    if path != "invoice_payments":
        return customers
    return [{"invoice": each["id"]} for each in listed(shop, "invoices")]


def pages(shop: Any, path: str, query: list[tuple[str, str]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        after = [("starting_after", found[-1]["id"])] if found else []
        answer = requests.get(f"{shop.url}/v1/{path}", query + after, auth=("sk_test_sandbox", ""), timeout=10)
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        if not answer.json()["has_more"]:
            return found
