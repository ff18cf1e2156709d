"""What time costs: whole periods their price, parts of one their share of it, and time given back its credit.

Rules: docs.stripe.com/billing/subscriptions/prorations and /billing-cycle. A part is measured against the whole period
that the anchor and the price's interval mark out around it, however short the one that was really billed.
"""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.calendar import Period, whole_period
from sandbox.standin.shapes import invoices as shapes
from sandbox.standin.store import Json


def money(amount_minor: int, currency: str) -> str:
    """Return an amount for people: `$2.90`."""
    symbol = {"usd": "$", "eur": "€", "gbp": "£"}.get(currency, currency.upper() + " ")
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{symbol}{abs(amount_minor) / 100:,.2f}"


def period_lines(account: Account, subscription: Json, periods: list[Period], *, trial: bool = False) -> list[Json]:
    """Return the lines that sell each item its period: a trial is free, and time that nobody is billed for has none."""
    items = subscription["items"]["data"]
    return [
        _trial(account, item, period) if trial else _sale(account, subscription, item, period)
        for item, period in zip(items, periods, strict=True)
        if trial or period[0] >= _free_until(subscription)
    ]


def credit(account: Account, subscription: Json, item: Json, at: int) -> list[Json]:
    """Return the credit for what is left of an item's period from the Unix second `at`, if it was billed for it."""
    end = item["current_period_end"]
    if at >= end or at < _free_until(subscription) or subscription["status"] == "trialing":
        return []
    return [_part(account, subscription, item, (at, end), "Unused time", sign=-1)]


def unused_time(account: Account, subscription: Json, at: int) -> list[Json]:
    """Return the credit for what is left of every item's period."""
    return [line for item in subscription["items"]["data"] for line in credit(account, subscription, item, at)]


def debit(account: Account, subscription: Json, item: Json, period: Period) -> list[Json]:
    """Return the charge for an item over a part of its period; none during a trial, nor for no time at all."""
    if period[0] >= period[1] or subscription["status"] == "trialing":
        return []
    return [_part(account, subscription, item, period, "Remaining time", sign=1)]


def _free_until(subscription: Json) -> int:
    """Until a first anchor that was asked for without prorations, nothing is billed."""
    until: int | None = subscription.get("_free_until")
    return until or 0


def _sale(account: Account, subscription: Json, item: Json, period: Period) -> Json:
    if _share(subscription, item, period) < 1:
        return _part(account, subscription, item, period, "Remaining time", sign=1)
    price, name = item["price"], _name(account, item)
    each = f"{money(price['unit_amount'], price['currency'])} / {price['recurring']['interval']}"
    return _line(account, item, _full(item), period, f"{item['quantity']} × {name} (at {each})")


def _trial(account: Account, item: Json, period: Period) -> Json:
    return _line(account, item, 0, period, f"Trial period for {_name(account, item)}")


def _part(account: Account, subscription: Json, item: Json, period: Period, says: str, *, sign: int) -> Json:
    amount = sign * round(_full(item) * _share(subscription, item, period))
    return _line(account, item, amount, period, f"{says} on {_name(account, item)}", proration=True)


def _share(subscription: Json, item: Json, period: Period) -> float:
    recurring = item["price"]["recurring"]
    interval, count = recurring["interval"], recurring["interval_count"]
    start, end = whole_period(subscription["billing_cycle_anchor"], period[0], interval, count)
    return (period[1] - period[0]) / (end - start)


def _full(item: Json) -> int:
    amount: int = item["price"]["unit_amount"] * item["quantity"]
    return amount


def _name(account: Account, item: Json) -> str:
    product = account.store.get("product", item["price"]["product"])
    return product["name"] if product else "Subscription"


def _line(
    account: Account, item: Json, amount: int, period: Period, description: str, *, proration: bool = False
) -> Json:
    facts = {
        "amount": amount,
        "description": description,
        "period": {"start": period[0], "end": period[1]},
        "proration": proration,
    }
    return shapes.line(account.new_id("line_item"), item, facts)
