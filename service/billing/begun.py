"""What a cardholder who left the bank's page has begun to buy: Stripe keeps it, payable, for 23 hours.

https://docs.stripe.com/billing/subscriptions/overview: a first payment that waits for its cardholder leaves the
subscription `incomplete`; voiding its invoice expires it at once.
"""

from __future__ import annotations

import stripe
import structlog

from webhooks.concern import id_of
from webhooks.facts import CHECKOUT_KEY, metadata_of

log = structlog.get_logger(__name__)


def give_up_begun(client: stripe.StripeClient, customer_id: str, checkout_id: str) -> None:
    """Void what this checkout has begun, so that nobody pays for it beside what is bought instead.

    Safe to repeat; raises stripe.StripeError.
    """
    listed = client.v1.subscriptions.list({"customer": customer_id, "status": "incomplete", "limit": 100})
    for each in listed.auto_paging_iter():
        begun = each.to_dict()
        invoice_id = id_of(begun.get("latest_invoice"))
        if invoice_id is not None and metadata_of(begun, CHECKOUT_KEY) == checkout_id:
            client.v1.invoices.void_invoice(invoice_id)
            log.info("begun_purchase_voided", checkout_id=checkout_id, subscription_id=begun["id"])
