"""/v1/products"""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.forms import (
    boolean,
    choice,
    in_range,
    list_of,
    merged_metadata,
    metadata,
    record,
    text,
    time_range,
)
from sandbox.standin.resources.prices import DEFAULT_PRICE, create_price
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.shapes import catalog
from sandbox.standin.shapes.people import deleted
from sandbox.standin.store import Json, rendered

_FIELDS = {
    "active": boolean,
    "description": text,
    "images": list_of(text),
    "marketing_features": list_of(record({"name": text})),
    "metadata": metadata,
    "name": text,
    "shippable": boolean,
    "statement_descriptor": text,
    "tax_code": text,
    "unit_label": text,
    "url": text,
}
_CREATE = {**_FIELDS, "id": text, "type": choice("service", "good"), "default_price_data": DEFAULT_PRICE}


@route("POST", "/v1/products", _CREATE, required=("name",))
def create(account: Account, params: Params) -> Json:
    identifier = params.pop("id", None) or account.new_id("product")
    if account.store.get("product", identifier):
        raise InvalidRequest(f"Product already exists: {identifier}", code="resource_already_exists", param="id")
    price_data = params.pop("default_price_data", None)
    params["metadata"] = merged_metadata({}, params.get("metadata"))
    product = account.add(catalog.product(identifier, account.wall_now(), params))
    if price_data:
        product["default_price"] = create_price(account, {**price_data, "product": identifier})["id"]
    account.emit("product.created", product)
    return product


@listing("/v1/products", {"active": boolean, "ids": list_of(text), "created": time_range, "url": text})
def index(account: Account, params: Params) -> list[Json]:
    return [
        each
        for each in account.store.all("product")
        if params.get("active") in (None, each["active"])
        and ("ids" not in params or each["id"] in params["ids"])
        and params.get("url") in (None, each["url"])
        and in_range(each["created"], params.get("created"))
    ]


@route("GET", "/v1/products/<product_id>")
def retrieve(account: Account, _params: Params, product_id: str) -> Json:
    return account.find("product", product_id)


@route("POST", "/v1/products/<product_id>", {**_FIELDS, "default_price": text})
def update(account: Account, params: Params, product_id: str) -> Json:
    product = account.find("product", product_id)
    before = rendered(product)
    params["metadata"] = merged_metadata(product["metadata"], params.get("metadata"))
    if params.get("default_price"):
        account.find("price", params["default_price"], param="default_price")
    product.update(params, updated=account.wall_now())
    account.emit_update("product.updated", product, before)
    return product


@route("DELETE", "/v1/products/<product_id>")
def delete(account: Account, _params: Params, product_id: str) -> Json:
    product = account.find("product", product_id)
    if any(each["product"] == product_id for each in account.store.all("price")):
        raise InvalidRequest("This product cannot be deleted because it has one or more user-created prices.")
    account.store.remove("product", product_id)
    account.emit("product.deleted", product)
    return deleted(product)
