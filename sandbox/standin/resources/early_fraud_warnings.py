"""/v1/radar/early_fraud_warnings, to be read only."""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing.warning import KIND
from sandbox.standin.forms import text, time_range
from sandbox.standin.resources.payments import of_charge
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.store import Json


@listing("/v1/radar/early_fraud_warnings", {"charge": text, "created": time_range, "payment_intent": text})
def index(account: Account, params: Params) -> list[Json]:
    return of_charge(account, KIND, params)


@route("GET", "/v1/radar/early_fraud_warnings/<warning_id>")
def retrieve(account: Account, _params: Params, warning_id: str) -> Json:
    return account.find(KIND, warning_id)
