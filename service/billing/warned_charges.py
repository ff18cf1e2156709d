"""Charges that their issuer warns of as fraud, given back before they are disputed, if the offer says so.

Four of five such warnings become disputes, which cost a fee and count against the publisher; a refund in time prevents
that (https://docs.stripe.com/disputes/prevention/fraud-warnings). A refund cancels nothing.
"""

from __future__ import annotations

import stripe

from service.billing.errands import Errands
from service.billing.once import make_once
from service.store.errands import WARNED_CHARGES, Errand
from webhooks.facts import metadata_of

WARNING_KEY = "newsstand_early_fraud_warning"
"""The refund's metadata at Stripe that tells which warning it answers."""


class WarnedCharges(Errands):
    """Refunds such charges whole: what is left of each."""

    rows = WARNED_CHARGES

    def _act(self, errand: Errand) -> str:
        """The keys hold for a day; after that Stripe refuses what has been given back, or is disputed."""
        key = f"newsstand-warned-charge-{errand.id}"
        make_once(lambda options: self._asked(errand, options), lambda: self._made(errand), key)
        return "refunded"

    def _asked(self, errand: Errand, options: stripe.RequestOptions) -> stripe.Refund:
        params: stripe.params.RefundCreateParams = {
            "charge": errand.facts["charge_id"],
            "reason": "fraudulent",
            "metadata": {WARNING_KEY: errand.id},
        }
        return self._client.v1.refunds.create(params, options)

    def _made(self, errand: Errand) -> stripe.Refund | None:
        """Return the refund that Stripe made although it said it failed."""
        found = self._client.v1.refunds.list({"charge": errand.facts["charge_id"], "limit": 100}).data
        return next((each for each in found if metadata_of(each.to_dict(), WARNING_KEY) == errand.id), None)
