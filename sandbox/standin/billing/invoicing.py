"""Invoices: drafted for a period, finalized, voided. Collecting the money is collecting.py's."""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing import balances, discounting, waiting
from sandbox.standin.calendar import Period
from sandbox.standin.shapes import invoices as shapes
from sandbox.standin.shapes import payments
from sandbox.standin.store import Json, rendered


def draft(account: Account, subscription: Json, lines: list[Json], reason: str, period: Period) -> Json:
    """Return a new draft for `lines` and what waits for it, now the subscription's latest invoice; its event is left to
    the caller."""
    invoice = account.add(_proposed(account, subscription, lines, reason, period, account.now_for(subscription)))
    waiting.attach(account, invoice)
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def _proposed(
    account: Account, subscription: Json, lines: list[Json], reason: str, period: Period, discounted_at: int
) -> Json:
    """Return an invoice that is not kept; discounts are those that run at the Unix second `discounted_at`."""
    customer = account.find("customer", subscription["customer"])
    facts = {
        "billing_reason": reason,
        "currency": subscription["currency"],
        "parent": shapes.of_subscription(subscription),
        "period_start": period[0],
        "period_end": period[1],
        "_subscription": subscription["id"],
    }
    invoice = shapes.invoice(account.new_id("invoice"), account.now_for(subscription), customer, facts)
    items = waiting.of(account, customer["id"], subscription["id"])
    put_lines(invoice, [*lines, *waiting.lines(account, items, invoice["currency"])])
    total(invoice, discounting.deduct(account, subscription, invoice, discounted_at))
    return invoice


def draft_by_hand(account: Account, customer: Json, items: list[Json], facts: Json) -> Json:
    """Return a new draft for these invoice items, of no subscription's cycle; its event is left to the caller."""
    invoice = shapes.invoice(account.new_id("invoice"), account.now_for(customer), customer, facts)
    put_lines(invoice, waiting.lines(account, items, invoice["currency"]))
    total(invoice, 0)
    waiting.attach(account, account.add(invoice))
    return invoice


def put_lines(invoice: Json, lines: list[Json]) -> None:
    """Let these, and no others, be an invoice's lines."""
    invoice["lines"]["data"] = [{**line, "invoice": invoice["id"]} for line in lines]


def change_lines(account: Account, invoice: Json, lines: list[Json]) -> None:
    """Let a draft have these lines, and tell of it."""
    before = rendered(invoice)
    put_lines(invoice, lines)
    for line in invoice["lines"]["data"]:
        line["discount_amounts"] = []
    subscription = account.store.get("subscription", invoice["_subscription"] or "")
    total(invoice, discounting.deduct(account, subscription, invoice, invoice["created"]) if subscription else 0)
    account.emit_update("invoice.updated", invoice, before)


def total(invoice: Json, deducted: int) -> None:
    """Add an invoice's lines up, less the minor units that discounts take off."""
    subtotal = sum(line["amount"] for line in invoice["lines"]["data"])
    invoice["subtotal"] = invoice["subtotal_excluding_tax"] = subtotal
    invoice["total"] = invoice["total_excluding_tax"] = subtotal - deducted
    invoice["amount_due"] = invoice["amount_remaining"] = max(0, invoice["total"])


def issue(account: Account, invoice: Json) -> None:
    """Tell of a draft and finalize it at once."""
    account.emit("invoice.created", invoice)
    finalize(account, invoice)


def finalize(account: Account, invoice: Json) -> None:
    """Number a draft and open it; what is due gets a payment intent."""
    now, before = account.now_for(invoice), rendered(invoice)
    invoice["last_finalization_error"] = None
    customer = account.find("customer", invoice["customer"])
    invoice["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}"
    customer["next_invoice_sequence"] += 1
    _apply_balance(account, customer, invoice)
    if subscription := account.store.get("subscription", invoice["_subscription"] or ""):
        discounting.use_up(account, subscription, invoice)
    invoice["status"] = "open"
    invoice["automatically_finalizes_at"] = None
    invoice["effective_at"] = invoice["status_transitions"]["finalized_at"] = now
    invoice["hosted_invoice_url"] = f"{account.base_url}/i/{invoice['id']}"
    invoice["webhooks_delivered_at"] = now
    if invoice["amount_due"] > 0:
        _expect_payment(account, invoice)
    if invoice["created"] < now:
        # One that opens as it is made is told of by `created` and `finalized` alone.
        account.emit_update("invoice.updated", invoice, before)
    account.emit("invoice.finalized", invoice)


def fail_to_finalize(account: Account, invoice: Json) -> None:
    """Leave a draft as it is, with the error that keeps Stripe from finalizing it: nothing will be collected."""
    invoice["automatically_finalizes_at"] = invoice["next_payment_attempt"] = None
    invoice["last_finalization_error"] = {
        "code": "customer_tax_location_invalid",
        "message": "The customer's location isn't recognized. Set a valid customer address.",
        "type": "invalid_request_error",
    }
    account.emit("invoice.finalization_failed", invoice)


def _apply_balance(account: Account, customer: Json, invoice: Json) -> None:
    """Settle the total against the customer's balance (negative is credit), as Stripe does at finalization."""
    before = rendered(customer)
    owed = invoice["total"] + customer["balance"]
    invoice["starting_balance"] = customer["balance"]
    invoice["amount_due"] = invoice["amount_remaining"] = max(0, owed)
    ending = min(0, owed)
    balances.move(account, customer, ending - customer["balance"], "applied_to_invoice", invoice=invoice["id"])
    invoice["ending_balance"] = ending
    account.emit_update("customer.updated", customer, before)


def _expect_payment(account: Account, invoice: Json) -> None:
    now = account.now_for(invoice)
    intent = account.add(payments.payment_intent(account.new_id("payment_intent"), now, invoice))
    payment = shapes.invoice_payment(account.new_id("invoice_payment"), now, invoice, intent["id"])
    account.add(payment)
    invoice["_payment_intent"], invoice["_invoice_payment"] = intent["id"], payment["id"]
    account.emit("payment_intent.created", intent)


def void(account: Account, invoice: Json) -> None:
    """Void an open invoice; nothing will be collected."""
    before = rendered(invoice)
    invoice["status"] = "void"
    invoice["status_transitions"]["voided_at"] = account.now_for(invoice)
    _close(account, invoice, "canceled")
    account.emit_update("invoice.updated", invoice, before)
    account.emit("invoice.voided", invoice)


def mark_uncollectible(account: Account, invoice: Json) -> None:
    """Give an open invoice up; it can still be paid."""
    before = rendered(invoice)
    invoice["status"] = "uncollectible"
    invoice["status_transitions"]["marked_uncollectible_at"] = account.now_for(invoice)
    invoice["auto_advance"], invoice["next_payment_attempt"] = False, None
    account.emit_update("invoice.updated", invoice, before)
    account.emit("invoice.marked_uncollectible", invoice)


def stop_collecting(invoice: Json) -> None:
    """Leave an invoice as it is, with no further automatic attempt."""
    invoice["auto_advance"], invoice["next_payment_attempt"] = False, None


def _close(account: Account, invoice: Json, status: str) -> None:
    stop_collecting(invoice)
    invoice["amount_remaining"] = 0
    cancel_payment(account, invoice, status)


def cancel_payment(account: Account, invoice: Json, status: str) -> None:
    """Cancel what would have paid an invoice, if anything would have."""
    now = account.now_for(invoice)
    if payment := account.store.get("invoice_payment", invoice.get("_invoice_payment", "")):
        payment["status"], payment["status_transitions"]["canceled_at"] = status, now
    if intent := account.store.get("payment_intent", invoice.get("_payment_intent", "")):
        intent["status"], intent["canceled_at"], intent["cancellation_reason"] = "canceled", now, "void_invoice"


def preview(account: Account, subscription: Json, lines: list[Json], reason: str) -> Json:
    """Return an invoice that does not exist yet, for the end of the current period."""
    start = subscription["items"]["data"][0]["current_period_start"]
    end = subscription["items"]["data"][0]["current_period_end"]
    discounted_at = end if reason == "upcoming" else account.now_for(subscription)
    invoice = _proposed(account, subscription, lines, reason, (start, end), discounted_at)
    invoice["starting_balance"] = account.find("customer", invoice["customer"])["balance"]
    invoice["amount_due"] = invoice["amount_remaining"] = max(0, invoice["total"] + invoice["starting_balance"])
    invoice["next_payment_attempt"] = end + account.policy.finalize_after_seconds
    invoice["created"] = end
    return invoice
