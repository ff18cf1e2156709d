"""/v1/payment_methods and /v1/customers/{id}/payment_methods: cards, made from Stripe's public test numbers."""

from __future__ import annotations

import re

from sandbox.standin.account import Account
from sandbox.standin.billing import cardholders
from sandbox.standin.cards import TestCard, by_number, by_token
from sandbox.standin.errors import CardError, InvalidRequest, NotFound
from sandbox.standin.filters import equal
from sandbox.standin.forms import Only, Spec, choice, merged_metadata, metadata, number, record, text
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.shapes import people
from sandbox.standin.store import Json, rendered

TOKEN_EXPIRY = (12, 2034)
_MONTH, _YEAR = number(1, 12), number(2000, 2100)
_CARD = record({"token": text, "number": text, "exp_month": _MONTH, "exp_year": _YEAR, "cvc": text})
_REDISPLAY = choice("always", "limited", "unspecified")
_NARROWED: Spec = {"type": Only("card"), "allow_redisplay": _REDISPLAY}
_EXPIRY = record({"exp_month": _MONTH, "exp_year": _YEAR})
_ADDRESS = record(dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), text))
_DETAILS = record({"address": _ADDRESS, "email": text, "name": text, "phone": text, "tax_id": text})


@route(
    "POST",
    "/v1/payment_methods",
    {"type": Only("card"), "card": _CARD, "billing_details": _DETAILS, "metadata": metadata},
    required=("type", "card"),
)
def create(account: Account, params: Params) -> Json:
    sent = params["card"] or {}
    card = by_token(sent["token"]) if sent.get("token") else by_number(sent.get("number") or "")
    if card is None:
        raise CardError("Your card number is incorrect.", code="incorrect_number", param="card[number]")
    if re.fullmatch(r"\d{3,4}", sent.get("cvc") or "000") is None:
        raise CardError("Your card's security code is invalid.", code="invalid_cvc", param="card[cvc]")
    expiry = (sent.get("exp_month") or TOKEN_EXPIRY[0], sent.get("exp_year") or TOKEN_EXPIRY[1])
    method = make_method(account, account.wall_now(), card, expiry, None)
    method["metadata"] = merged_metadata({}, params.get("metadata"))
    _set_details(method, params.get("billing_details"))
    return method


def _set_details(method: Json, sent: Params | None) -> None:
    details = dict(sent or {})
    details["address"] = {**method["billing_details"]["address"], **(details.get("address") or {})}
    method["billing_details"].update(details)


def make_method(account: Account, now: int, card: TestCard, expiry: tuple[int, int], email: str | None) -> Json:
    """Keep a card that belongs to nobody yet."""
    return account.add(people.payment_method(account.new_id("payment_method"), now, card, expiry, email))


@route("GET", "/v1/payment_methods/<method_id>")
def retrieve(account: Account, _params: Params, method_id: str) -> Json:
    return account.find("payment_method", method_id)


@route(
    "POST",
    "/v1/payment_methods/<method_id>",
    {"billing_details": _DETAILS, "card": _EXPIRY, "metadata": metadata, "allow_redisplay": _REDISPLAY},
)
def update(account: Account, params: Params, method_id: str) -> Json:
    method = account.find("payment_method", method_id)
    if method["customer"] is None:
        raise InvalidRequest("You must save this PaymentMethod to a customer before you can update it.")
    before = rendered(method)
    method["card"].update({name: value for name, value in (params.get("card") or {}).items() if value})
    _set_details(method, params.get("billing_details"))
    method["metadata"] = merged_metadata(method["metadata"], params.get("metadata"))
    method["allow_redisplay"] = params.get("allow_redisplay") or method["allow_redisplay"]
    account.emit_update("payment_method.updated", method, before)
    return method


@route("POST", "/v1/payment_methods/<method_id>/attach", {"customer": text}, required=("customer",))
def attach(account: Account, params: Params, method_id: str) -> Json:
    customer = account.store.get("customer", params["customer"])
    if customer is None or customer.get("deleted"):
        raise NotFound("customer", params["customer"], param="customer")
    return attach_to(account, customer, method_id)


def attach_to(account: Account, customer: Json, method_id: str) -> Json:
    """Give a card to `customer`; `pm_card_…` names make a fresh one. Raises CardError when it cannot be saved."""
    account.writable(customer["test_clock"])
    method = known_or_made(account, customer, method_id)
    if method["customer"] not in (None, customer["id"]):
        raise InvalidRequest("The payment method you provided has already been attached to a customer.")
    if failure := cardholders.setup_failure(method):
        raise CardError(failure[2], code=failure[0], decline_code=failure[1])
    return give(account, customer, method)


def known_or_made(account: Account, customer: Json, method_id: str) -> Json:
    """Return a card by its id, or a fresh one by its `pm_card_…` name; raise NotFound."""
    method = account.store.get("payment_method", method_id)
    if method is not None:
        return method
    card = by_token(method_id)
    if card is None:
        raise NotFound("payment_method", method_id, param="payment_method")
    return make_method(account, account.now_for(customer), card, TOKEN_EXPIRY, None)


def give(account: Account, customer: Json, method: Json) -> Json:
    """Attach a card that may be saved, and tell of it."""
    method["customer"] = customer["id"]
    account.emit("payment_method.attached", method)
    return method


@route("POST", "/v1/payment_methods/<method_id>/detach")
def detach(account: Account, _params: Params, method_id: str) -> Json:
    method = account.find("payment_method", method_id)
    if method["customer"] is None:
        raise InvalidRequest(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    before, now = rendered(method), account.now_for(method)
    customer = account.find("customer", method["customer"])
    method["customer"] = None
    if customer["invoice_settings"]["default_payment_method"] == method_id:
        customer["invoice_settings"]["default_payment_method"] = None
    for each in account.store.all("subscription", customer=customer["id"]):
        if each["default_payment_method"] == method_id:
            account.find("subscription", each["id"])["default_payment_method"] = None
    account.emit("payment_method.detached", method, previous={"customer": before["customer"]}, now=now)
    return method


@listing("/v1/payment_methods", {"customer": text, **_NARROWED})
def index(account: Account, params: Params) -> list[Json]:
    return _cards_of(account, params["customer"], params) if params.get("customer") else []


@listing("/v1/customers/<customer_id>/payment_methods", _NARROWED)
def of_customer(account: Account, params: Params, customer_id: str) -> list[Json]:
    return _cards_of(account, customer_id, params)


@route("GET", "/v1/customers/<customer_id>/payment_methods/<method_id>")
def one_of_customer(account: Account, _params: Params, customer_id: str, method_id: str) -> Json:
    method = account.find("payment_method", method_id)
    if method["customer"] != customer_id:
        raise NotFound("payment_method", method_id)
    return method


def _cards_of(account: Account, customer_id: str, params: Params) -> list[Json]:
    account.find("customer", customer_id, param="customer")
    found = account.store.all("payment_method", customer=customer_id)
    return equal(found, params, allow_redisplay="allow_redisplay")
