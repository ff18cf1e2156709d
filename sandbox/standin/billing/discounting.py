"""Coupons are redeemed into discounts, discounts are taken off invoices, and they end.

Rules: docs.stripe.com/billing/subscriptions/coupons. `once` ends with the first invoice that it took something off,
`repeating` after so many months, `forever` never.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.calendar import plus
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.forms import list_of, record, text
from sandbox.standin.shapes import discounts as shapes
from sandbox.standin.store import Json

DISCOUNTS = list_of(record({"coupon": text, "discount": text, "promotion_code": text}))
"""The parameter: each names one of the three."""
Sent = dict[str, Any]


def is_valid(account: Account, coupon: Json) -> bool:
    """Tell whether a coupon can still be redeemed."""
    used_up = coupon["max_redemptions"] is not None and coupon["times_redeemed"] >= coupon["max_redemptions"]
    over = coupon["redeem_by"] is not None and coupon["redeem_by"] <= account.wall_now()
    return not (used_up or over)


def coupon_named(account: Account, sent: Sent, customer_id: str | None, param: str) -> tuple[Json, Json | None]:
    """Return (coupon, promotion code or None); raise NotFound, or InvalidRequest for one that cannot be redeemed."""
    code = None
    if sent.get("promotion_code"):
        code = account.find("promotion_code", sent["promotion_code"], param=f"{param}[promotion_code]")
        _usable(account, code, customer_id, param)
    coupon_id = code["promotion"]["coupon"] if code else sent.get("coupon") or ""
    coupon = account.find("coupon", coupon_id, param=f"{param}[coupon]")
    if not is_valid(account, coupon):
        raise InvalidRequest(f"Coupon {coupon_id} is used up or expired.", code="coupon_expired", param=param)
    return coupon, code


def _usable(account: Account, code: Json, customer_id: str | None, param: str) -> None:
    expired = code["expires_at"] is not None and code["expires_at"] <= account.wall_now()
    used_up = code["max_redemptions"] is not None and code["times_redeemed"] >= code["max_redemptions"]
    if not code["active"] or expired or used_up:
        raise InvalidRequest("This promotion code is not active, or has expired.", param=f"{param}[promotion_code]")
    if code["customer"] not in (None, customer_id):
        raise InvalidRequest("This promotion code is another customer's.", param=f"{param}[promotion_code]")


def redeem(account: Account, subscription: Json, sent: Sequence[Sent]) -> None:
    """Let these discounts, and no others, be the subscription's; a discount it has already is kept by its id."""
    kept = [_kept_or_made(account, subscription, each, f"discounts[{index}]") for index, each in enumerate(sent)]
    for gone in [each for each in subscription["discounts"] if each not in kept]:
        drop(account, subscription, gone)
    subscription["discounts"] = kept


def _kept_or_made(account: Account, subscription: Json, sent: Sent, param: str) -> str:
    identifier: str | None = sent.get("discount")
    if identifier:
        if identifier not in subscription["discounts"]:
            raise InvalidRequest(f"No such discount: '{identifier}'", code="resource_missing", param=param)
        return identifier
    coupon, code = coupon_named(account, sent, subscription["customer"], param)
    now, months = account.now_for(subscription), coupon["duration_in_months"]
    facts = {
        "customer": subscription["customer"],
        "subscription": subscription["id"],
        "promotion_code": code["id"] if code else None,
        "end": plus(now, "month", months) if months else None,
    }
    made = account.add(shapes.discount(account.new_id("discount"), now, coupon["id"], facts))
    for counted in filter(None, (coupon, code)):
        counted["times_redeemed"] += 1
    account.emit("customer.discount.created", made)
    return str(made["id"])


@contextmanager
def supposed(account: Account, subscription: Json, sent: Sequence[Sent]) -> Iterator[None]:
    """Let a subscription have these discounts for the length of a preview; nothing is counted, told of or kept."""
    coupons = [coupon_named(account, each, subscription["customer"], "discounts")[0] for each in sent]
    now, before = account.now_for(subscription), subscription["discounts"]
    made = [account.add(shapes.discount(account.new_id("discount"), now, each["id"], {})) for each in coupons]
    subscription["discounts"] = [each["id"] for each in made]
    yield
    subscription["discounts"] = before
    for each in made:
        account.store.remove("discount", each["id"])


def drop(account: Account, subscription: Json, identifier: str) -> None:
    """Take a discount off a subscription; invoices go on naming it."""
    subscription["discounts"] = [each for each in subscription["discounts"] if each != identifier]
    account.emit("customer.discount.deleted", account.find("discount", identifier))


def drop_ended(account: Account, subscription: Json) -> None:
    """Take off what has run its months."""
    now = account.now_for(subscription)
    for identifier in list(subscription["discounts"]):
        if not _runs(account.find("discount", identifier), now):
            drop(account, subscription, identifier)


def _runs(discount: Json, at: int) -> bool:
    return discount["end"] is None or discount["end"] > at


def deduct(account: Account, subscription: Json, invoice: Json, at: int) -> int:
    """Take what the subscription's discounts give as of `at` off the invoice's lines; return it, in minor units."""
    lines, totals = invoice["lines"]["data"], []
    left = [line["amount"] if _is_cut(line) else 0 for line in lines]
    standing = (account.find("discount", each) for each in subscription["discounts"])
    for discount in [each for each in standing if _runs(each, at)]:
        cuts = cuts_of(account.find("coupon", discount["source"]["coupon"]), left)
        left = [amount - cut for amount, cut in zip(left, cuts, strict=True)]
        for line, cut in zip(lines, cuts, strict=True):
            line["discount_amounts"].append({"amount": cut, "discount": discount["id"]})
        totals.append({"amount": sum(cuts), "discount": discount["id"]})
    invoice["discounts"], invoice["total_discount_amounts"] = [each["discount"] for each in totals], totals
    return sum(each["amount"] for each in totals)


def _is_cut(line: Json) -> bool:
    """An invoice item may be out of discounts' reach; a subscription's own lines never are."""
    return bool(line["discountable"]) or line["parent"]["invoice_item_details"] is None


def cuts_of(coupon: Json, amounts: Sequence[int]) -> list[int]:
    """Return what a coupon takes off each amount: its share of every one, or a sum off those that are charged."""
    if coupon["percent_off"] is not None:
        share = Decimal(str(coupon["percent_off"])) / 100
        return [int((each * share).to_integral_value(ROUND_HALF_UP)) for each in amounts]
    cuts, rest = [], min(coupon["amount_off"], max(0, sum(amounts)))
    for each in amounts:
        cuts.append(min(rest, max(0, each)))
        rest -= cuts[-1]
    return cuts


def use_up(account: Account, subscription: Json, invoice: Json) -> None:
    """End the discounts that were good for one invoice, if this one had something to take off."""
    for each in invoice["total_discount_amounts"]:
        coupon = account.find("coupon", account.find("discount", each["discount"])["source"]["coupon"])
        if coupon["duration"] == "once" and each["amount"] > 0 and each["discount"] in subscription["discounts"]:
            drop(account, subscription, each["discount"])
