"""A subscription begins: its first period, its first invoice, its first charge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sandbox.standin.account import Account
from sandbox.standin.billing import collecting, discounting, invoicing
from sandbox.standin.calendar import next_boundary
from sandbox.standin.errors import CardError, InvalidRequest
from sandbox.standin.shapes import billing as shapes
from sandbox.standin.store import Json


@dataclass(frozen=True)
class Order:
    """What a customer subscribes to. `trial_end` is a Unix second; `facts` override the subscription's defaults."""

    customer: Json
    items: list[tuple[Json, int]]
    """(price, quantity); all of one interval."""
    trial_end: int | None = None
    facts: Json = field(default_factory=dict)
    discounts: Sequence[Json] = ()
    """What is redeemed: `{coupon}` or `{promotion_code}` each."""
    payment_behavior: str = "allow_incomplete"
    on_session: bool = False


def start(account: Account, order: Order) -> Json:
    """Return a new subscription, charged as `payment_behavior` says; raise CardError under `error_if_incomplete`."""
    subscription = _subscription(account, order)
    items = subscription["items"]["data"]
    trial = order.trial_end is not None
    periods = [(item["current_period_start"], item["current_period_end"]) for item in items]
    lines = [
        invoicing.period_line(account, item, period, trial=trial) for item, period in zip(items, periods, strict=True)
    ]
    now = subscription["created"]
    invoice = invoicing.draft(account, subscription, lines, "subscription_create", (now, now))
    account.emit("customer.subscription.created", subscription)
    account.emit("invoice.created", invoice)
    invoicing.finalize(account, invoice)
    _first_payment(account, order, invoice)
    return subscription


def preview(account: Account, order: Order) -> Json:
    """Return the first invoice that `order` would bring; nothing is kept. `order.customer` must be a copy."""
    subscription = _subscription(account, replace(order, discounts=()))
    lines = [
        invoicing.period_line(account, item, (item["current_period_start"], item["current_period_end"]), trial=False)
        for item in subscription["items"]["data"]
    ]
    with discounting.supposed(account, subscription, order.discounts):
        invoice = invoicing.preview(account, subscription, lines, "subscription_create")
    account.store.remove("subscription", subscription["id"])
    return {**invoice, "id": f"upcoming_{invoice['id']}"}


def _subscription(account: Account, order: Order) -> Json:
    now = account.now_for(order.customer)
    identifier = account.new_id("subscription")
    anchor = order.facts.get("billing_cycle_anchor") or order.trial_end or now
    facts = {
        "customer": order.customer["id"],
        "currency": order.items[0][0]["currency"],
        "status": "trialing" if order.trial_end else "incomplete",
        "test_clock": order.customer["test_clock"],
        "trial_start": now if order.trial_end else None,
        "trial_end": order.trial_end,
        **order.facts,
        "billing_cycle_anchor": anchor,
    }
    subscription = account.add(shapes.subscription(identifier, now, facts))
    subscription["items"]["data"] = [_item(account, subscription, price, count) for price, count in order.items]
    order.customer["currency"] = subscription["currency"]
    discounting.redeem(account, subscription, order.discounts)
    return subscription


def _item(account: Account, subscription: Json, price: Json, quantity: int) -> Json:
    now, recurring = subscription["created"], price["recurring"]
    anchor = subscription["billing_cycle_anchor"]
    boundary = next_boundary(anchor, now, recurring["interval"], recurring["interval_count"])
    period = (now, subscription["trial_end"] or boundary)
    return shapes.subscription_item(
        account.new_id("subscription_item"), now, price, quantity, subscription["id"], period
    )


def _first_payment(account: Account, order: Order, invoice: Json) -> None:
    if invoice["amount_due"] == 0:
        collecting.collect(account, invoice)
        return
    if order.payment_behavior == "default_incomplete":
        invoicing.stop_collecting(invoice)
        return
    failure = collecting.collect(account, invoice, on_session=order.on_session)
    if failure == collecting.NO_CARD:
        raise InvalidRequest(
            "This customer has no attached payment source or default payment method.", code="resource_missing"
        )
    if failure and order.payment_behavior == "error_if_incomplete":
        raise CardError(failure[2], code=failure[0], decline_code=failure[1])
