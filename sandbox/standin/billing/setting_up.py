"""Setup intents: a card is saved without being charged, for a customer or for a subscription that costs nothing yet.

Rules: docs.stripe.com/api/setup_intents and /billing/subscriptions/trials (`pending_setup_intent`).
"""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing import cardholders
from sandbox.standin.shapes import people
from sandbox.standin.store import Json, rendered


def begin(account: Account, customer: Json, facts: Json) -> Json:
    """Return a new intent that waits for a card."""
    identifier, now = account.new_id("setup_intent"), account.now_for(customer)
    waiting = {"status": "requires_payment_method", **facts}
    intent = account.add({**people.setup_intent(identifier, now, customer["id"], None), **waiting})
    account.emit("setup_intent.created", intent)
    return intent


def ask_for_card(account: Account, subscription: Json) -> None:
    """Let a subscription that costs nothing yet, and that no card pays, wait for one: its `pending_setup_intent`."""
    if cardholders.method_for(account, subscription) is None:
        customer = account.find("customer", subscription["customer"])
        intent = begin(account, customer, {"_subscription": subscription["id"]})
        subscription["pending_setup_intent"] = intent["id"]


def confirm(account: Account, intent: Json, method: Json) -> cardholders.Failure | None:
    """Ask a card's bank whether it may be saved; return why not, None when it may or its holder is wanted."""
    failure = cardholders.setup_failure(method)
    if failure is not None:
        error = {"type": "card_error", "code": failure[0], "decline_code": failure[1], "message": failure[2]}
        intent.update(status="requires_payment_method", payment_method=None, last_setup_error=error)
        account.emit("setup_intent.setup_failed", intent)
        return failure
    wants_holder = cardholders.asks_for_cardholder(method)
    intent.update(payment_method=method["id"], status="requires_action" if wants_holder else "succeeded")
    if wants_holder:
        account.emit("setup_intent.requires_action", intent)
    return None


def done(account: Account, intent: Json) -> None:
    """Tell that a card is saved, and let the subscription that waited for it wait no more."""
    account.emit("setup_intent.succeeded", intent)
    subscription = account.store.get("subscription", intent.get("_subscription") or "")
    if subscription is None:
        return
    before = rendered(subscription)
    subscription["pending_setup_intent"] = None
    if subscription["payment_settings"]["save_default_payment_method"] == "on_subscription":
        subscription["default_payment_method"] = intent["payment_method"]
    account.emit_update("customer.subscription.updated", subscription, before)
