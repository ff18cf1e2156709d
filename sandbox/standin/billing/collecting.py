"""Charging the card for an invoice, and what follows for its subscription."""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing import disputing, invoicing, pausing, pending
from sandbox.standin.billing.cardholders import (
    ABSENT,
    NO_CARD,
    Failure,
    Presence,
    asks_for_cardholder,
    charge_failure,
    payer_of,
)
from sandbox.standin.calendar import DAY_SECONDS
from sandbox.standin.shapes import payments
from sandbox.standin.store import Json, rendered

RUNNING = ("active", "past_due", "trialing")


def collect(
    account: Account, invoice: Json, *, method: Json | None = None, presence: Presence = ABSENT
) -> Failure | None:
    """Charge an open invoice once and record all that follows; return why it failed, None when it is paid."""
    if invoice["amount_due"] == 0:
        _paid(account, invoice)
        return None
    before = rendered(invoice)
    invoice["attempted"], invoice["attempt_count"] = True, invoice["attempt_count"] + 1
    method = method or payer_of(account, invoice)
    failure = _charge(account, invoice, method, presence) if method else NO_CARD
    if failure is not None or method is None:
        _failed(account, invoice, failure or NO_CARD, before)
        return failure
    _paid(account, invoice, before)
    disputing.follow(account, account.find("charge", _latest_charge(account, invoice)), method)
    return None


def _latest_charge(account: Account, invoice: Json) -> str:
    charge: str = account.find("payment_intent", invoice["_payment_intent"])["latest_charge"]
    return charge


def _charge(account: Account, invoice: Json, method: Json, presence: Presence) -> Failure | None:
    now = account.now_for(invoice)
    intent = account.find("payment_intent", invoice["_payment_intent"])
    is_proved = presence.authenticated and asks_for_cardholder(method)
    failure = None if is_proved else charge_failure(method, off_session=presence.off_session)
    charge = account.add(payments.charge(account.new_id("charge"), now, intent, method, failure=failure))
    intent["latest_charge"] = charge["id"]
    if failure is None:
        intent.update(
            status="succeeded", payment_method=method["id"], amount_received=intent["amount"], last_payment_error=None
        )
    else:
        intent.update(status=_status_after(failure), last_payment_error=_error(failure, charge, method))
    account.emit("charge.succeeded" if failure is None else "charge.failed", charge)
    account.emit("payment_intent.succeeded" if failure is None else "payment_intent.payment_failed", intent)
    return failure


def await_cardholder(account: Account, invoice: Json, method: Json) -> None:
    """Leave the payment of an open invoice to its cardholder, whom the bank wants to see; nothing is charged."""
    intent = account.find("payment_intent", invoice["_payment_intent"])
    intent.update(status="requires_action", payment_method=method["id"])
    account.emit("payment_intent.requires_action", intent)
    account.emit("invoice.payment_action_required", invoice)


def await_client(account: Account, subscription: Json, invoice: Json) -> None:
    """Leave an open invoice to the client's confirmation; a running subscription is past due until then."""
    invoicing.stop_collecting(invoice)
    if subscription["status"] in ("active", "trialing"):
        set_status(account, subscription, "past_due")


def cardholder_failed(account: Account, invoice: Json, method: Json) -> None:
    """Record that the cardholder did not prove who they are; another card may still pay."""
    intent = account.find("payment_intent", invoice["_payment_intent"])
    message = "The provided PaymentMethod has failed authentication."
    code = "payment_intent_authentication_failure"
    error = {"type": "invalid_request_error", "code": code, "message": message, "payment_method": rendered(method)}
    intent.update(status="requires_payment_method", payment_method=None, last_payment_error=error)
    account.emit("payment_intent.payment_failed", intent)


def process(account: Account, invoice: Json) -> None:
    """Let a bank debit be under way: the payment intent is processing, and the subscription waits for it."""
    intent = account.find("payment_intent", invoice["_payment_intent"])
    intent["status"] = "processing"
    account.find("subscription", invoice["_subscription"])["_processing"] = True
    account.emit("payment_intent.processing", intent)


def _status_after(failure: Failure) -> str:
    return "requires_action" if failure[0] == "authentication_required" else "requires_payment_method"


def _error(failure: Failure, charge: Json, method: Json) -> Json:
    return {
        "type": "card_error",
        "code": failure[0],
        "decline_code": failure[1],
        "message": failure[2],
        "charge": charge["id"],
        "payment_method": rendered(method),
    }


def _paid(account: Account, invoice: Json, before: Json | None = None) -> None:
    now = account.now_for(invoice)
    if payment := account.store.get("invoice_payment", invoice.get("_invoice_payment", "")):
        payment.update(status="paid", amount_paid=invoice["amount_due"])
        payment["status_transitions"]["paid_at"] = now
        account.emit("invoice_payment.paid", payment, now=now)
    invoice.update(status="paid", attempted=True, amount_paid=invoice["amount_due"], amount_remaining=0)
    invoicing.stop_collecting(invoice)
    invoice["status_transitions"]["paid_at"] = now
    if before is not None:
        account.emit_update("invoice.updated", invoice, before)
    account.emit("invoice.paid", invoice)
    account.emit("invoice.payment_succeeded", invoice)
    _save_card(account, invoice)
    settle_subscription(account, invoice)


def _save_card(account: Account, invoice: Json) -> None:
    """Let the card that paid be its subscription's default, where the subscription asks for that."""
    subscription = account.store.get("subscription", invoice["_subscription"] or "")
    intent = account.store.get("payment_intent", invoice.get("_payment_intent", ""))
    if subscription is None or intent is None:
        return
    if subscription["payment_settings"]["save_default_payment_method"] == "on_subscription":
        subscription["default_payment_method"] = intent["payment_method"]


def pay_out_of_band(account: Account, invoice: Json) -> None:
    """Count an open invoice as paid by other means: no card is charged, and its payment intent is canceled."""
    before = rendered(invoice)
    invoicing.cancel_payment(account, invoice, "canceled")
    due = invoice["amount_due"]
    invoice.update(status="paid", attempted=True, amount_paid=due, amount_paid_off_stripe=due, amount_remaining=0)
    invoicing.stop_collecting(invoice)
    invoice["status_transitions"]["paid_at"] = account.now_for(invoice)
    account.emit_update("invoice.updated", invoice, before)
    account.emit("invoice.paid", invoice)
    account.emit("invoice.payment_succeeded", invoice)
    settle_subscription(account, invoice)


def settle_subscription(account: Account, invoice: Json) -> None:
    """Bring a subscription back to active once its latest invoice is paid, or given up (Stripe's rule for both)."""
    subscription = account.store.get("subscription", invoice["_subscription"] or "")
    if subscription is None or subscription["latest_invoice"] != invoice["id"]:
        return
    if invoice.get("_pending_update"):
        if invoice["status"] == "paid" and subscription.get("_awaited_terms"):
            pending.apply(account, subscription)
    elif subscription["status"] in ("incomplete", "past_due", "unpaid"):
        set_status(account, subscription, "active")
        _set_delinquent(account, subscription["customer"], delinquent=False)
    elif subscription["status"] == "paused" and subscription.get("_resumption") == invoice["id"]:
        pausing.take_up(account, subscription)


def void(account: Account, invoice: Json) -> None:
    """Void an invoice; its subscription then stands as the invoice before it says, and a first one expires."""
    invoicing.void(account, invoice)
    subscription = account.store.get("subscription", invoice["_subscription"] or "")
    if subscription is None or subscription["latest_invoice"] != invoice["id"]:
        return
    if subscription["status"] == "incomplete":
        subscription["ended_at"] = account.now_for(subscription)
        set_status(account, subscription, "incomplete_expired")
    elif subscription["status"] in ("past_due", "unpaid") and not _owes(account, subscription):
        set_status(account, subscription, "active")
        _set_delinquent(account, subscription["customer"], delinquent=False)
    elif subscription.get("_resumption") == invoice["id"]:
        subscription["_resumption"] = None


def _owes(account: Account, subscription: Json) -> bool:
    """Tell whether the newest finalized invoice that is not void is still open."""
    invoices = account.store.all("invoice", customer=subscription["customer"])
    standing = [
        each["status"]
        for each in invoices
        if each["_subscription"] == subscription["id"] and each["status"] not in ("draft", "void")
    ]
    return standing[-1:] == ["open"]


def mark_uncollectible(account: Account, invoice: Json) -> None:
    """Give an invoice up, which settles its subscription although nothing was paid."""
    invoicing.mark_uncollectible(account, invoice)
    settle_subscription(account, invoice)


def _set_delinquent(account: Account, customer_id: str, *, delinquent: bool) -> None:
    customer = account.find("customer", customer_id)
    before = rendered(customer)
    customer["delinquent"] = delinquent
    account.emit_update("customer.updated", customer, before)


def set_status(account: Account, subscription: Json, status: str) -> None:
    """Move a subscription to `status` and tell of it."""
    before = rendered(subscription)
    subscription["status"] = status
    account.emit_update("customer.subscription.updated", subscription, before)


def _failed(account: Account, invoice: Json, failure: Failure, before: Json) -> None:
    subscription = account.store.get("subscription", invoice["_subscription"] or "")
    retries = invoice["auto_advance"] and _is_retried(subscription, invoice)
    invoice["next_payment_attempt"] = _next_attempt(account, invoice) if retries else None
    account.emit_update("invoice.updated", invoice, before)
    account.emit("invoice.payment_failed", invoice)
    if failure[0] == "authentication_required":
        account.emit("invoice.payment_action_required", invoice)
    if subscription is not None:
        _fall_behind(account, subscription, invoice)
    if retries and invoice["next_payment_attempt"] is None:
        _give_up(account, subscription, invoice)


def _is_retried(subscription: Json | None, invoice: Json) -> bool:
    """Tell whether a failed invoice is tried again: not what the client pays itself, nor what may be left unpaid."""
    if subscription is None:
        return True
    waits_for_resumption: bool | None = invoice.get("_resumes_once_paid")
    if waits_for_resumption is not None:
        return waits_for_resumption
    return subscription["status"] in RUNNING and not invoice.get("_pending_update")


def _fall_behind(account: Account, subscription: Json, invoice: Json) -> None:
    """A running subscription becomes past due; a paused one too, if paying its resumption was left to the client."""
    if subscription["status"] == "paused" and invoice.get("_resumes_once_paid") is False:
        pausing.take_up(account, subscription, "past_due")
    elif subscription["status"] in ("active", "trialing") and not invoice.get("_pending_update"):
        set_status(account, subscription, "past_due")
    else:
        return
    _set_delinquent(account, subscription["customer"], delinquent=True)


def _next_attempt(account: Account, invoice: Json) -> int | None:
    first_failed_at: int = invoice.setdefault("_first_failed_at", account.now_for(invoice))
    done = invoice["attempt_count"] - 1
    days = account.policy.retry_days
    return first_failed_at + days[done] * DAY_SECONDS if done < len(days) else None


def _give_up(account: Account, subscription: Json | None, invoice: Json) -> None:
    """Do what the account's settings say once the last retry has failed."""
    invoicing.stop_collecting(invoice)
    if subscription is None or subscription["status"] == "paused":
        return
    if account.policy.after_retries == "canceled":
        end(account, subscription, reason="payment_failed")
    elif account.policy.after_retries == "unpaid":
        set_status(account, subscription, "unpaid")
    elif account.policy.after_retries == "paused":
        pausing.pause(account, subscription, "final_payment_failure")


def end(account: Account, subscription: Json, *, reason: str | None) -> None:
    """End a subscription now; open invoices stay as they are, and are no longer collected.

    Stripe promises that of finalized invoices alone (/api/subscriptions/cancel): a draft advances as it was told to.
    """
    now = account.now_for(subscription)
    subscription["status"], subscription["ended_at"] = "canceled", now
    if subscription["canceled_at"] is None:
        subscription["canceled_at"] = now
    if reason:
        subscription["cancellation_details"]["reason"] = reason
    for invoice in account.store.all("invoice", customer=subscription["customer"]):
        if invoice["_subscription"] == subscription["id"] and invoice["status"] == "open":
            invoicing.stop_collecting(account.find("invoice", invoice["id"]))
    account.emit("customer.subscription.deleted", subscription)
