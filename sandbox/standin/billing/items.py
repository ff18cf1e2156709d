"""A subscription's items change: prices, quantities, what is added and what is taken away; and what that prorates.

Rules: docs.stripe.com/billing/subscriptions/change-price, /prorations, /multiple-products.
"""

from __future__ import annotations

from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.billing.prorating import credit, debit
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.forms import merged_metadata
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
    item["metadata"] = merged_metadata(item["metadata"], sent.get("metadata"))
    price = _price(account, subscription, sent["price"], "items[0][price]") if sent.get("price") else item["price"]
    quantity = sent.get("quantity") or item["quantity"]
    if (price["id"], quantity) == (item["price"]["id"], item["quantity"]):
        return [], False
    if _interval(price) != _interval(item["price"]) and subscription["status"] != "trialing":
        item.update(price=rendered(price), plan=plan_of(price), quantity=quantity)
        return [], True
    lines = _credit(account, subscription, item, params)
    item.update(price=rendered(price), plan=plan_of(price), quantity=quantity)
    return [*lines, *_debit(account, subscription, item, params)], False


def _added(account: Account, subscription: Json, sent: Params, params: Params, index: int) -> list[Json]:
    param = f"items[{index}][price]"
    price, first = _price(account, subscription, sent.get("price") or "", param), subscription["items"]["data"][0]
    if _interval(price) != _interval(first["price"]):
        raise InvalidRequest("The stand-in bills all items of a subscription in one interval.", param=param)
    now, quantity = account.now_for(subscription), sent.get("quantity") or 1
    period = (first["current_period_start"], first["current_period_end"])
    identifier = account.new_id("subscription_item")
    item = shapes.subscription_item(identifier, now, price, quantity, subscription["id"], period)
    item["metadata"] = merged_metadata({}, sent.get("metadata"))
    subscription["items"]["data"].append(item)
    return _debit(account, subscription, item, params)


def _removed(account: Account, subscription: Json, sent: Params, params: Params) -> list[Json]:
    item = _item(subscription, sent.get("id"))
    if len(subscription["items"]["data"]) == 1:
        raise InvalidRequest("A subscription must have at least one active item.", param="items")
    subscription["items"]["data"].remove(item)
    return _credit(account, subscription, item, params)


def _interval(price: Json) -> tuple[str, int]:
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def prorated_from(account: Account, subscription: Json, params: Params) -> int | None:
    """Return the Unix second from which a change is prorated, None if it is not; raise InvalidRequest for one outside
    the current period."""
    if params.get("proration_behavior") == "none":
        return None
    wanted: int | None = params.get("proration_date")
    if wanted is None:
        return account.now_for(subscription)
    first = subscription["items"]["data"][0]
    if not first["current_period_start"] <= wanted <= first["current_period_end"]:
        raise InvalidRequest("proration_date must lie in the current period.", param="proration_date")
    return wanted


def _credit(account: Account, subscription: Json, item: Json, params: Params) -> list[Json]:
    since = prorated_from(account, subscription, params)
    return [] if since is None else credit(account, subscription, item, since)


def _debit(account: Account, subscription: Json, item: Json, params: Params) -> list[Json]:
    since = prorated_from(account, subscription, params)
    return [] if since is None else debit(account, subscription, item, (since, item["current_period_end"]))
