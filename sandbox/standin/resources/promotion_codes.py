"""/v1/promotion_codes"""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.filters import equal, within
from sandbox.standin.forms import (
    boolean,
    choice,
    instant,
    merged_metadata,
    metadata,
    number,
    record,
    text,
    time_range,
)
from sandbox.standin.ids import letters
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.shapes import discounts as shapes
from sandbox.standin.store import Json, rendered

_CREATE = {
    "active": boolean,
    "code": text,
    "customer": text,
    "expires_at": instant,
    "max_redemptions": number(1, 1_000_000),
    "metadata": metadata,
    "promotion": record({"coupon": text, "type": choice("coupon")}, required=("type", "coupon")),
}


@route("POST", "/v1/promotion_codes", _CREATE, required=("promotion",))
def create(account: Account, params: Params) -> Json:
    account.find("coupon", params["promotion"]["coupon"], param="promotion[coupon]")
    if params.get("customer"):
        account.find("customer", params["customer"], param="customer")
    params["code"] = params.get("code") or letters(8).upper()
    if by_code(account, params["code"]) is not None:
        raise InvalidRequest("An active promotion code with this code already exists.", param="code")
    params["metadata"] = merged_metadata({}, params.get("metadata"))
    made = account.add(shapes.promotion_code(account.new_id("promotion_code"), account.wall_now(), params))
    account.emit("promotion_code.created", made, now=account.wall_now())
    return made


def by_code(account: Account, code: str) -> Json | None:
    """Return the active promotion code that a person wrote so, in capitals or not."""
    wanted = code.strip().casefold()
    active = (each for each in account.store.all("promotion_code") if each["active"])
    return next((each for each in active if each["code"].casefold() == wanted), None)


_LIST = {"active": boolean, "code": text, "coupon": text, "created": time_range, "customer": text}


@listing("/v1/promotion_codes", _LIST)
def index(account: Account, params: Params) -> list[Json]:
    found = equal(
        account.store.all("promotion_code", customer=params.get("customer")),
        {**params, "code": (params.get("code") or "").casefold() or None},
        active="active",
        code=lambda each: each["code"].casefold(),
        coupon=lambda each: each["promotion"]["coupon"],
    )
    return within(found, params, created="created")


@route("GET", "/v1/promotion_codes/<code_id>")
def retrieve(account: Account, _params: Params, code_id: str) -> Json:
    return account.find("promotion_code", code_id)


@route("POST", "/v1/promotion_codes/<code_id>", {"active": boolean, "metadata": metadata})
def update(account: Account, params: Params, code_id: str) -> Json:
    code = account.find("promotion_code", code_id)
    before = rendered(code)
    params["metadata"] = merged_metadata(code["metadata"], params.get("metadata"))
    code.update(params)
    account.emit_update("promotion_code.updated", code, before)
    return code
