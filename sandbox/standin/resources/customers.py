"""/v1/customers"""

from __future__ import annotations

from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.billing import balances, collecting
from sandbox.standin.errors import InvalidRequest, NotFound
from sandbox.standin.filters import equal, within
from sandbox.standin.forms import (
    choice,
    list_of,
    merged_metadata,
    metadata,
    number,
    record,
    text,
    time_range,
)
from sandbox.standin.resources.payment_methods import attach_to
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.shapes import people
from sandbox.standin.shapes.common import empty_address
from sandbox.standin.store import Json, rendered

_ADDRESS = record(dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), text))
_INVOICE_SETTINGS = record(
    {
        "default_payment_method": text,
        "footer": text,
        "custom_fields": list_of(record({"name": text, "value": text}, required=("name", "value"))),
    }
)
_FIELDS = {
    "address": _ADDRESS,
    "balance": number(-99_999_999, 99_999_999),
    "description": text,
    "email": text,
    "invoice_prefix": text,
    "invoice_settings": _INVOICE_SETTINGS,
    "metadata": metadata,
    "name": text,
    "phone": text,
    "preferred_locales": list_of(text),
    "shipping": record({"address": _ADDRESS, "name": text, "phone": text, "carrier": text, "tracking_number": text}),
    "tax_exempt": choice("none", "exempt", "reverse"),
}


@route("POST", "/v1/customers", {**_FIELDS, "payment_method": text, "test_clock": text})
def create(account: Account, params: Params) -> Json:
    clock_id = params.get("test_clock")
    if clock_id:
        account.find("test_helpers.test_clock", clock_id, param="test_clock")
        account.writable(clock_id)
        _check_room(account, clock_id)
    method, settings = params.pop("payment_method", None), params.pop("invoice_settings", None)
    customer = make_customer(account, {**_tidied(params), "metadata": merged_metadata({}, params.get("metadata"))})
    attached = attach_to(account, customer, method) if method else None
    _set_invoice_settings(account, customer, settings, sent=method, attached=attached)
    account.emit("customer.created", customer)
    return customer


def _check_room(account: Account, clock_id: str) -> None:
    most = account.policy.customers_per_clock
    if most is not None and sum(each.get("test_clock") == clock_id for each in account.store.all("customer")) >= most:
        raise InvalidRequest(f"A test clock takes at most {most} customers.", param="test_clock")


def make_customer(account: Account, facts: Json) -> Json:
    """Keep a new customer. Its event is left to the caller."""
    now = account.clock_now(facts.get("test_clock"))
    return account.add(people.customer(account.new_id("customer"), now, facts))


def _tidied(params: Params) -> Params:
    if params.get("address"):
        params["address"] = {**empty_address(), **params["address"]}
    return params


def _set_invoice_settings(
    account: Account, customer: Json, settings: Any, *, sent: str | None = None, attached: Json | None = None
) -> None:
    """`pm_card_…` sent twice in one request is one card: the one just attached."""
    if not settings:
        return
    default = settings.get("default_payment_method")
    if default and attached is not None and default == sent:
        settings["default_payment_method"] = attached["id"]
    elif default:
        method = account.store.get("payment_method", default)
        if method is None or method["customer"] != customer["id"]:
            raise NotFound("payment_method", default, param="invoice_settings[default_payment_method]")
    customer["invoice_settings"].update(settings)


@listing("/v1/customers", {"created": time_range, "email": text, "test_clock": text})
def index(account: Account, params: Params) -> list[Json]:
    living = [each for each in account.store.all("customer") if not each.get("deleted")]
    found = [each for each in living if each["test_clock"] == params.get("test_clock")]
    return within(equal(found, params, email="email"), params, created="created")


@route("GET", "/v1/customers/<customer_id>")
def retrieve(account: Account, _params: Params, customer_id: str) -> Json:
    return account.find("customer", customer_id)


def live_customer(account: Account, identifier: str | None, *, param: str | None = "customer") -> Json:
    """Return a customer that is not deleted and whose clock stands still; raise NotFound or InvalidRequest."""
    customer = account.store.get("customer", identifier or "")
    if customer is None or customer.get("deleted"):
        raise NotFound("customer", identifier or "", param=param)
    account.writable(customer["test_clock"])
    return customer


@route(
    "POST",
    "/v1/customers/<customer_id>",
    {**_FIELDS, "default_source": text, "next_invoice_sequence": number(1, 1_000_000_000)},
)
def update(account: Account, params: Params, customer_id: str) -> Json:
    customer = live_customer(account, customer_id, param="id")
    if params.get("default_source"):
        raise InvalidRequest("The stand-in keeps no sources.", param="default_source")
    before = rendered(customer)
    _set_invoice_settings(account, customer, params.pop("invoice_settings", None))
    params["metadata"] = merged_metadata(customer["metadata"], params.get("metadata"))
    wanted = params.pop("balance", None)
    customer.update(_tidied(params))
    if wanted is not None:
        balances.move(account, customer, wanted - customer["balance"], "adjustment")
    account.emit_update("customer.updated", customer, before)
    return customer


@route("DELETE", "/v1/customers/<customer_id>")
def delete(account: Account, _params: Params, customer_id: str) -> Json:
    """Delete a customer, which ends its subscriptions at once; it can still be retrieved, as a stub."""
    customer = live_customer(account, customer_id, param="id")
    now = account.now_for(customer)
    for each in account.store.all("subscription", customer=customer_id):
        if each["status"] not in ("canceled", "incomplete_expired"):
            collecting.end(account, account.find("subscription", each["id"]), reason="cancellation_requested")
    for each in account.store.all("payment_method", customer=customer_id):
        account.find("payment_method", each["id"])["customer"] = None
    account.emit("customer.deleted", customer, now=now)
    stub = {**people.deleted(customer), "_test_clock": customer["test_clock"]}
    customer.clear()
    customer.update(stub)
    return stub
