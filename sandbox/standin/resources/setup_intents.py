"""/v1/setup_intents: a card is saved for later, once the client has confirmed it."""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing import setting_up
from sandbox.standin.errors import CardError, InvalidRequest, missing_parameter
from sandbox.standin.filters import equal
from sandbox.standin.forms import Only, Spec, boolean, list_of, merged_metadata, metadata, text, time_range
from sandbox.standin.resources.customers import live_customer
from sandbox.standin.resources.payment_methods import attach_to, known_or_made
from sandbox.standin.resources.payments import of_customer
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.store import Json

_CREATE: Spec = {
    "confirm": boolean,
    "customer": text,
    "description": text,
    "metadata": metadata,
    "payment_method": text,
    "payment_method_types": list_of(Only("card")),
    "usage": Only("off_session"),
}


@route("POST", "/v1/setup_intents", _CREATE, required=("customer",))
def create(account: Account, params: Params) -> Json:
    """Begin to save a card; `confirm` does it at once."""
    customer = live_customer(account, params["customer"])
    facts = {
        "description": params.get("description"),
        "metadata": merged_metadata({}, params.get("metadata")),
        "payment_method_types": params.get("payment_method_types") or ["card"],
    }
    intent = setting_up.begin(account, customer, facts)
    if params.get("payment_method"):
        intent.update(payment_method=known_or_made(account, customer, params["payment_method"])["id"])
        intent["status"] = "requires_confirmation"
    return _confirmed(account, intent, None) if params.get("confirm") else intent


@listing("/v1/setup_intents", {"customer": text, "created": time_range, "payment_method": text})
def index(account: Account, params: Params) -> list[Json]:
    return equal(of_customer(account, "setup_intent", params), params, payment_method="payment_method")


@route("GET", "/v1/setup_intents/<identifier>")
def retrieve(account: Account, _params: Params, identifier: str) -> Json:
    return account.find("setup_intent", identifier)


@route("POST", "/v1/setup_intents/<identifier>/confirm", {"payment_method": text})
def confirm(account: Account, params: Params, identifier: str) -> Json:
    """Save the card, as a reader's browser does; one whose bank wants to see its holder leaves it `requires_action`."""
    return _confirmed(account, account.find("setup_intent", identifier), params.get("payment_method"))


def _confirmed(account: Account, intent: Json, method_id: str | None) -> Json:
    if intent["status"] in ("succeeded", "canceled"):
        raise InvalidRequest(
            f"You cannot confirm this SetupIntent because it has a status of {intent['status']}.",
            code="setup_intent_unexpected_state",
        )
    method_id = method_id or intent["payment_method"]
    if method_id is None:
        raise missing_parameter("payment_method")
    customer = live_customer(account, intent["customer"])
    method = known_or_made(account, customer, method_id)
    failure = setting_up.confirm(account, intent, method)
    if failure is not None:
        # Raising would undo what the intent now says of the attempt.
        return {"_error": CardError(failure[2], code=failure[0], decline_code=failure[1])}
    if intent["status"] == "succeeded":
        attach_to(account, customer, method["id"])
        setting_up.done(account, intent)
    return intent


@route("POST", "/v1/setup_intents/<identifier>/cancel")
def cancel(account: Account, _params: Params, identifier: str) -> Json:
    """Give up saving a card."""
    intent = account.find("setup_intent", identifier)
    if intent["status"] in ("succeeded", "canceled"):
        raise InvalidRequest(
            f"You cannot cancel this SetupIntent because it has a status of {intent['status']}.",
            code="setup_intent_unexpected_state",
        )
    intent["status"] = "canceled"
    account.emit("setup_intent.canceled", intent)
    return intent
