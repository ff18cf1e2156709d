"""/v1/invoiceitems"""

from __future__ import annotations

from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.billing import invoicing, waiting
from sandbox.standin.billing.waiting import KIND
from sandbox.standin.errors import InvalidRequest, NotFound, missing_parameter
from sandbox.standin.filters import equal, off_clocks, within
from sandbox.standin.forms import (
    boolean,
    instant,
    item_count,
    merged_metadata,
    metadata,
    number,
    record,
    text,
    time_range,
)
from sandbox.standin.resources.customers import live_customer
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.shapes import invoice_items as shapes
from sandbox.standin.shapes.people import deleted
from sandbox.standin.store import Json

_UPDATE = {
    "amount": number(-99_999_999, 99_999_999),
    "description": text,
    "discountable": boolean,
    "metadata": metadata,
    "period": record({"start": instant, "end": instant}, required=("start", "end")),
    "pricing": record({"price": text}),
    "quantity": item_count,
}
_CREATE = {**_UPDATE, "currency": text, "customer": text, "invoice": text, "subscription": text}


@route("POST", "/v1/invoiceitems", _CREATE, required=("customer",))
def create(account: Account, params: Params) -> Json:
    """Let a charge or credit wait for the customer's next invoice, or stand on a draft."""
    customer = live_customer(account, params["customer"])
    priced = _priced(account, params, {"quantity": 1})
    facts = {
        **_told(params),
        **priced,
        "currency": _currency(priced.get("currency"), params.get("currency"), customer),
        "customer": customer["id"],
        "parent": _parent(account, customer, params.get("subscription")),
        "test_clock": customer["test_clock"],
    }
    item = account.add(shapes.invoice_item(account.new_id(KIND), account.now_for(customer), facts))
    item["metadata"] = merged_metadata({}, params.get("metadata"))
    if params.get("invoice"):
        _put_on(account, item, params["invoice"])
    account.emit("invoiceitem.created", item)
    return item


def _currency(of_price: str | None, sent: str | None, customer: Json) -> str:
    wanted = sent.lower() if sent else None
    if of_price and wanted not in (None, of_price):
        raise InvalidRequest("The price is in another currency.", param="currency")
    return str(of_price or wanted or customer["currency"] or "usd")


def _told(params: Params) -> Json:
    names = ("description", "discountable", "period")
    return {name: params[name] for name in names if params.get(name) is not None}


def _priced(account: Account, params: Params, before: Json) -> Json:
    """Return amount, quantity and pricing, from a sum or from a one-time price of the catalog."""
    identifier, amount = (params.get("pricing") or {}).get("price"), params.get("amount")
    if identifier is None and amount is None:
        raise missing_parameter("amount")
    if identifier is not None and amount is not None:
        raise InvalidRequest("Send only one of amount and pricing.", param="amount")
    if identifier is None:
        return {"amount": amount, "pricing": shapes.pricing(str(amount), None), **_count(1, params)}
    price = account.find("price", identifier, param="pricing[price]")
    if price["type"] != "one_time":
        raise InvalidRequest("The price specified is set to `type=recurring`.", param="pricing[price]")
    counted = _count(before["quantity"], params)
    facts = {"amount": price["unit_amount"] * counted["quantity"], "currency": price["currency"]}
    return {**facts, "pricing": shapes.pricing(price["unit_amount_decimal"], price), **counted}


def _count(standing: int, params: Params) -> Json:
    quantity = params.get("quantity") or standing
    if params.get("amount") is not None and quantity != 1:
        raise InvalidRequest("An amount is for one of it; send pricing for more.", param="quantity")
    return {"quantity": quantity, "quantity_decimal": str(quantity)}


def _parent(account: Account, customer: Json, subscription_id: str | None) -> Json | None:
    if subscription_id is None:
        return None
    subscription = account.find("subscription", subscription_id, param="subscription")
    if subscription["customer"] != customer["id"]:
        raise NotFound("subscription", subscription_id, param="subscription")
    return shapes.of_subscription(subscription_id, None)


def _put_on(account: Account, item: Json, invoice_id: str) -> None:
    invoice = account.find("invoice", invoice_id, param="invoice")
    if invoice["customer"] != item["customer"]:
        raise NotFound("invoice", invoice_id, param="invoice")
    if invoice["status"] != "draft":
        raise InvalidRequest("Items are added to drafts only.", code="invoice_not_editable", param="invoice")
    if invoice["currency"] != item["currency"]:
        raise InvalidRequest("The invoice is in another currency.", param="currency")
    item["invoice"] = invoice_id
    invoicing.change_lines(
        account, invoice, [*invoice["lines"]["data"], *waiting.lines(account, [item], item["currency"])]
    )


_LIST = {"created": time_range, "customer": text, "invoice": text, "pending": boolean}


@listing("/v1/invoiceitems", _LIST)
def index(account: Account, params: Params) -> list[Json]:
    found = account.store.all(KIND, customer=params.get("customer"))
    found = equal(found, params, invoice="invoice", pending=lambda each: each["invoice"] is None)
    return within(off_clocks(account, found, params, "customer", "invoice"), params, created="date")


@route("GET", "/v1/invoiceitems/<item_id>")
def retrieve(account: Account, _params: Params, item_id: str) -> Json:
    return account.find(KIND, item_id)


def _open(account: Account, item_id: str) -> Json:
    item = account.find(KIND, item_id)
    account.writable(item["test_clock"])
    if not waiting.is_open(account, item):
        raise InvalidRequest("This invoice item is on an invoice that is no draft any more.", param="id")
    return item


@route("POST", "/v1/invoiceitems/<item_id>", _UPDATE)
def update(account: Account, params: Params, item_id: str) -> Json:
    """Change an item that waits or stands on a draft."""
    item = _open(account, item_id)
    if {"amount", "pricing"} & set(params):
        item.update(_priced(account, params, item))
    elif "quantity" in params:
        item.update(_priced(account, {**params, "pricing": _same_price(item)}, item))
    item.update(_told(params))
    item["metadata"] = merged_metadata(item["metadata"], params.get("metadata"))
    if item["invoice"]:
        _refresh(account, item, [item])
    return item


def _same_price(item: Json) -> dict[str, Any]:
    details = item["pricing"]["price_details"]
    if details is None:
        raise InvalidRequest("An amount is for one of it; send pricing for more.", param="quantity")
    return {"price": details["price"]}


def _refresh(account: Account, item: Json, shown: list[Json]) -> None:
    """Bring the draft on which an item stands up to date: with its line as `shown`, or without."""
    invoice = account.find("invoice", item["invoice"])
    others = [line for line in invoice["lines"]["data"] if waiting.item_of(line) != item["id"]]
    invoicing.change_lines(account, invoice, [*others, *waiting.lines(account, shown, invoice["currency"])])


@route("DELETE", "/v1/invoiceitems/<item_id>")
def delete(account: Account, _params: Params, item_id: str) -> Json:
    """Take back an item that waits or stands on a draft."""
    item = _open(account, item_id)
    if item["invoice"]:
        _refresh(account, item, [])
    account.store.remove(KIND, item_id)
    account.emit("invoiceitem.deleted", item)
    return deleted(item)
