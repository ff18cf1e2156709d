"""/v1/customers/{id}/balance_transactions"""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing import balances
from sandbox.standin.errors import InvalidRequest, NotFound
from sandbox.standin.filters import equal, within
from sandbox.standin.forms import merged_metadata, metadata, number, text, time_range
from sandbox.standin.resources.customers import live_customer
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.store import Json, rendered

_PATH = "/v1/customers/<customer_id>/balance_transactions"
_CREATE = {"amount": number(-99_999_999, 99_999_999), "currency": text, "description": text, "metadata": metadata}


@route("POST", _PATH, _CREATE, required=("amount", "currency"))
def create(account: Account, params: Params, customer_id: str) -> Json:
    """Adjust a balance: a negative amount is credit for the customer."""
    customer = live_customer(account, customer_id, param="id")
    before = rendered(customer)
    customer["currency"] = customer["currency"] or str(params["currency"]).lower()
    facts = {"description": params.get("description"), "metadata": merged_metadata({}, params.get("metadata"))}
    made = balances.move(account, customer, params["amount"], "adjustment", **facts)
    if made is None:
        raise InvalidRequest("The amount must not be zero.", param="amount")
    account.emit_update("customer.updated", customer, before)
    return made


@listing(_PATH, {"created": time_range, "invoice": text})
def index(account: Account, params: Params, customer_id: str) -> list[Json]:
    account.find("customer", customer_id)
    found = equal(account.store.all(balances.KIND, customer=customer_id), params, invoice="invoice")
    return within(found, params, created="created")


@route("GET", f"{_PATH}/<transaction_id>")
def retrieve(account: Account, _params: Params, customer_id: str, transaction_id: str) -> Json:
    found = account.find(balances.KIND, transaction_id)
    if found["customer"] != customer_id:
        raise NotFound(balances.KIND, transaction_id)
    return found
