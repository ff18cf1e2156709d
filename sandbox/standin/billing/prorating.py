"""Prorations: what is left of a period, credited at the old price and sold at the new one."""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.shapes import invoices as shapes
from sandbox.standin.store import Json


def proration_lines(
    account: Account, item: Json, price: Json, quantity: int, at: int, *, credit_only: bool
) -> list[Json]:
    """Return the credit for `item`'s unused time from `at`, and unless `credit_only` the charge at the new price."""
    start, end = item["current_period_start"], item["current_period_end"]
    left = max(0, end - at) / (end - start)
    credit = -round(item["price"]["unit_amount"] * item["quantity"] * left)
    lines = [_line(account, item, credit, (at, end), "Unused time")]
    if not credit_only:
        fresh = {**item, "price": price, "quantity": quantity}
        lines.append(_line(account, fresh, round(price["unit_amount"] * quantity * left), (at, end), "Remaining time"))
    return lines


def _line(account: Account, item: Json, amount: int, period: tuple[int, int], text: str) -> Json:
    product = account.store.get("product", item["price"]["product"])
    name = product["name"] if product else "Subscription"
    facts = {
        "amount": amount,
        "description": f"{text} on {name}",
        "period": {"start": period[0], "end": period[1]},
        "proration": True,
    }
    return shapes.line(account.new_id("line_item"), item, facts)
