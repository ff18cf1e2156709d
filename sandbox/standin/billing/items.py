"""A subscription's items change: prices, quantities, what is added and what is taken away; and what that prorates.

Rules: docs.stripe.com/billing/subscriptions/change-price, /prorations, /multiple-products.
"""

from __future__ import annotations

from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.billing.prorating import proration_lines
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.shapes import billing as shapes
from sandbox.standin.shapes.catalog import plan_of
from sandbox.standin.store import Json, rendered

Params = dict[str, Any]


def apply(account: Account, subscription: Json, params: Params) -> tuple[list[Json], bool]:
    """Change the items as `params["items"]` says; return the prorations, and whether a new period begins with it."""
    lines: list[Json] = []
    restarts = False
    for index, sent in enumerate(params.get("items", [])):
        if sent.get("deleted"):
            lines += _removed(account, subscription, sent, params)
        elif not sent.get("id"):
            lines += _added(account, subscription, sent, params, index)
        else:
            changed, other_interval = _changed(account, subscription, sent, params)
            lines, restarts = lines + changed, restarts or other_interval
    return lines, restarts


def _item(subscription: Json, identifier: str | None) -> Json:
    items = subscription["items"]["data"]
    item: Json | None = next((each for each in items if each["id"] == identifier), None)
    if item is None:
        raise InvalidRequest(f"No such subscription item: '{identifier}'", code="resource_missing", param="items")
    return item


def _price(account: Account, subscription: Json, identifier: str, param: str) -> Json:
    price = account.find("price", identifier, param=param)
    if not price["recurring"] or price["currency"] != subscription["currency"]:
        raise InvalidRequest("The price must recur, in the subscription's currency.", param=param)
    return price


def _changed(account: Account, subscription: Json, sent: Params, params: Params) -> tuple[list[Json], bool]:
    item = _item(subscription, sent["id"])
    price = _price(account, subscription, sent["price"], "items[0][price]") if sent.get("price") else item["price"]
    quantity = sent.get("quantity") or item["quantity"]
    if (price["id"], quantity) == (item["price"]["id"], item["quantity"]):
        return [], False
    restarts = _interval(price) != _interval(item["price"]) and subscription["status"] != "trialing"
    lines = _lines(account, subscription, params, item, price, quantity)
    item.update(price=rendered(price), plan=plan_of(price), quantity=quantity)
    return (lines[:1] if restarts else lines), restarts


def _added(account: Account, subscription: Json, sent: Params, params: Params, index: int) -> list[Json]:
    param = f"items[{index}][price]"
    price, first = _price(account, subscription, sent.get("price") or "", param), subscription["items"]["data"][0]
    if _interval(price) != _interval(first["price"]):
        raise InvalidRequest("The stand-in bills all items of a subscription in one interval.", param=param)
    now, quantity = account.now_for(subscription), sent.get("quantity") or 1
    period = (first["current_period_start"], first["current_period_end"])
    identifier = account.new_id("subscription_item")
    item = shapes.subscription_item(identifier, now, price, quantity, subscription["id"], period)
    subscription["items"]["data"].append(item)
    return _lines(account, subscription, params, item, price, quantity)[1:]


def _removed(account: Account, subscription: Json, sent: Params, params: Params) -> list[Json]:
    item = _item(subscription, sent.get("id"))
    if len(subscription["items"]["data"]) == 1:
        raise InvalidRequest("A subscription must have at least one active item.", param="items")
    lines = _lines(account, subscription, params, item, item["price"], item["quantity"])
    subscription["items"]["data"].remove(item)
    return lines[:1]


def _interval(price: Json) -> tuple[str, int]:
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def _lines(account: Account, subscription: Json, params: Params, item: Json, price: Json, quantity: int) -> list[Json]:
    """Return the credit for what is left of `item` and the charge for the rest at the new terms; none for a trial."""
    if subscription["status"] == "trialing" or params.get("proration_behavior") == "none":
        return []
    at = params.get("proration_date") or account.now_for(subscription)
    return proration_lines(account, item, price, quantity, at, credit_only=False)
