"""/v1/coupons"""

from __future__ import annotations

import re

from sandbox.standin.account import Account
from sandbox.standin.billing.discounting import is_valid
from sandbox.standin.errors import InvalidRequest, missing_parameter
from sandbox.standin.filters import within
from sandbox.standin.forms import Raw, choice, instant, merged_metadata, metadata, number, text, time_range
from sandbox.standin.ids import letters
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.shapes import discounts as shapes
from sandbox.standin.shapes.people import deleted
from sandbox.standin.store import Json, rendered


def _percent(value: Raw, path: str) -> float | None:
    if value == "":
        return None
    if not isinstance(value, str) or re.fullmatch(r"\d{1,3}(\.\d{1,4})?", value) is None or not 0 < float(value) <= 100:
        raise InvalidRequest(f"Invalid {path}: must be above 0 and at most 100.", param=path)
    return float(value)


_CREATE = {
    "amount_off": number(1, 99_999_999),
    "currency": text,
    "duration": choice("forever", "once", "repeating"),
    "duration_in_months": number(1, 1_200),
    "id": text,
    "max_redemptions": number(1, 1_000_000),
    "metadata": metadata,
    "name": text,
    "percent_off": _percent,
    "redeem_by": instant,
}


@route("POST", "/v1/coupons", _CREATE)
def create(account: Account, params: Params) -> Json:
    params["duration"] = params.get("duration") or "once"
    _check(params)
    identifier = params.pop("id", None) or letters(8)
    if account.store.get("coupon", identifier) is not None:
        raise InvalidRequest("Coupon already exists.", code="resource_already_exists", param="id")
    params["metadata"] = merged_metadata({}, params.get("metadata"))
    made = account.add(shapes.coupon(identifier, account.wall_now(), params))
    account.emit("coupon.created", made)
    return made


def _check(params: Params) -> None:
    if (params.get("percent_off") is None) == (params.get("amount_off") is None):
        raise InvalidRequest("You must set exactly one of percent_off and amount_off.", param="percent_off")
    if params.get("amount_off") is not None and not params.get("currency"):
        raise missing_parameter("currency")
    if (params["duration"] == "repeating") != (params.get("duration_in_months") is not None):
        raise InvalidRequest("duration_in_months goes with the duration repeating.", param="duration_in_months")


@listing("/v1/coupons", {"created": time_range})
def index(account: Account, params: Params) -> list[Json]:
    return [_today(account, each) for each in within(account.store.all("coupon"), params, created="created")]


@route("GET", "/v1/coupons/<coupon_id>")
def retrieve(account: Account, _params: Params, coupon_id: str) -> Json:
    return _today(account, account.find("coupon", coupon_id))


def _today(account: Account, coupon: Json) -> Json:
    return {**coupon, "valid": is_valid(account, coupon)}


@route("POST", "/v1/coupons/<coupon_id>", {"metadata": metadata, "name": text})
def update(account: Account, params: Params, coupon_id: str) -> Json:
    """By design nothing else of a coupon can be changed."""
    coupon = account.find("coupon", coupon_id)
    before = rendered(coupon)
    params["metadata"] = merged_metadata(coupon["metadata"], params.get("metadata"))
    coupon.update(params)
    account.emit_update("coupon.updated", coupon, before)
    return _today(account, coupon)


@route("DELETE", "/v1/coupons/<coupon_id>")
def delete(account: Account, _params: Params, coupon_id: str) -> Json:
    """Delete a coupon, so that nobody can redeem it any more; who has it keeps it, as at Stripe."""
    coupon = account.find("coupon", coupon_id)
    coupon["max_redemptions"] = coupon["times_redeemed"]
    account.emit("coupon.deleted", coupon)
    return deleted(coupon)
