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
    """Ends or cancels such trials, by the policy that held when the trial was found; charges for none cancelled."""

    rows = REPEATED_CARDS

    def _act(self, errand: Errand) -> str:
        """The keys hold for a day; after that the status tells.

        Who has cancelled the trial was told that nothing will be charged: theirs is ended without a charge.
        """
        found = self._client.v1.subscriptions.retrieve(errand.id)
        if found.status != "trialing":
            return "trial_over"
        key = f"newsstand-repeated-card-{errand.id}"
        if errand.facts["policy"] == RepeatedCard.CANCEL or _never_charged(found):
            make_once(lambda options: self._cancel(errand, options), lambda: self._settled(errand), f"{key}-cancel")
            return "cancelled"
        make_once(lambda options: self._end_trial(errand, options), lambda: self._settled(errand), key)
        return "trial_ended"

    def _cancel(self, errand: Errand, options: stripe.RequestOptions) -> stripe.Subscription:
        details: stripe.params.SubscriptionCancelParams = {"cancellation_details": {"comment": COMMENT}}
        return self._client.v1.subscriptions.cancel(errand.id, details, options)

    def _end_trial(self, errand: Errand, options: stripe.RequestOptions) -> stripe.Subscription:
        return self._client.v1.subscriptions.update(errand.id, {"trial_end": "now"}, options)

    def _settled(self, errand: Errand) -> stripe.Subscription | None:
        """Return the subscription if its trial is over, whoever ended it."""
        found = self._client.v1.subscriptions.retrieve(errand.id)
        return found if found.status != "trialing" else None


def _never_charged(trial: stripe.Subscription) -> bool:
    """Tell whether it ends with its trial, in either of Stripe's shapes."""
    ends_at, trial_end = trial.cancel_at, trial.trial_end
    return trial.cancel_at_period_end or (ends_at is not None and trial_end is not None and ends_at <= trial_end)
