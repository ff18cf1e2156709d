"""/v1/subscriptions"""

from __future__ import annotations

from collections.abc import Callable

from sandbox.standin.account import Account
from sandbox.standin.billing import changing, collecting, discounting, starting
from sandbox.standin.billing.discounting import DISCOUNTS
from sandbox.standin.calendar import DAY_SECONDS
from sandbox.standin.errors import InvalidRequest, NotFound
from sandbox.standin.filters import equal, within
from sandbox.standin.forms import (
    anything,
    boolean,
    choice,
    days,
    either,
    instant,
    item_count,
    list_of,
    merged_metadata,
    metadata,
    record,
    text,
    time_range,
)
from sandbox.standin.resources.customers import live_customer
from sandbox.standin.resources.prices import recurring_price
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.store import Json

CANCEL_AT = either(choice("min_period_end", "max_period_end"), instant)
TRIAL_END = either(choice("now"), instant)
DETAILS = record({"comment": text, "feedback": text})
TRIAL_SETTINGS = record(
    {
        "end_behavior": record(
            {"missing_payment_method": choice("cancel", "pause", "create_invoice")},
            required=("missing_payment_method",),
        )
    }
)
_PAYMENT_SETTINGS = record(
    {
        "save_default_payment_method": choice("off", "on_subscription"),
        "payment_method_types": list_of(text),
        "payment_method_options": anything,
    }
)
_SHARED = {
    "cancel_at": CANCEL_AT,
    "cancel_at_period_end": boolean,
    "collection_method": choice("charge_automatically"),
    "default_payment_method": text,
    "description": text,
    "discounts": DISCOUNTS,
    "metadata": metadata,
    "off_session": boolean,
    "payment_behavior": choice(
        "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"
    ),
    "payment_settings": _PAYMENT_SETTINGS,
    "proration_behavior": choice("always_invoice", "create_prorations", "none"),
    "trial_end": TRIAL_END,
    "trial_settings": TRIAL_SETTINGS,
}
_CREATE = {
    **_SHARED,
    "billing_cycle_anchor": instant,
    "billing_mode": record({"type": choice("classic", "flexible")}),
    "currency": text,
    "customer": text,
    "items": list_of(record({"price": text, "quantity": item_count, "metadata": metadata})),
    "trial_period_days": days,
}


@route("POST", "/v1/subscriptions", _CREATE, required=("customer", "items"))
def create(account: Account, params: Params) -> Json:
    customer = live_customer(account, params["customer"])
    items = [
        (recurring_price(account, each.get("price"), f"items[{index}][price]"), each.get("quantity") or 1)
        for index, each in enumerate(params["items"])
    ]
    if len({_rhythm(price) for price, _ in items}) > 1:
        raise InvalidRequest("All items must have the same currency and interval.", param="items")
    method = params.get("default_payment_method")
    if method and (account.store.get("payment_method", method) or {}).get("customer") != customer["id"]:
        raise NotFound("payment_method", method, param="default_payment_method")
    order = starting.Order(
        customer=customer,
        items=items,
        trial_end=_trial_end(account.now_for(customer), params),
        facts=_facts(params),
        discounts=params.get("discounts") or (),
        payment_behavior=params.get("payment_behavior") or "allow_incomplete",
    )
    subscription = starting.start(account, order)
    changing.apply_cancellation(account, subscription, params)
    return subscription


def _rhythm(price: Json) -> tuple[str, str, int]:
    return price["currency"], price["recurring"]["interval"], price["recurring"]["interval_count"]


def _trial_end(now: int, params: Params) -> int | None:
    trial_days, end = params.get("trial_period_days"), params.get("trial_end")
    if trial_days is not None and end is not None:
        raise InvalidRequest("You cannot set both trial_end and trial_period_days.", param="trial_period_days")
    if isinstance(end, int) and end <= now:
        raise InvalidRequest("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
    if isinstance(end, int):
        return end
    return now + trial_days * DAY_SECONDS if trial_days else None


def _facts(params: Params) -> Json:
    names = ("default_payment_method", "description", "billing_cycle_anchor", "trial_settings")
    facts = {name: params[name] for name in names if params.get(name) is not None}
    facts["metadata"] = merged_metadata({}, params.get("metadata"))
    if (params.get("billing_mode") or {}).get("type") == "classic":
        facts["billing_mode"] = {"flexible": None, "type": "classic"}
    if params.get("payment_settings"):
        facts["payment_settings"] = changing.payment_settings(params["payment_settings"])
    return facts


_STATUSES = (
    "active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused", "trialing",
    "unpaid",
)  # fmt: skip
_LIST = {
    "collection_method": choice("charge_automatically", "send_invoice"),
    "created": time_range,
    "current_period_end": time_range,
    "current_period_start": time_range,
    "customer": text,
    "price": text,
    "status": choice(*_STATUSES),
    "test_clock": text,
}


@listing("/v1/subscriptions", _LIST)
def index(account: Account, params: Params) -> list[Json]:
    """Without a customer, subscriptions on test clocks are left out unless `test_clock` names theirs."""
    found = account.store.all("subscription", customer=params.get("customer"))
    if params.get("test_clock") or not params.get("customer"):
        found = [each for each in found if each["test_clock"] == params.get("test_clock")]
    found = [each for each in found if _status_wanted(each["status"], params.get("status"))]
    found = equal(
        found, params, collection_method="collection_method", price=lambda each: _first_item(each)["price"]["id"]
    )
    ends = {name: _of_first_item(name) for name in ("current_period_end", "current_period_start")}
    return within(found, params, created="created", **ends)


def _first_item(subscription: Json) -> Json:
    item: Json = subscription["items"]["data"][0]
    return item


def _of_first_item(name: str) -> Callable[[Json], int]:
    return lambda subscription: int(_first_item(subscription)[name])


def _status_wanted(status: str, wanted: str | None) -> bool:
    if wanted is None:
        return status != "canceled"
    if wanted == "ended":
        return status in ("canceled", "incomplete_expired")
    return wanted in ("all", status)


@route("GET", "/v1/subscriptions/<subscription_id>")
def retrieve(account: Account, _params: Params, subscription_id: str) -> Json:
    return account.find("subscription", subscription_id)


def _writable(account: Account, subscription_id: str) -> Json:
    subscription = account.find("subscription", subscription_id)
    account.writable(subscription["test_clock"])
    return subscription


ITEM_CHANGES = list_of(
    record({"deleted": boolean, "id": text, "metadata": metadata, "price": text, "quantity": item_count})
)
_PAUSE = record(
    {"behavior": choice("keep_as_draft", "mark_uncollectible", "void"), "resumes_at": instant}, required=("behavior",)
)
_ANCHOR = record({"type": choice("now", "unchanged")}, required=("type",))
_UPDATE = {
    **_SHARED,
    "billing_cycle_anchor": _ANCHOR,
    "cancellation_details": DETAILS,
    "items": ITEM_CHANGES,
    "pause_collection": _PAUSE,
    "proration_date": instant,
}


@route("POST", "/v1/subscriptions/<subscription_id>", _UPDATE)
def update(account: Account, params: Params, subscription_id: str) -> Json:
    subscription = _writable(account, subscription_id)
    if subscription["status"] in ("canceled", "incomplete_expired") and set(params) - {
        "metadata",
        "cancellation_details",
    }:
        raise InvalidRequest("A canceled subscription can only update its cancellation_details and metadata.")
    changing.update(account, subscription, params)
    return subscription


_CANCEL = {"cancellation_details": DETAILS, "invoice_now": boolean, "prorate": boolean}


@route("DELETE", "/v1/subscriptions/<subscription_id>", _CANCEL)
def cancel(account: Account, params: Params, subscription_id: str) -> Json:
    subscription = _writable(account, subscription_id)
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise NotFound("subscription", subscription_id)
    subscription["cancellation_details"].update(params.get("cancellation_details") or {})
    subscription["canceled_at"] = None
    collecting.end(account, subscription, reason="cancellation_requested")
    return subscription


@route("DELETE", "/v1/subscriptions/<subscription_id>/discount")
def delete_discount(account: Account, _params: Params, subscription_id: str) -> Json:
    """Take every discount off a subscription."""
    subscription = _writable(account, subscription_id)
    if not subscription["discounts"]:
        raise NotFound("discount", subscription_id)
    removed = account.find("discount", subscription["discounts"][0])
    discounting.redeem(account, subscription, [])
    return {**removed, "deleted": True}


_RESUME = {
    "billing_cycle_anchor": _ANCHOR,
    "proration_behavior": _SHARED["proration_behavior"],
    "payment_behavior": _SHARED["payment_behavior"],
}


@route("POST", "/v1/subscriptions/<subscription_id>/resume", _RESUME)
def resume(account: Account, params: Params, subscription_id: str) -> Json:
    subscription = _writable(account, subscription_id)
    if subscription["status"] != "paused":
        raise InvalidRequest("You can only resume a paused subscription.")
    changing.resume(account, subscription, anchor=(params.get("billing_cycle_anchor") or {"type": "now"})["type"])
    return subscription


_PAUSE_NOW = {
    "bill_for": record(
        {
            "outstanding_usage_through": record({"type": choice("none", "now")}, required=("type",)),
            "unused_time_from": record(
                {"type": choice("item_current_period_start", "none", "now")}, required=("type",)
            ),
        }
    ),
    "invoicing_behavior": choice("invoice", "pending_invoice_item"),
    "type": choice("subscription"),
}


@route("POST", "/v1/subscriptions/<subscription_id>/pause", _PAUSE_NOW)
def pause(account: Account, params: Params, subscription_id: str) -> Json:
    subscription = _writable(account, subscription_id)
    if subscription["billing_mode"]["type"] != "flexible":
        raise InvalidRequest("Only subscriptions with flexible billing mode can be paused.")
    if subscription["status"] not in ("active", "trialing", "past_due"):
        raise InvalidRequest(f"A subscription that is {subscription['status']} cannot be paused.")
    unused = (params.get("bill_for") or {}).get("unused_time_from") or {"type": "now"}
    invoice_now = params.get("invoicing_behavior") == "invoice"
    changing.pause(account, subscription, credit_from=unused["type"], invoice_now=invoice_now)
    return subscription
