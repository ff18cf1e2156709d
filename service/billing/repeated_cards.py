"""What the offer says about a card that has had a trial already, done at Stripe: once, and however often it is tried.

A card is known only after checkout, so the sync that sees it writes the trial down in its own transaction; here it is
acted on afterwards, with no database connection held, at once after that sync and by every sweep until it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import stripe
import structlog
from sqlalchemy import Connection, Engine

from service.billing.stripe_client import is_transient
from service.clocks import Clock
from service.domain.vocabulary import RepeatedCard
from service.store import repeated_cards
from service.store.repeated_cards import RepeatedTrial

log = structlog.get_logger(__name__)

COMMENT = "This card has had its free trial."


class RepeatedCards:
    """Ends or cancels such trials. `mark(connection, customer_id)` notes that the customer has changed at Stripe."""

    def __init__(
        self,
        engine: Engine,
        client: stripe.StripeClient,
        *,
        mark: Callable[[Connection, str], None],
        wall_clock: Clock,
    ) -> None:
        self._engine = engine
        self._client = client
        self._mark = mark
        self._wall_clock = wall_clock

    def settle(self, *, limit: int = 500, customer_id: str | None = None) -> int:
        """Act on what waits, of one customer or of all; return how many customers have changed at Stripe by it."""
        with self._engine.connect() as connection:
            waiting = repeated_cards.unsettled(connection, self._wall_clock(), limit=limit, customer_id=customer_id)
        return sum(self._settle(each) for each in waiting)

    def _settle(self, trial: RepeatedTrial) -> bool:
        try:
            outcome = self._act(trial)
        except stripe.StripeError as error:
            if is_transient(error):
                self._set_back(trial, type(error).__name__)
                return False
            outcome = f"refused:{error.code or type(error).__name__}"
        with self._engine.begin() as connection:
            self._mark(connection, trial.customer_id)  # first: a sync, too, locks the customer before other rows
            repeated_cards.settle(connection, trial.subscription_id, outcome=outcome, wall_now=self._wall_clock())
        log.info("repeated_card_settled", subscription_id=trial.subscription_id, outcome=outcome)
        return True

    def _act(self, trial: RepeatedTrial) -> str:
        """Do it at Stripe and return what was done. The key holds for a day; after that the status tells."""
        subscriptions = self._client.v1.subscriptions
        if subscriptions.retrieve(trial.subscription_id).status != "trialing":
            return "trial_over"
        options: stripe.RequestOptions = {"idempotency_key": f"newsstand-repeated-card-{trial.subscription_id}"}
        if trial.policy is RepeatedCard.CANCEL:
            subscriptions.cancel(trial.subscription_id, {"cancellation_details": {"comment": COMMENT}}, options)
            return "cancelled"
        subscriptions.update(trial.subscription_id, {"trial_end": "now"}, options)
        return "trial_ended"

    def _set_back(self, trial: RepeatedTrial, error: str) -> None:
        attempts = trial.attempts + 1
        not_before = self._wall_clock() + timedelta(seconds=min(900, 5 * 2 ** min(attempts, 10)))
        with self._engine.begin() as connection:
            repeated_cards.set_back(connection, trial.subscription_id, attempts=attempts, not_before=not_before)
        log.warning("repeated_card_waits", subscription_id=trial.subscription_id, error=error, attempts=attempts)
