"""/v1/setup_intents, /v1/payment_intents, /v1/charges and /v1/invoice_payments, to be read only."""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.forms import choice, in_range, record, text, time_range
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.store import Json

_OF_CUSTOMER = {"customer": text, "created": time_range}


def _list(account: Account, kind: str, params: Params) -> list[Json]:
    """Stripe lists these over the whole account, clock customers left out unless asked for by customer."""
    customer = params.get("customer")
    items = account.store.all(kind, customer=customer)
    return [
        each
        for each in items
        if (customer or not on_clock(account, each["customer"])) and in_range(each["created"], params.get("created"))
    ]


def on_clock(account: Account, customer_id: str | None) -> bool:
    """Tell whether a customer lives on a test clock: account-wide lists leave its objects out."""
    return account.clock_of(customer_id) is not None


def of_charge(account: Account, kind: str, params: Params) -> list[Json]:
    """Return refunds, disputes or warnings, narrowed by `charge`, `payment_intent` and `created`."""
    narrowed = bool(params.get("charge") or params.get("payment_intent"))
    return [
        each
        for each in account.store.all(kind)
        if params.get("charge") in (None, each["charge"])
        and params.get("payment_intent") in (None, each["payment_intent"])
        and in_range(each["created"], params.get("created"))
        and (narrowed or not on_clock(account, each.get("customer") or each["_customer"]))
    ]


@listing("/v1/setup_intents", {**_OF_CUSTOMER, "payment_method": text})
def setup_intents(account: Account, params: Params) -> list[Json]:
    method = params.get("payment_method")
    return [each for each in _list(account, "setup_intent", params) if method in (None, each["payment_method"])]


@route("GET", "/v1/setup_intents/<identifier>")
def setup_intent(account: Account, _params: Params, identifier: str) -> Json:
    return account.find("setup_intent", identifier)


@listing("/v1/payment_intents", _OF_CUSTOMER)
def payment_intents(account: Account, params: Params) -> list[Json]:
    return _list(account, "payment_intent", params)


@route("GET", "/v1/payment_intents/<identifier>")
def payment_intent(account: Account, _params: Params, identifier: str) -> Json:
    return account.find("payment_intent", identifier)


@listing("/v1/charges", {**_OF_CUSTOMER, "payment_intent": text})
def charges(account: Account, params: Params) -> list[Json]:
    intent = params.get("payment_intent")
    if intent:
        return [each for each in account.store.all("charge") if each["payment_intent"] == intent]
    return _list(account, "charge", params)


@route("GET", "/v1/charges/<identifier>")
def charge(account: Account, _params: Params, identifier: str) -> Json:
    return account.find("charge", identifier)


_PAYMENT = record(
    {"type": choice("payment_intent", "charge"), "payment_intent": text, "charge": text}, required=("type",)
)


@listing(
    "/v1/invoice_payments",
    {"invoice": text, "payment": _PAYMENT, "status": choice("open", "paid", "canceled"), "created": time_range},
)
def invoice_payments(account: Account, params: Params) -> list[Json]:
    payment = params.get("payment") or {}
    narrowed = bool(params.get("invoice") or payment.get("payment_intent"))
    return [
        each
        for each in account.store.all("invoice_payment")
        if params.get("invoice") in (None, each["invoice"])
        and payment.get("payment_intent") in (None, each["payment"]["payment_intent"])
        and not payment.get("charge")
        and params.get("status") in (None, each["status"])
        and in_range(each["created"], params.get("created"))
        and (narrowed or not on_clock(account, each["_customer"]))
    ]


@route("GET", "/v1/invoice_payments/<identifier>")
def invoice_payment(account: Account, _params: Params, identifier: str) -> Json:
    return account.find("invoice_payment", identifier)
