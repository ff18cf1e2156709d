"""What the offer says about a card that has had a trial already. A card is known only after checkout."""

from __future__ import annotations

import stripe

from service.billing.errands import Errands
from service.domain.vocabulary import RepeatedCard
from service.store.errands import REPEATED_CARDS, Errand

COMMENT = "This card has had its free trial."


class RepeatedCards(Errands):
    """Ends or cancels such trials, by the policy that held when the trial was found."""

    name = "repeated_card"
    rows = REPEATED_CARDS

    def _act(self, errand: Errand) -> str:
        """The key holds for a day; after that the status tells."""
        subscriptions = self._client.v1.subscriptions
        if subscriptions.retrieve(errand.id).status != "trialing":
            return "trial_over"
        options: stripe.RequestOptions = {"idempotency_key": f"newsstand-repeated-card-{errand.id}"}
        if errand.facts["policy"] == RepeatedCard.CANCEL:
            subscriptions.cancel(errand.id, {"cancellation_details": {"comment": COMMENT}}, options)
            return "cancelled"
        subscriptions.update(errand.id, {"trial_end": "now"}, options)
        return "trial_ended"
