"""What follows for a reader from each type of Stripe's events, in a sentence that support can read out.

The types, and when they are sent: https://docs.stripe.com/api/events/types. All of them are hints alike (the customer
is fetched whole); what differs is what the fetch will find.
"""

from __future__ import annotations

from collections.abc import Mapping

from service.support.story.events import IGNORED
from webhooks.concern import UNCONCERNED

MEANINGS: Mapping[str, str] = {
    "checkout.session.completed": "The reader finished Stripe's page: the sale opens articles once paid, or free.",
    "checkout.session.async_payment_succeeded": "A slow payment, such as a debit, arrived: the sale opens articles.",
    "checkout.session.async_payment_failed": "A slow payment, such as a debit, failed: nothing is opened.",
    "checkout.session.expired": "The reader left Stripe's page: nothing was sold, and the trial is still theirs.",
    "customer.subscription.created": "A subscription was begun; it opens articles once paid, or in its trial.",
    "customer.subscription.updated": "The subscription changed: plan, dates, status or pause are looked at again.",
    "customer.subscription.deleted": "The subscription is over, and so is its access.",
    "customer.subscription.paused": "The subscription is paused: it opens nothing until it is resumed.",
    "customer.subscription.resumed": "The subscription runs again.",
    "customer.subscription.trial_will_end": "The trial ends within days: the reader's notices say so, and the price.",
    "customer.subscription.pending_update_applied": "A change that waited for its payment was paid, and holds now.",
    "customer.subscription.pending_update_expired": "A change was never paid: the plan stays as it was.",
    "invoice.created": "An invoice was drawn up; Stripe charges it within the hour.",
    "invoice.finalized": "An invoice was made final, and is about to be charged.",
    "invoice.paid": "An invoice was paid: access lasts to the end of what it paid for.",
    "invoice.payment_succeeded": "Says again what invoice.paid says.",
    "invoice.payment_failed": "A charge failed: access goes on for the grace; the reader's notices say where to pay.",
    "invoice.payment_action_required": "The bank asks for the cardholder: the reader's notices say where to confirm.",
    "invoice.finalization_failed": "An invoice could not be made final: nothing is collected until people act.",
    "invoice.marked_uncollectible": "An unpaid invoice was given up: its grace is over, and it opens nothing.",
    "invoice.voided": "An invoice was cancelled: nothing is owed for it, and unpaid it opens nothing.",
    "invoice.upcoming": "A renewal comes near: the reader's notices tell of a yearly one thirty days ahead.",
    "invoice.updated": "An invoice changed.",
    "invoice_payment.paid": "A payment was counted towards an invoice.",
    "charge.refunded": "Money went back: all of the running period's ends access, a part changes nothing.",
    "refund.created": "Money goes back: all of the running period's ends access, a part changes nothing.",
    "refund.updated": "A refund changed.",
    "refund.failed": "A refund did not reach the reader: what it had closed is open again.",
    "charge.dispute.created": "The bank took a payment back: access is held, unless it merely inquires.",
    "charge.dispute.updated": "A dispute changed.",
    "charge.dispute.closed": "A dispute is decided: won opens access again, lost takes back what was paid for.",
    "charge.dispute.funds_withdrawn": "A dispute's money was taken from the publisher's balance.",
    "charge.dispute.funds_reinstated": "A dispute's money came back to the publisher's balance.",
    "radar.early_fraud_warning.created": "The card's issuer warns of fraud: access is held, or the money given back.",
    "radar.early_fraud_warning.updated": "A fraud warning changed: one that nobody can act on any more holds nothing.",
    "customer.created": "A customer was made at Stripe.",
    "customer.updated": "The customer's address or card changed.",
    "customer.deleted": "The customer was deleted at Stripe, with all subscriptions: access is over.",
    "payment_method.attached": "A card was saved; if it has had a trial before, the offer says what follows.",
    "payment_method.updated": "A card changed.",
    "payment_method.automatically_updated": "The bank replaced a card by its successor.",
    "payment_method.detached": "A card was taken away.",
    "entitlements.active_entitlement_summary.updated": "Stripe's own list of features changed; ours follow the plan.",
}  # fmt: skip


def meaning_of(event_type: str, *, ignored: str | None = None) -> str:
    """Return what follows for a reader from an event of this type, or why (the reason stored with it) nothing does.

    A thin event of one of v1's objects (`v1.…`) means what its twin does.
    """
    if ignored is not None:
        return IGNORED.get(ignored, f"Ignored ({ignored}).")
    plain = event_type.removeprefix("v1.")
    if plain.startswith(UNCONCERNED):
        return IGNORED["concerns_no_customer"]
    return MEANINGS.get(plain, "The customer is looked at again; nothing follows from this type of event itself.")
