"""/v1/payment_intents (also confirmed), /v1/charges and /v1/invoice_payments."""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing import cardholders, collecting
from sandbox.standin.errors import CardError, InvalidRequest, missing_parameter
from sandbox.standin.filters import equal, off_clocks, within
from sandbox.standin.forms import Only, Spec, boolean, choice, record, text, time_range
from sandbox.standin.resources.invoices import pay_now
from sandbox.standin.resources.payment_methods import attach_to
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.store import Json

_OF_CUSTOMER = {"customer": text, "created": time_range}


def of_customer(account: Account, kind: str, params: Params) -> list[Json]:
    """Return objects narrowed by `customer` and `created`."""
    found = off_clocks(account, account.store.all(kind, customer=params.get("customer")), params, "customer")
    return within(found, params, created="created")


def of_charge(account: Account, kind: str, params: Params) -> list[Json]:
    """Return refunds, disputes or warnings, narrowed by `charge`, `payment_intent` and `created`."""
    found = equal(account.store.all(kind), params, charge="charge", payment_intent="payment_intent")
    return within(off_clocks(account, found, params, "charge", "payment_intent"), params, created="created")


@listing("/v1/payment_intents", _OF_CUSTOMER)
def payment_intents(account: Account, params: Params) -> list[Json]:
    return of_customer(account, "payment_intent", params)


@route("GET", "/v1/payment_intents/<identifier>")
def payment_intent(account: Account, _params: Params, identifier: str) -> Json:
    return account.find("payment_intent", identifier)


_CONFIRM: Spec = {"off_session": boolean, "payment_method": text, "setup_future_usage": Only("off_session")}


@route("POST", "/v1/payment_intents/<identifier>/confirm", _CONFIRM)
def confirm(account: Account, params: Params, identifier: str) -> Json:
    """Pay the invoice that this intent is for, as a reader's browser does.

    A card whose bank wants to see its holder leaves it `requires_action`; a declined one is a 402, and kept as a try.
    """
    intent = account.find("payment_intent", identifier)
    invoice = _invoice_of(account, intent)
    account.writable(invoice["test_clock"])
    method = _method(account, intent, params.get("payment_method"))
    if cardholders.asks_for_cardholder(method) and not params.get("off_session"):
        collecting.await_cardholder(account, invoice, method)
        return intent
    failure = pay_now(account, invoice, method["id"])
    if failure is None:
        return intent
    return {"_error": CardError(failure[2], code=failure[0], decline_code=failure[1])}


def _invoice_of(account: Account, intent: Json) -> Json:
    paying = [
        each for each in account.store.all("invoice_payment") if each["payment"]["payment_intent"] == intent["id"]
    ]
    if not paying or intent["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
        raise InvalidRequest(
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    return account.find("invoice", paying[-1]["invoice"])


def _method(account: Account, intent: Json, identifier: str | None) -> Json:
    """Return the card to charge, saved with its customer: the one sent, else the one that was used before."""
    identifier = identifier or intent["payment_method"]
    if identifier is None:
        raise missing_parameter("payment_method")
    return attach_to(account, account.find("customer", intent["customer"]), identifier)


@listing("/v1/charges", {**_OF_CUSTOMER, "payment_intent": text})
def charges(account: Account, params: Params) -> list[Json]:
    intent = params.get("payment_intent")
    if intent:
        return [each for each in account.store.all("charge") if each["payment_intent"] == intent]
    return of_customer(account, "charge", params)


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
    found = equal(account.store.all("invoice_payment"), params, invoice="invoice", status="status")
    found = equal(found, payment, payment_intent=lambda each: each["payment"]["payment_intent"], charge=lambda _: None)
    found = off_clocks(account, found, {**params, **payment}, "invoice", "payment_intent")
    return within(found, params, created="created")


@route("GET", "/v1/invoice_payments/<identifier>")
def invoice_payment(account: Account, _params: Params, identifier: str) -> Json:
    return account.find("invoice_payment", identifier)
