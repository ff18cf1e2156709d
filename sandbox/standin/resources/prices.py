"""/v1/prices"""

from __future__ import annotations

import re

from sandbox.standin.account import Account
from sandbox.standin.errors import InvalidRequest, NotFound
from sandbox.standin.filters import equal, within
from sandbox.standin.forms import (
    Only,
    Spec,
    boolean,
    choice,
    days,
    list_of,
    merged_metadata,
    metadata,
    number,
    record,
    text,
    time_range,
)
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.shapes import catalog
from sandbox.standin.store import Json, rendered

_RECURRING = record(
    {
        "interval": choice("day", "week", "month", "year"),
        "interval_count": number(1, 156),
        "usage_type": Only("licensed"),
        "trial_period_days": days,
    },
    required=("interval",),
)
_PRODUCT_DATA = record({"name": text, "metadata": metadata, "active": boolean}, required=("name",))
_CREATE: Spec = {
    "active": boolean,
    "billing_scheme": Only("per_unit"),
    "currency": text,
    "lookup_key": text,
    "metadata": metadata,
    "nickname": text,
    "product": text,
    "product_data": _PRODUCT_DATA,
    "recurring": _RECURRING,
    "tax_behavior": choice("exclusive", "inclusive", "unspecified"),
    "transfer_lookup_key": boolean,
    "unit_amount": number(0, 99_999_999),
    "unit_amount_decimal": text,
}


DEFAULT_PRICE = record(
    {name: _CREATE[name] for name in ("currency", "metadata", "recurring", "tax_behavior", "unit_amount")},
    required=("currency",),
)
"""The price that a product is created with."""


@route("POST", "/v1/prices", _CREATE, required=("currency",))
def create(account: Account, params: Params) -> Json:
    return create_price(account, params)


def create_price(account: Account, params: Params) -> Json:
    """Create a price; raise InvalidRequest for one that cannot be."""
    now = account.wall_now()
    product = _product(account, params)
    transfer = params.pop("transfer_lookup_key", False)
    _claim_lookup_key(account, params.get("lookup_key"), transfer=transfer)
    amount = _amount(params)
    if params.get("recurring"):
        params["recurring"] = catalog.recurring(params["recurring"])
    params.update(
        product=product["id"],
        currency=str(params["currency"]).lower(),
        metadata=merged_metadata({}, params.get("metadata")),
        type="recurring" if params.get("recurring") else "one_time",
        unit_amount=amount,
        unit_amount_decimal=str(amount),
    )
    price = account.add(catalog.price(account.new_id("price"), now, params))
    account.emit("price.created", price)
    return price


def _amount(params: Params) -> int:
    amount: int | None = params.get("unit_amount")
    decimal: str = params.get("unit_amount_decimal") or ""
    if amount is None and re.fullmatch(r"\d{1,8}", decimal) is None:
        raise InvalidRequest("Send unit_amount: whole minor units.", code="parameter_missing", param="unit_amount")
    return int(decimal) if amount is None else amount


def _product(account: Account, params: Params) -> Json:
    data, identifier = params.pop("product_data", None), params.get("product")
    if (data is None) == (identifier is None):
        raise InvalidRequest("Send exactly one of product and product_data.", code="parameter_missing", param="product")
    if identifier is not None:
        return account.find("product", identifier, param="product")
    data["metadata"] = merged_metadata({}, data.get("metadata"))
    made = account.add(catalog.product(account.new_id("product"), account.wall_now(), data))
    account.emit("product.created", made)
    return made


def _claim_lookup_key(account: Account, key: str | None, *, transfer: bool) -> None:
    holder = next((each for each in account.store.all("price") if key and each["lookup_key"] == key), None)
    if holder is None:
        return
    if not transfer:
        raise InvalidRequest(
            f"A price (`{holder['id']}`) already uses that lookup key. To move it, set `transfer_lookup_key=true`.",
            param="lookup_key",
        )
    old = account.find("price", holder["id"])
    before = rendered(old)
    old["lookup_key"] = None
    account.emit_update("price.updated", old, before)


_LIST: Spec = {
    "active": boolean,
    "created": time_range,
    "currency": text,
    "lookup_keys": list_of(text),
    "product": text,
    "recurring": record({"interval": choice("day", "week", "month", "year"), "usage_type": Only("licensed")}),
    "type": choice("one_time", "recurring"),
}


@listing("/v1/prices", _LIST)
def index(account: Account, params: Params) -> list[Json]:
    found = equal(
        account.store.all("price"), params, active="active", currency="currency", product="product", type="type"
    )
    found = equal(found, params.get("recurring") or {}, interval=lambda each: (each["recurring"] or {}).get("interval"))
    if "lookup_keys" in params:
        found = [each for each in found if each["lookup_key"] in params["lookup_keys"]]
    return within(found, params, created="created")


@route("GET", "/v1/prices/<price_id>")
def retrieve(account: Account, _params: Params, price_id: str) -> Json:
    return account.find("price", price_id)


_UPDATE: Spec = {
    name: _CREATE[name]
    for name in ("active", "lookup_key", "metadata", "nickname", "tax_behavior", "transfer_lookup_key")
}


@route("POST", "/v1/prices/<price_id>", _UPDATE)
def update(account: Account, params: Params, price_id: str) -> Json:
    price = account.find("price", price_id)
    transfer = params.pop("transfer_lookup_key", False)
    if params.get("lookup_key") not in (None, price["lookup_key"]):
        _claim_lookup_key(account, params["lookup_key"], transfer=transfer)
    before = rendered(price)
    params["metadata"] = merged_metadata(price["metadata"], params.get("metadata"))
    price.update(params)
    account.emit_update("price.updated", price, before)
    return price


def recurring_price(account: Account, identifier: str | None, param: str) -> Json:
    """Return an active recurring price; raise InvalidRequest for anything else."""
    price = account.store.get("price", identifier or "")
    if price is None:
        raise NotFound("price", identifier or "", param=param)
    if price["type"] != "recurring":
        raise InvalidRequest("The price specified is a one-time price; the stand-in sells subscriptions.", param=param)
    if not price["active"]:
        raise InvalidRequest("The price specified is inactive. This field only accepts active prices.", param=param)
    return price
