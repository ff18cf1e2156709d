"""A subscription begins: its first period, its first invoice, its first charge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sandbox.standin.account import Account
from sandbox.standin.billing import cardholders, collecting, discounting, invoicing, setting_up
from sandbox.standin.billing.prorating import period_lines
from sandbox.standin.calendar import Period, next_boundary, plus
from sandbox.standin.errors import CardError, InvalidRequest
from sandbox.standin.shapes import billing as shapes
from sandbox.standin.store import Json


@dataclass(frozen=True)
class Order:
    """What a customer subscribes to. `trial_end` is a Unix second; `facts` override the subscription's defaults."""

    customer: Json
    items: list[tuple[Json, int, Json]]
    """(price, quantity, metadata); all of one interval."""
    trial_end: int | None = None
    anchor: int | None = None
    """A first full period's beginning; what lies before it is free unless `is_prorated`."""
    is_prorated: bool = True
    facts: Json = field(default_factory=dict)
    discounts: Sequence[Json] = ()
    """What is redeemed: `{coupon}` or `{promotion_code}` each."""
    payment_behavior: str = "allow_incomplete"
    presence: cardholders.Presence = cardholders.ABSENT


def start(account: Account, order: Order) -> Json:
    """Return a new subscription, charged as `payment_behavior` says; raise CardError under `error_if_incomplete`."""
    subscription = _subscription(account, order)
    lines = period_lines(account, subscription, _periods(subscription), trial=order.trial_end is not None)
    if not lines:
        subscription["status"] = "active"
        account.emit("customer.subscription.created", subscription)
        return subscription
    now = subscription["created"]
    invoice = invoicing.draft(account, subscription, lines, "subscription_create", (now, now))
    account.emit("customer.subscription.created", subscription)
    invoicing.issue(account, invoice)
    _first_payment(account, order, invoice)
    return subscription


def preview(account: Account, order: Order) -> Json:
    """Return the first invoice that `order` would bring; nothing is kept. `order.customer` must be a copy."""
    subscription = _subscription(account, replace(order, discounts=()))
    lines = period_lines(account, subscription, _periods(subscription))
    with discounting.supposed(account, subscription, order.discounts):
        invoice = invoicing.preview(account, subscription, lines, "subscription_create")
    account.store.remove("subscription", subscription["id"])
    return {**invoice, "id": f"upcoming_{invoice['id']}"}


def _periods(subscription: Json) -> list[Period]:
    items = subscription["items"]["data"]
    return [(item["current_period_start"], item["current_period_end"]) for item in items]


def _subscription(account: Account, order: Order) -> Json:
    now = account.now_for(order.customer)
    identifier, anchor = account.new_id("subscription"), _anchor(order, now)
    facts = {
        "customer": order.customer["id"],
        "currency": order.items[0][0]["currency"],
        "status": "trialing" if order.trial_end else "incomplete",
        "test_clock": order.customer["test_clock"],
        "trial_start": now if order.trial_end else None,
        "trial_end": order.trial_end,
        **order.facts,
        "billing_cycle_anchor": anchor,
        "_free_until": 0 if order.is_prorated or order.anchor is None else order.anchor,
    }
    subscription = account.add(shapes.subscription(identifier, now, facts))
    subscription["items"]["data"] = [_item(account, subscription, *sold) for sold in order.items]
    order.customer["currency"] = subscription["currency"]
    discounting.redeem(account, subscription, order.discounts)
    return subscription


def _anchor(order: Order, now: int) -> int:
    """Return where periods are counted from; raise InvalidRequest for an anchor past, or too far ahead."""
    begins = order.trial_end or now
    if order.anchor is None:
        return begins
    recurring = order.items[0][0]["recurring"]
    latest = plus(begins, recurring["interval"], recurring["interval_count"])
    if order.anchor <= now or not begins <= order.anchor <= latest:
        raise InvalidRequest(
            f"billing_cycle_anchor must be a future timestamp, and no later than the next natural billing date"
            f" ({latest}).",
            param="billing_cycle_anchor",
        )
    return order.anchor


def _item(account: Account, subscription: Json, price: Json, quantity: int, metadata: Json) -> Json:
    now, recurring = subscription["created"], price["recurring"]
    anchor = subscription["billing_cycle_anchor"]
    boundary = next_boundary(anchor, now, recurring["interval"], recurring["interval_count"])
    period = (now, subscription["trial_end"] or boundary)
    identifier = account.new_id("subscription_item")
    item = shapes.subscription_item(identifier, now, price, quantity, subscription["id"], period)
    return {**item, "metadata": metadata}


def _first_payment(account: Account, order: Order, invoice: Json) -> None:
    if invoice["amount_due"] == 0:
        collecting.collect(account, invoice)
        if order.payment_behavior == "default_incomplete" and not order.presence.authenticated:
            setting_up.ask_for_card(account, account.find("subscription", invoice["_subscription"]))
        return
    if order.payment_behavior == "default_incomplete":
        invoicing.stop_collecting(invoice)
        return
    failure = collecting.collect(account, invoice, presence=order.presence)
    if failure == cardholders.NO_CARD:
        raise InvalidRequest(
            "This customer has no attached payment source or default payment method.", code="resource_missing"
        )
    if failure and order.payment_behavior == "error_if_incomplete":
        raise CardError(failure[2], code=failure[0], decline_code=failure[1])
