"""Things to be done at Stripe, once each and however often that is tried; each kind says what it does.

A sync writes down in its own transaction what it finds; here it is done, with no database connection held, at once
after that sync and by every sweep until it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar

import stripe
import structlog
from sqlalchemy import Connection, Engine

from service.billing.stripe_client import is_transient
from service.clocks import Clock
from service.domain.alarms import ErrandOutcome
from service.store.errands import Errand, ErrandRows

log = structlog.get_logger(__name__)

FINAL = frozenset(
    {
        "resource_missing", "charge_already_refunded", "charge_disputed", "charge_not_refundable",
        "refund_disputed_payment",
    }
)  # fmt: skip
"""Stripe's codes for what will never be done: the thing is gone, or its money is. Anything else, such as a key that may
not do it, people can put right, and then it is still to be done."""
LONGEST_PAUSE_SECONDS = 900
LONGEST_PAUSE_REFUSED_SECONDS = 3600


def _uncounted(_kind: str, _outcome: ErrandOutcome) -> None:
    """Count nothing."""


class Errands(ABC):
    """The errands of one kind. `mark(connection, customer_id)` notes that the customer has changed at Stripe."""

    rows: ClassVar[ErrandRows]

    def __init__(
        self,
        engine: Engine,
        client: stripe.StripeClient,
        *,
        mark: Callable[[Connection, str], None],
        wall_clock: Clock,
        count: Callable[[str, ErrandOutcome], None] = _uncounted,
    ) -> None:
        self._engine = engine
        self._client = client
        self._mark = mark
        self._wall_clock = wall_clock
        self._count = count

    def settle(self, *, limit: int = 500, customer_id: str | None = None) -> int:
        """Do what waits, of one customer or of all; return how many customers have changed at Stripe by it."""
        with self._engine.connect() as connection:
            waiting = self.rows.unsettled(connection, self._wall_clock(), limit=limit, customer_id=customer_id)
        return sum(self._settle(each) for each in waiting)

    @abstractmethod
    def _act(self, errand: Errand) -> str:
        """Do it at Stripe and return what was done, in a word; raises stripe.StripeError. Must bear repetition."""

    def _settle(self, errand: Errand) -> bool:
        try:
            done = self._act(errand)
        except stripe.StripeError as error:
            return self._failed(errand, error)
        self._conclude(errand, done)
        self._count(self.rows.name, ErrandOutcome.DONE)
        log.info(f"{self.rows.name}_settled", errand=errand.id, outcome=done)
        return True

    def _failed(self, errand: Errand, error: stripe.StripeError) -> bool:
        """Record the failure; tell whether it is one for good."""
        reason = error.code or type(error).__name__
        outcome = _outcome_of(error)
        if outcome is ErrandOutcome.REFUSED:
            self._conclude(errand, f"refused:{reason}")
        else:
            self._set_back(errand, refusal=reason if outcome is ErrandOutcome.FAILING else None)
        self._count(self.rows.name, outcome)
        log.warning(f"{self.rows.name}_{outcome}", errand=errand.id, error=reason, attempts=errand.attempts + 1)
        return outcome is ErrandOutcome.REFUSED

    def _conclude(self, errand: Errand, outcome: str) -> None:
        with self._engine.begin() as connection:
            self._mark(connection, errand.customer_id)  # first: a sync, too, locks the customer before other rows
            self.rows.settle(connection, errand, outcome=outcome, wall_now=self._wall_clock())

    def _set_back(self, errand: Errand, refusal: str | None) -> None:
        longest = LONGEST_PAUSE_SECONDS if refusal is None else LONGEST_PAUSE_REFUSED_SECONDS
        pause = timedelta(seconds=min(longest, 5 * 2 ** min(errand.attempts + 1, 20)))
        with self._engine.begin() as connection:
            self.rows.set_back(connection, errand, not_before=self._wall_clock() + pause, refusal=refusal)


def _outcome_of(error: stripe.StripeError) -> ErrandOutcome:
    if is_transient(error):
        return ErrandOutcome.WAITS
    return ErrandOutcome.REFUSED if error.code in FINAL else ErrandOutcome.FAILING
