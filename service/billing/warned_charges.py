"""Charges that their issuer warns of as fraud, given back before they are disputed, if the offer says so.

Four of five such warnings become disputes, which cost a fee and count against the publisher; a refund in time prevents
that (https://docs.stripe.com/disputes/prevention/fraud-warnings). A refund cancels nothing.
"""

from __future__ import annotations

from service.billing.errands import Errands
from service.store.errands import WARNED_CHARGES, Errand


class WarnedCharges(Errands):
    """Refunds such charges whole: what is left of each."""

    name = "warned_charge"
    rows = WARNED_CHARGES

    def _act(self, errand: Errand) -> str:
        """The key holds for a day; after that Stripe refuses what has been given back, or is disputed."""
        self._client.v1.refunds.create(
            {
                "charge": errand.facts["charge_id"],
                "reason": "fraudulent",
                "metadata": {"newsstand_early_fraud_warning": errand.id},
            },
            {"idempotency_key": f"newsstand-warned-charge-{errand.id}"},
        )
        return "refunded"
