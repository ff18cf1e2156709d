"""/v1/subscriptions"""

from __future__ import annotations

from collections.abc import Callable

from sandbox.standin.account import Account
from sandbox.standin.billing import changing, discounting, ending, starting
from sandbox.standin.billing.cardholders import Presence
from sandbox.standin.billing.discounting import DISCOUNTS
from sandbox.standin.calendar import DAY_SECONDS
from sandbox.standin.errors import InvalidRequest, NotFound
from sandbox.standin.filters import equal, within
from sandbox.standin.forms import (
    Only,
    Spec,
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
FEEDBACK = (
    "customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex", "too_expensive",
    "unused",
)  # fmt: skip
DETAILS = record({"comment": text, "feedback": choice(*FEEDBACK)})
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
        "payment_method_types": list_of(Only("card")),
    }
)
PRORATION_BEHAVIOR = choice("always_invoice", "create_prorations", "none")
_FIRST_PAYMENT = ("allow_incomplete", "default_incomplete", "error_if_incomplete")
PAYMENT_BEHAVIOR = choice(*_FIRST_PAYMENT, "pending_if_incomplete")
_SHARED: Spec = {
    "cancel_at": CANCEL_AT,
    "cancel_at_period_end": boolean,
    "collection_method": Only("charge_automatically"),
    "default_payment_method": text,
    "description": text,
    "discounts": DISCOUNTS,
    "metadata": metadata,
    "off_session": boolean,
    "payment_settings": _PAYMENT_SETTINGS,
    "proration_behavior": PRORATION_BEHAVIOR,
    "trial_end": TRIAL_END,
    "trial_settings": TRIAL_SETTINGS,
}
_CREATE: Spec = {
    **_SHARED,
    "billing_cycle_anchor": instant,
    "billing_mode": record({"type": choice("classic", "flexible")}),
    "currency": text,
    "customer": text,
    "items": list_of(record({"price": text, "quantity": item_count, "metadata": metadata})),
    "payment_behavior": choice(*_FIRST_PAYMENT),
    "trial_period_days": days,
}


@route("POST", "/v1/subscriptions", _CREATE, required=("customer", "items"))
def create(account: Account, params: Params) -> Json:
    customer = live_customer(account, params["customer"])
    items = [_sold(account, each, f"items[{index}][price]") for index, each in enumerate(params["items"])]
    if len({_rhythm(price) for price, _, _ in items}) > 1:
        raise InvalidRequest("All items must have the same currency and interval.", param="items")
    if (params.get("currency") or items[0][0]["currency"]).lower() != items[0][0]["currency"]:
        raise InvalidRequest("The prices are in another currency.", param="currency")
    own_method(account, customer["id"], params.get("default_payment_method"))
    order = starting.Order(
        customer=customer,
        items=items,
        trial_end=_trial_end(account.now_for(customer), params),
        anchor=params.get("billing_cycle_anchor"),
        is_prorated=params.get("proration_behavior") != "none",
        facts=_facts(params),
        discounts=params.get("discounts") or (),
        payment_behavior=params.get("payment_behavior") or "allow_incomplete",
        presence=Presence(off_session=bool(params.get("off_session"))),
    )
    subscription = starting.start(account, order)
    changing.apply_cancellation(account, subscription, params)
    return subscription


def own_method(account: Account, customer_id: str, identifier: str | None) -> str | None:
    """Return a default payment method that was sent, if any; raise NotFound for one that is not the customer's."""
    if identifier and (account.store.get("payment_method", identifier) or {}).get("customer") != customer_id:
        raise NotFound("payment_method", identifier, param="default_payment_method")
    return identifier


def _sold(account: Account, sent: Params, param: str) -> tuple[Json, int, Json]:
    price = recurring_price(account, sent.get("price"), param)
    return price, sent.get("quantity") or 1, merged_metadata({}, sent.get("metadata"))


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
    names = ("default_payment_method", "description", "trial_settings")
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
_LIST: Spec = {
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


def writable(account: Account, subscription_id: str) -> Json:
    """Return a subscription whose clock stands still; raise NotFound or InvalidRequest."""
    subscription = account.find("subscription", subscription_id)
    account.writable(subscription["test_clock"])
    return subscription


ITEM_CHANGES = list_of(
    record({"deleted": boolean, "id": text, "metadata": metadata, "price": text, "quantity": item_count})
)
_PAUSE = record(
    {"behavior": choice("keep_as_draft", "mark_uncollectible", "void"), "resumes_at": instant}, required=("behavior",)
)
ANCHOR = record({"type": choice("now", "unchanged")}, required=("type",))
_UPDATE: Spec = {
    **_SHARED,
    "billing_cycle_anchor": ANCHOR,
    "cancellation_details": DETAILS,
    "items": ITEM_CHANGES,
    "pause_collection": _PAUSE,
    "payment_behavior": PAYMENT_BEHAVIOR,
    "proration_date": instant,
}


@route("POST", "/v1/subscriptions/<subscription_id>", _UPDATE)
def update(account: Account, params: Params, subscription_id: str) -> Json:
    subscription = writable(account, subscription_id)
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
    subscription = writable(account, subscription_id)
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise NotFound("subscription", subscription_id)
    subscription["cancellation_details"].update(params.get("cancellation_details") or {})
    subscription["canceled_at"] = None
    asked = {name: bool(params.get(name)) for name in ("prorate", "invoice_now")}
    ending.cancel(account, subscription, **asked)
    return subscription


@route("DELETE", "/v1/subscriptions/<subscription_id>/discount")
def delete_discount(account: Account, _params: Params, subscription_id: str) -> Json:
    """Take every discount off a subscription."""
    subscription = writable(account, subscription_id)
    if not subscription["discounts"]:
        raise NotFound("discount", subscription_id)
    removed = account.find("discount", subscription["discounts"][0])
    discounting.redeem(account, subscription, [])
    return {**removed, "deleted": True}
