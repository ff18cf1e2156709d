"""/v1/test_helpers/test_clocks"""

from __future__ import annotations

from sandbox.standin import clocks
from sandbox.standin.account import Account
from sandbox.standin.forms import instant, text
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.shapes import system
from sandbox.standin.shapes.people import deleted
from sandbox.standin.store import Json

_OF_CUSTOMER = (
    "subscription",
    "invoice",
    "invoiceitem",
    "payment_method",
    "setup_intent",
    "payment_intent",
    "charge",
    "refund",
    "checkout.session",
    "discount",
    "customer_balance_transaction",
)
_OF_CUSTOMER_UNNAMED = ("invoice_payment", "dispute", "radar.early_fraud_warning")
"""Kinds that at Stripe do not say whose they are."""


@route("POST", "/v1/test_helpers/test_clocks", {"frozen_time": instant, "name": text}, required=("frozen_time",))
def create(account: Account, params: Params) -> Json:
    return make_clock(account, params["frozen_time"], params.get("name"))


def make_clock(account: Account, frozen_time: int, name: str | None) -> Json:
    """Create a clock that stands at `frozen_time`."""
    clock = system.test_clock(account.new_id(clocks.CLOCK), account.wall_now(), frozen_time, name)
    account.add(clock)
    account.emit("test_helpers.test_clock.created", clock, now=frozen_time)
    return clock


@listing("/v1/test_helpers/test_clocks")
def index(account: Account, _params: Params) -> list[Json]:
    return account.store.all(clocks.CLOCK)


@route("GET", "/v1/test_helpers/test_clocks/<clock_id>")
def retrieve(account: Account, _params: Params, clock_id: str) -> Json:
    return account.find(clocks.CLOCK, clock_id)


@route("POST", "/v1/test_helpers/test_clocks/<clock_id>/advance", {"frozen_time": instant}, required=("frozen_time",))
def advance(account: Account, params: Params, clock_id: str) -> Json:
    clock = account.find(clocks.CLOCK, clock_id)
    clocks.begin_advance(account, clock, params["frozen_time"])
    return clock


@route("DELETE", "/v1/test_helpers/test_clocks/<clock_id>")
def delete(account: Account, _params: Params, clock_id: str) -> Json:
    """Delete a clock and, as at Stripe, every customer on it with all they own."""
    clock = account.find(clocks.CLOCK, clock_id)
    account.writable(clock_id)
    for customer in account.store.all("customer"):
        if account.clock_of(customer["id"]) == clock_id:
            _remove(account, customer["id"])
    account.store.remove(clocks.CLOCK, clock_id)
    account.emit("test_helpers.test_clock.deleted", clock, now=clock["frozen_time"])
    return deleted(clock)


def _remove(account: Account, customer_id: str) -> None:
    owned = [each for kind in _OF_CUSTOMER for each in account.store.all(kind, customer=customer_id)]
    owned += [
        each for kind in _OF_CUSTOMER_UNNAMED for each in account.store.all(kind) if each["_customer"] == customer_id
    ]
    for each in owned:
        account.store.remove(each["object"], each["id"])
    account.store.remove("customer", customer_id)
