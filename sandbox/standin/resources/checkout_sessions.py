"""/v1/checkout/sessions: subscription mode, on a hosted page. A session lives in wall time, as at Stripe."""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing import discounting, life
from sandbox.standin.calendar import DAY_SECONDS
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.filters import equal, off_clocks, within
from sandbox.standin.forms import (
    Only,
    Spec,
    boolean,
    choice,
    days,
    instant,
    item_count,
    list_of,
    merged_metadata,
    metadata,
    record,
    text,
    time_range,
)
from sandbox.standin.resources.customers import live_customer
from sandbox.standin.resources.prices import recurring_price
from sandbox.standin.resources.subscriptions import TRIAL_SETTINGS
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.shapes import hosted
from sandbox.standin.store import Json, rendered

MIN_OPEN_SECONDS = 1_800

_SUBSCRIPTION_DATA = record(
    {
        "billing_mode": record({"type": choice("classic", "flexible")}),
        "description": text,
        "metadata": metadata,
        "trial_end": instant,
        "trial_period_days": days,
        "trial_settings": TRIAL_SETTINGS,
    }
)
_OFF = record({"enabled": Only("false")})
LOCALE = Only("auto", "en")
_ECHOED: Spec = {
    "allow_promotion_codes": boolean,
    "billing_address_collection": Only("auto"),
    "cancel_url": text,
    "client_reference_id": text,
    "custom_text": record({"submit": record({"message": text})}),
    "customer": text,
    "customer_email": text,
    "integration_identifier": text,
    "locale": LOCALE,
    "metadata": metadata,
    "origin_context": choice("mobile_app", "web"),
    "payment_method_collection": Only("always"),
    "payment_method_types": list_of(Only("card")),
    "phone_number_collection": _OFF,
    "submit_type": Only("auto", "subscribe"),
    "success_url": text,
}
_CREATE: Spec = {
    **_ECHOED,
    "automatic_tax": _OFF,
    "customer_update": record(dict.fromkeys(("address", "name", "shipping"), Only("never"))),
    "discounts": list_of(record({"coupon": text, "promotion_code": text})),
    "expires_at": instant,
    "line_items": list_of(record({"price": text, "quantity": item_count})),
    "mode": Only("subscription"),
    "subscription_data": _SUBSCRIPTION_DATA,
    "tax_id_collection": _OFF,
    "ui_mode": Only("hosted_page"),
}


@route("POST", "/v1/checkout/sessions", _CREATE, required=("mode", "line_items", "success_url"))
def create(account: Account, params: Params) -> Json:
    now = account.wall_now()
    prices = _prices(account, params["line_items"])
    customer = live_customer(account, params["customer"]) if params.get("customer") else None
    data = params.get("subscription_data") or {}
    _check_trial(data, account.now_for(customer) if customer else now)
    facts = {name: params[name] for name in _ECHOED if params.get(name) is not None}
    facts["metadata"] = merged_metadata({}, params.get("metadata"))
    identifier = account.new_id("checkout.session")
    session = hosted.checkout_session(identifier, now, facts)
    session.update(
        expires_at=_expiry(now, params.get("expires_at")),
        url=f"{account.base_url}/c/pay/{identifier}",
        customer_creation=None if customer else "always",
        custom_text={
            **hosted.checkout_session(identifier, now, {})["custom_text"],
            **(params.get("custom_text") or {}),
        },
        _subscription_data=data,
        _pending_card=None,
    )
    session["customer_details"] = _known_details(customer, params)
    _price(account, session, prices, is_trial=bool(data.get("trial_period_days") or data.get("trial_end")))
    _discount(account, session, params)
    return account.add(session)


def _prices(account: Account, line_items: list[Params]) -> list[tuple[Json, int]]:
    if len(line_items) != 1:
        raise InvalidRequest("The stand-in sells one recurring price a session.", param="line_items")
    each = line_items[0]
    return [(recurring_price(account, each.get("price"), "line_items[0][price]"), each.get("quantity") or 1)]


def _check_trial(data: Params, now: int) -> None:
    trial_days, end = data.get("trial_period_days"), data.get("trial_end")
    if trial_days is not None and trial_days < 1:
        raise InvalidRequest(
            "The minimum number of trial period days is 1.", param="subscription_data[trial_period_days]"
        )
    if end is not None and end < now + 2 * DAY_SECONDS:
        raise InvalidRequest(
            "The `trial_end` date has to be at least 2 days in the future.", param="subscription_data[trial_end]"
        )


def _expiry(now: int, wanted: int | None) -> int:
    if wanted is None:
        return now + DAY_SECONDS
    # A minute's slack: the caller's clock reads earlier than ours by the time the request took.
    if not now + MIN_OPEN_SECONDS - 60 <= wanted <= now + DAY_SECONDS + 60:
        raise InvalidRequest(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    return wanted


def _known_details(customer: Json | None, params: Params) -> Json | None:
    email = customer["email"] if customer else params.get("customer_email")
    return hosted.customer_details(email) if email else None


def _price(account: Account, session: Json, prices: list[tuple[Json, int]], *, is_trial: bool) -> None:
    lines = []
    for price, quantity in prices:
        product = account.find("product", price["product"])
        amount = 0 if is_trial else price["unit_amount"] * quantity
        lines.append(hosted.checkout_line(account.new_id("item"), rendered(price), quantity, product["name"], amount))
    session["_line_items"] = lines
    session["currency"] = prices[0][0]["currency"]
    session["amount_subtotal"] = session["amount_total"] = sum(line["amount_total"] for line in lines)


def _discount(account: Account, session: Json, params: Params) -> None:
    sent = params.get("discounts") or []
    if sent and params.get("allow_promotion_codes"):
        raise InvalidRequest("You may only specify one of these: allow_promotion_codes, discounts.", param="discounts")
    if len(sent) > 1:
        raise InvalidRequest("A Checkout Session takes one discount.", param="discounts")
    for each in sent:
        apply_discount(account, session, each)


def apply_discount(account: Account, session: Json, sent: Params) -> None:
    """Take a coupon off what an open session costs; it is redeemed when the session completes."""
    coupon, code = discounting.coupon_named(account, sent, session["customer"], "discounts[0]")
    cuts = discounting.cuts_of(coupon, [line["amount_subtotal"] for line in session["_line_items"]])
    for line, cut in zip(session["_line_items"], cuts, strict=True):
        line["amount_discount"], line["amount_total"] = cut, line["amount_subtotal"] - cut
    session["discounts"] = [{"coupon": None if code else coupon["id"], "promotion_code": code["id"] if code else None}]
    session["total_details"]["amount_discount"] = sum(cuts)
    session["amount_total"] = session["amount_subtotal"] - sum(cuts)


_LIST: Spec = {
    "created": time_range,
    "customer": text,
    "customer_details": record({"email": text}),
    "payment_intent": text,
    "status": choice("open", "complete", "expired"),
    "subscription": text,
}


@listing("/v1/checkout/sessions", _LIST)
def index(account: Account, params: Params) -> list[Json]:
    found = account.store.all("checkout.session", customer=params.get("customer"))
    found = equal(found, params, status="status", subscription="subscription", payment_intent="payment_intent")
    details = params.get("customer_details") or {}
    found = equal(found, details, email=lambda each: (each["customer_details"] or {}).get("email"))
    return within(off_clocks(account, found, params, "customer", "subscription"), params, created="created")


@route("GET", "/v1/checkout/sessions/<session_id>")
def retrieve(account: Account, _params: Params, session_id: str) -> Json:
    return account.find("checkout.session", session_id)


@listing("/v1/checkout/sessions/<session_id>/line_items")
def line_items(account: Account, _params: Params, session_id: str) -> list[Json]:
    found: list[Json] = account.find("checkout.session", session_id)["_line_items"]
    return found[::-1]


@route("POST", "/v1/checkout/sessions/<session_id>", {"metadata": metadata})
def update(account: Account, params: Params, session_id: str) -> Json:
    session = account.find("checkout.session", session_id)
    session["metadata"] = merged_metadata(session["metadata"], params.get("metadata"))
    return session


@route("POST", "/v1/checkout/sessions/<session_id>/expire")
def expire(account: Account, _params: Params, session_id: str) -> Json:
    session = account.find("checkout.session", session_id)
    if session["status"] != "open":
        raise InvalidRequest(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This one is {session["status"]}.'
        )
    life.expire_session(account, session)
    return session
