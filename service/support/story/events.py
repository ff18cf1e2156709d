"""Stripe's events in words: what one says, and what became of it here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.domain.money import Money
from webhooks.events import Refusal, parse, text_or_none

SAYS = {
    "charge.dispute.closed": "The bank has decided a dispute",
    "charge.dispute.created": "The reader disputed a payment at their bank",
    "charge.dispute.funds_reinstated": "The bank gave disputed money back to us",
    "charge.dispute.funds_withdrawn": "The bank took disputed money away",
    "charge.dispute.updated": "A dispute changed",
    "charge.failed": "A charge failed",
    "charge.refund.updated": "A refund changed",
    "charge.refunded": "A charge was refunded",
    "charge.succeeded": "A charge went through",
    "checkout.session.async_payment_failed": "A slow payment, such as a debit, failed",
    "checkout.session.async_payment_succeeded": "A slow payment, such as a debit, arrived",
    "checkout.session.completed": "The reader finished Stripe's checkout",
    "checkout.session.expired": "A checkout ran out unfinished",
    "customer.created": "The customer was made at Stripe",
    "customer.deleted": "The customer was deleted at Stripe",
    "customer.subscription.created": "A subscription began",
    "customer.subscription.deleted": "A subscription ended",
    "customer.subscription.paused": "A subscription was paused",
    "customer.subscription.pending_update_applied": "A change that waited for its payment was made",
    "customer.subscription.pending_update_expired": "A change that was never paid for was dropped",
    "customer.subscription.resumed": "A subscription was resumed",
    "customer.subscription.trial_will_end": "The trial ends in three days",
    "customer.subscription.updated": "A subscription changed",
    "customer.updated": "The customer's details changed",
    "entitlements.active_entitlement_summary.updated": "Stripe's own list of features changed",
    "invoice.created": "An invoice was drawn up",
    "invoice.finalization_failed": "An invoice could not be made final",
    "invoice.finalized": "An invoice was made final",
    "invoice.marked_uncollectible": "An invoice was given up",
    "invoice.paid": "An invoice was paid",
    "invoice.payment_action_required": "The reader's bank asks the reader to confirm a payment",
    "invoice.payment_failed": "A payment failed",
    "invoice.payment_succeeded": "A payment went through",
    "invoice.upcoming": "A renewal is coming up",
    "invoice.updated": "An invoice changed",
    "invoice.voided": "An invoice was voided",
    "invoice_payment.paid": "A payment was counted towards an invoice",
    "payment_intent.created": "A payment was begun",
    "payment_intent.payment_failed": "A payment was declined",
    "payment_intent.succeeded": "A payment went through",
    "payment_method.attached": "A card was added",
    "payment_method.automatically_updated": "The bank replaced a card by its successor",
    "payment_method.detached": "A card was taken away",
    "payment_method.updated": "A card changed",
    "radar.early_fraud_warning.created": "The card's issuer warned of fraud",
    "radar.early_fraud_warning.updated": "A warning of fraud changed",
    "refund.created": "A refund was begun",
    "refund.failed": "A refund failed",
    "refund.updated": "A refund changed",
    "setup_intent.succeeded": "A card was set up for later payments",
}
_BECAME = {
    "done": "Applied: the customer was looked at again at Stripe.",
    "pending": "Not applied yet; it waits its turn.",
    "failed": "Not applied yet; it failed, and is tried again by itself.",
    "quarantined": "Stuck: it failed too often, and waits for somebody to replay it.",
    "ignored": "Ignored.",
}
IGNORED = {
    "wrong_livemode": "Ignored: it is of Stripe's other mode (test in place of live, or the reverse).",
    "connected_account": "Ignored: it is another Stripe account's.",
    "concerns_no_customer": "Ignored: events of this kind concern no reader.",
    "customer_erased": "Ignored: its customer was erased here; nothing of it is kept.",
    "names_no_customer": "Ignored: neither it nor Stripe says whom it concerns.",
}
_AMOUNTS = {"charge": "amount", "dispute": "amount", "invoice": "amount_due", "payment_intent": "amount",
            "refund": "amount"}  # fmt: skip


@dataclass(frozen=True)
class EventTold:
    """What it says (without a full stop), what became of it, and the id of what it is about."""

    says: str
    became: str
    about: str | None


def event_told(kind: str, body: bytes, *, state: str, reason: str | None, sync_error: str | None) -> EventTold:
    """Return the event in words; what Stripe says of money in it is repeated here, and believed nowhere."""
    event = parse(body)
    about = {} if isinstance(event, Refusal) else event.about
    said = SAYS.get(kind) or f"Stripe's event {kind}"
    return EventTold(
        says=f"{said}{_amount(about)}{_declined(about)}",
        became=_became(state, reason, sync_error),
        about=text_or_none(about.get("id")),
    )


def _became(state: str, reason: str | None, sync_error: str | None) -> str:
    if state == "ignored":
        return IGNORED.get(reason or "", f"Ignored ({reason or 'no reason was kept'}).")
    failure = (reason or sync_error) if state in ("pending", "failed", "quarantined") else None
    return f"{_BECAME[state]} The last try failed: {failure}." if failure else _BECAME[state]


def _amount(about: Mapping[str, Any]) -> str:
    minor, currency = about.get(_AMOUNTS.get(str(about.get("object")), "")), about.get("currency")
    if type(minor) is not int or minor == 0 or not isinstance(currency, str):
        return ""
    return f" ({Money(minor, currency).display})"


def _declined(about: Mapping[str, Any]) -> str:
    """Return why a payment was declined, in Stripe's words to the payer."""
    failed = about.get("last_payment_error")
    message = failed.get("message") if isinstance(failed, dict) else about.get("failure_message")
    return f": {message.rstrip('.')}" if isinstance(message, str) and message else ""
