"""What the offer says about a card that has had a trial already: a card is known only after checkout.

The same holds for an e-mail address whose readers were at their checkouts at the same time.
"""

from __future__ import annotations

import stripe

from service.billing.errands import Errands
from service.billing.once import make_once
from service.domain.vocabulary import RepeatedCard
from service.store.errands import REPEATED_CARDS, Errand

COMMENT = "This card or e-mail address has had its free trial."


class RepeatedCards(Errands):
    """Ends or cancels such trials, by the policy that held when the trial was found."""

    name = "repeated_card"
    rows = REPEATED_CARDS

    def _act(self, errand: Errand) -> str:
        """The keys hold for a day; after that the status tells."""
        if self._settled(errand) is not None:
            return "trial_over"
        key = f"newsstand-repeated-card-{errand.id}"
        make_once(lambda options: self._asked(errand, options), lambda: self._settled(errand), key)
        return "cancelled" if errand.facts["policy"] == RepeatedCard.CANCEL else "trial_ended"

    def _asked(self, errand: Errand, options: stripe.RequestOptions) -> stripe.Subscription:
        subscriptions = self._client.v1.subscriptions
        if errand.facts["policy"] == RepeatedCard.CANCEL:
            return subscriptions.cancel(errand.id, {"cancellation_details": {"comment": COMMENT}}, options)
        return subscriptions.update(errand.id, {"trial_end": "now"}, options)

    def _settled(self, errand: Errand) -> stripe.Subscription | None:
        """Return the subscription if its trial is over, whoever ended it."""
        found = self._client.v1.subscriptions.retrieve(errand.id)
        return found if found.status != "trialing" else None
