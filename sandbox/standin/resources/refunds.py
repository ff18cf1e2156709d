"""/v1/refunds, and a charge's own list of them."""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing import refunding
from sandbox.standin.errors import InvalidRequest, missing_parameter
from sandbox.standin.forms import choice, merged_metadata, metadata, number, text, time_range
from sandbox.standin.resources.payments import of_charge
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.store import Json, rendered

_CREATE = {
    "amount": number(1, 99_999_999),
    "charge": text,
    "metadata": metadata,
    "payment_intent": text,
    "reason": choice("duplicate", "fraudulent", "requested_by_customer"),
}


@route("POST", "/v1/refunds", _CREATE)
def create(account: Account, params: Params) -> Json:
    charge = _charge(account, params)
    account.writable(account.clock_of(charge["customer"]))
    facts = {name: params[name] for name in ("amount", "reason") if params.get(name) is not None}
    return refunding.refund(account, charge, {**facts, "metadata": merged_metadata({}, params.get("metadata"))})


def _charge(account: Account, params: Params) -> Json:
    """Return the charge that is named, or the one that paid the named payment intent."""
    if params.get("charge"):
        return account.find("charge", params["charge"], param="charge")
    if not params.get("payment_intent"):
        raise missing_parameter("charge")
    intent = account.find("payment_intent", params["payment_intent"], param="payment_intent")
    if intent["status"] != "succeeded":
        raise InvalidRequest(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.", param="payment_intent"
        )
    return account.find("charge", intent["latest_charge"])


@listing("/v1/refunds", {"charge": text, "created": time_range, "payment_intent": text})
def index(account: Account, params: Params) -> list[Json]:
    return of_charge(account, "refund", params)


@listing("/v1/charges/<charge_id>/refunds")
def of_one_charge(account: Account, _params: Params, charge_id: str) -> list[Json]:
    account.find("charge", charge_id)
    return of_charge(account, "refund", {"charge": charge_id})


@route("GET", "/v1/refunds/<refund_id>")
def retrieve(account: Account, _params: Params, refund_id: str) -> Json:
    return account.find("refund", refund_id)


@route("POST", "/v1/refunds/<refund_id>", {"metadata": metadata})
def update(account: Account, params: Params, refund_id: str) -> Json:
    refund = account.find("refund", refund_id)
    before = rendered(refund)
    refund["metadata"] = merged_metadata(refund["metadata"], params.get("metadata"))
    refunding.changed(account, refund, before)
    return refund


@route("POST", "/v1/refunds/<refund_id>/cancel")
def cancel(account: Account, _params: Params, refund_id: str) -> Json:
    """Only a refund that waits for its receiver can be canceled, as at Stripe."""
    refund = account.find("refund", refund_id)
    if refund["status"] != "requires_action":
        raise InvalidRequest(
            f"You can only cancel a refund with status requires_action. This one is {refund['status']}."
        )
    refunding.move(account, refund, "canceled")
    return refund
