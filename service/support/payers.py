"""Whose a payment is, asked at Stripe: of charges only those that something stands against are kept here."""

from __future__ import annotations

import re

import stripe

from service.billing.stripe_client import is_transient, stripe_deadline
from webhooks.concern import id_of

DEADLINE_SECONDS = 5.0
_CHARGE, _INTENT = re.compile("(ch|py)_[A-Za-z0-9_]{1,100}"), re.compile("pi_[A-Za-z0-9_]{1,100}")


class Payers:
    """Finds the customer of a charge (`ch_`, `py_`) or a payment intent (`pi_`) by its whole id."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._api = client.v1

    def owner(self, payment_id: str) -> str | None:
        """Return the customer, None for an id that Stripe does not know; raises StripeUnavailable."""
        with stripe_deadline(DEADLINE_SECONDS):
            try:
                return self._asked(payment_id)
            except stripe.InvalidRequestError as error:
                if is_transient(error):
                    raise
                return None

    def _asked(self, payment_id: str) -> str | None:
        if _CHARGE.fullmatch(payment_id):
            return id_of(self._api.charges.retrieve(payment_id).to_dict().get("customer"))
        if _INTENT.fullmatch(payment_id):
            return id_of(self._api.payment_intents.retrieve(payment_id).to_dict().get("customer"))
        return None
