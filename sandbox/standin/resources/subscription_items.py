"""/v1/subscription_items: a subscription's items one by one; each change is one of their subscription."""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing import changing
from sandbox.standin.errors import InvalidRequest, NotFound
from sandbox.standin.forms import boolean, instant, item_count, metadata, text
from sandbox.standin.resources.subscriptions import PAYMENT_BEHAVIOR, PRORATION_BEHAVIOR
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.store import Json

_HOW = {
    "payment_behavior": PAYMENT_BEHAVIOR,
    "proration_behavior": PRORATION_BEHAVIOR,
    "proration_date": instant,
}
_WHAT = {"metadata": metadata, "price": text, "quantity": item_count}


@listing("/v1/subscription_items", {"subscription": text}, required=("subscription",))
def index(account: Account, params: Params) -> list[Json]:
    subscription = account.find("subscription", params["subscription"], param="subscription")
    found: list[Json] = subscription["items"]["data"]
    return found[::-1]


@route("GET", "/v1/subscription_items/<item_id>")
def retrieve(account: Account, _params: Params, item_id: str) -> Json:
    return _found(account, item_id)[1]


@route("POST", "/v1/subscription_items", {**_WHAT, **_HOW, "subscription": text}, required=("subscription", "price"))
def create(account: Account, params: Params) -> Json:
    subscription = account.find("subscription", params.pop("subscription"), param="subscription")
    known = [each["id"] for each in subscription["items"]["data"]]
    _change(account, subscription, params, {})
    made: Json = next(each for each in subscription["items"]["data"] if each["id"] not in known)
    return made


@route("POST", "/v1/subscription_items/<item_id>", {**_WHAT, **_HOW, "off_session": boolean})
def update(account: Account, params: Params, item_id: str) -> Json:
    subscription, item = _found(account, item_id)
    _change(account, subscription, params, {"id": item_id})
    return item


@route("DELETE", "/v1/subscription_items/<item_id>", _HOW)
def delete(account: Account, params: Params, item_id: str) -> Json:
    subscription, _ = _found(account, item_id)
    _change(account, subscription, params, {"id": item_id, "deleted": True})
    return {"id": item_id, "object": "subscription_item", "deleted": True}


def _found(account: Account, item_id: str) -> tuple[Json, Json]:
    """Return the subscription and its item; raise NotFound."""
    for each in account.store.all("subscription"):
        if any(item["id"] == item_id for item in each["items"]["data"]):
            subscription = account.find("subscription", each["id"])
            return subscription, next(item for item in subscription["items"]["data"] if item["id"] == item_id)
    raise NotFound("subscription_item", item_id)


def _change(account: Account, subscription: Json, params: Params, which: Params) -> None:
    """Change the one item as an update of its subscription would."""
    account.writable(subscription["test_clock"])
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise InvalidRequest("A canceled subscription can only update its cancellation_details and metadata.")
    item = {name: params[name] for name in _WHAT if name in params} | which
    how = {name: params[name] for name in (*_HOW, "off_session") if name in params}
    changing.update(account, subscription, {**how, "items": [item]})
