"""What the Billing Portal shows of a customer, and what its buttons do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.billing import cardholders, changing, ending
from sandbox.standin.billing.happenings import RENEWING, period_end
from sandbox.standin.purchase import CardForm
from sandbox.standin.resources.invoices import pay_now
from sandbox.standin.resources.payment_methods import give, make_method
from sandbox.standin.shapes import people
from sandbox.standin.store import Json, rendered

ReadCard = Callable[[Mapping[str, str]], CardForm]


class PortalRefused(ValueError):
    """An act that is not possible; the message is for the reader."""


CHANGEABLE = ("trialing", "active")
_ACTS = {
    "cancel": "subscription_cancel",
    "resume": "subscription_cancel",
    "change_plan": "subscription_update",
    "update_card": "payment_method_update",
    "pay_invoice": None,
}
"""Each button, and the feature that allows it."""
_ACTS_OF_FLOW = {
    "payment_method_update": {"update_card"},
    "subscription_cancel": {"cancel", "resume"},
    "subscription_update": {"change_plan"},
    "subscription_update_confirm": {"change_plan"},
}


def offered(features: Json, flow: Json | None) -> set[str]:
    """Return the buttons that a configuration, and the flow a session is bound to, leave to the reader."""
    allowed = {action for action, feature in _ACTS.items() if feature is None or features[feature]["enabled"]}
    return allowed & _ACTS_OF_FLOW[flow["type"]] if flow else allowed


def onward(session: Json) -> str | None:
    """Return where a finished flow leads; None is back to the page."""
    after = session["flow"]["after_completion"] if session["flow"] else {}
    return after["redirect"]["return_url"] if after.get("type") == "redirect" and after["redirect"] else None


def overview(account: Account, session: Json) -> dict[str, Any]:
    """Return what the page shows."""
    customer = account.find("customer", session["customer"])
    subscriptions = account.store.all("subscription", customer=customer["id"])[::-1]
    invoices = account.store.all("invoice", customer=customer["id"])[::-1]
    live = [each for each in subscriptions if each["status"] not in ("canceled", "incomplete_expired")]
    features = account.find("billing_portal.configuration", session["configuration"])["features"]
    flow = session["flow"]
    bound = (flow[flow["type"]] or {}).get("subscription") if flow and flow["type"] in flow else None
    return {
        "customer": customer,
        "features": features,
        "business": account.find("billing_portal.configuration", session["configuration"])["business_profile"],
        "acts": offered(features, flow),
        "plans": [_plan(account, each, features) for each in live if bound in (None, each["id"])],
        "invoices": [each for each in invoices if each["status"] != "draft"],
    }


def _plan(account: Account, subscription: Json, features: Json) -> dict[str, Any]:
    item = subscription["items"]["data"][0]
    product = account.find("product", item["price"]["product"])
    return {
        "subscription": subscription,
        "name": product["name"],
        "item": item,
        "card": cardholders.method_for(account, subscription),
        "period_end": period_end(subscription),
        "choices": [
            {**price, "name": account.find("product", price["product"])["name"]}
            for price in choices(account, subscription, features["subscription_update"])
        ],
    }


def act(account: Account, session: Json, fields: Mapping[str, str], *, read_card: ReadCard) -> None:
    """Do what `action` names; raise PortalRefused when the configuration or the state forbids it."""
    customer = account.find("customer", session["customer"])
    features = account.find("billing_portal.configuration", session["configuration"])["features"]
    clock = account.store.get("test_helpers.test_clock", customer["test_clock"] or "")
    if clock and clock["status"] == "advancing":
        raise PortalRefused("Time is passing right now; try again in a moment.")
    action = fields.get("action", "")
    if action not in _ACTS:
        raise PortalRefused("The portal knows no such action.")
    if action not in offered(features, session["flow"]):
        raise PortalRefused("This is not offered here.")
    if action in ("cancel", "resume", "change_plan"):
        subscription = _own(account, customer, "subscription", fields.get("subscription", ""))
        _change(account, subscription, features, fields)
    elif action == "update_card":
        _update_card(account, customer, read_card(fields))
    else:
        _pay(account, _own(account, customer, "invoice", fields.get("invoice", "")))


def _change(account: Account, subscription: Json, features: Json, fields: Mapping[str, str]) -> None:
    if fields["action"] == "cancel":
        _cancel(account, subscription, features, fields)
    elif fields["action"] == "resume":
        _resume(account, subscription)
    else:
        _change_plan(account, subscription, features["subscription_update"], fields.get("price", ""))


def _own(account: Account, customer: Json, kind: str, identifier: str) -> Json:
    item = account.store.get(kind, identifier)
    if item is None or item["customer"] != customer["id"]:
        raise PortalRefused(f"There is no such {kind}.")
    return item


def _cancel(account: Account, subscription: Json, features: Json, fields: Mapping[str, str]) -> None:
    """Schedule the end as the portal does in flexible mode: `cancel_at` alone, the boolean stays false."""
    if subscription["status"] not in RENEWING or subscription["cancel_at"] is not None:
        raise PortalRefused("This subscription is not running, or ends already.")
    subscription["cancellation_details"]["comment"] = fields.get("comment") or None
    subscription["cancellation_details"]["feedback"] = fields.get("feedback") or None
    if features["subscription_cancel"]["mode"] == "immediately":
        behavior = features["subscription_cancel"]["proration_behavior"]
        ending.cancel(account, subscription, prorate=behavior != "none", invoice_now=behavior == "always_invoice")
    elif subscription["billing_mode"]["type"] == "flexible":
        changing.apply_cancellation(account, subscription, {"cancel_at": period_end(subscription)})
    else:
        changing.apply_cancellation(account, subscription, {"cancel_at_period_end": True})


def _resume(account: Account, subscription: Json) -> None:
    if subscription["cancel_at"] is None or subscription["status"] not in RENEWING:
        raise PortalRefused("This subscription is not about to end.")
    changing.apply_cancellation(account, subscription, {"cancel_at_period_end": False})


def _change_plan(account: Account, subscription: Json, feature: Json, price_id: str) -> None:
    """Change the price as the configuration says; by Stripe's default that ends a trial at once."""
    if price_id not in [price["id"] for price in choices(account, subscription, feature)]:
        raise PortalRefused("This plan is not offered.")
    item = subscription["items"]["data"][0]
    change: dict[str, Any] = {
        "items": [{"id": item["id"], "price": price_id}],
        "proration_behavior": feature["proration_behavior"],
    }
    if subscription["status"] == "trialing" and feature["trial_update_behavior"] == "end_trial":
        change["trial_end"] = "now"
    elif feature["billing_cycle_anchor"] == "now" and subscription["status"] != "trialing":
        change["billing_cycle_anchor"] = {"type": "now"}
    changing.update(account, subscription, change)


def choices(account: Account, subscription: Json, feature: Json) -> list[Json]:
    """Return the prices that a reader may change to."""
    if "price" not in (feature["default_allowed_updates"] or []) or subscription["status"] not in CHANGEABLE:
        return []
    offered_ids = [each for product in feature["products"] for each in product["prices"]]
    prices = [account.store.get("price", each) for each in offered_ids]
    current = subscription["items"]["data"][0]["price"]["id"]
    return [each for each in prices if each and each["active"] and each["id"] != current]


def _update_card(account: Account, customer: Json, form: CardForm) -> None:
    """Save a card and make it the one that pays, for the customer and every running subscription."""
    method = make_method(account, account.now_for(customer), form.card, form.expiry, customer["email"])
    if failure := cardholders.setup_failure(method):
        account.store.remove("payment_method", method["id"])
        raise PortalRefused(failure[2])
    method["_authenticated"] = True
    intent = people.setup_intent(account.new_id("setup_intent"), method["created"], customer["id"], method["id"])
    account.emit("setup_intent.succeeded", account.add(intent))
    give(account, customer, method)
    before = rendered(customer)
    customer["invoice_settings"]["default_payment_method"] = method["id"]
    account.emit_update("customer.updated", customer, before)
    for each in account.store.all("subscription", customer=customer["id"]):
        if each["status"] not in ("canceled", "incomplete_expired"):
            changing.update(account, account.find("subscription", each["id"]), {"default_payment_method": method["id"]})


def _pay(account: Account, invoice: Json) -> None:
    if invoice["status"] not in ("open", "uncollectible"):
        raise PortalRefused("This invoice is not open.")
    # A refusal is recorded on the invoice, and shown there: raising would undo the record.
    pay_now(account, invoice, None, cardholders.PRESENT)
