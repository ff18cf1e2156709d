"""Payments that take days, as bank debits do: the session is complete, and nobody knows yet whether anything is sold.

https://docs.stripe.com/payments/checkout/fulfill-orders: `payment_status` stays `unpaid` until the bank has decided.
"""

from __future__ import annotations

import stripe

from webhooks.concern import id_of

GIVEN_UP = frozenset({"requires_payment_method", "canceled"})
"""Of a payment intent: this try has failed, or there will be none."""


def is_under_way(client: stripe.StripeClient, session: stripe.checkout.Session) -> bool:
    """Tell whether a completed session's payment may still arrive by itself; raises stripe.StripeError."""
    invoice_id = id_of(session.to_dict().get("invoice"))
    if session.status != "complete" or invoice_id is None:
        return False
    payments = client.v1.invoice_payments.list({"invoice": invoice_id, "status": "open"}).data
    made_with = (each.to_dict()["payment"].get("payment_intent") for each in payments)
    intents = (client.v1.payment_intents.retrieve(str(id_of(each))) for each in made_with if each is not None)
    return any(each.status not in GIVEN_UP for each in intents)
