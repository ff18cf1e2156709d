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
from service.store.errands import Errand, ErrandRows

log = structlog.get_logger(__name__)


class Errands(ABC):
    """The errands of one kind. `mark(connection, customer_id)` notes that the customer has changed at Stripe."""

    name: ClassVar[str]
    rows: ClassVar[ErrandRows]

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
        """Do what waits, of one customer or of all; return how many customers have changed at Stripe by it."""
        with self._engine.connect() as connection:
            waiting = self.rows.unsettled(connection, self._wall_clock(), limit=limit, customer_id=customer_id)
        return sum(self._settle(each) for each in waiting)

    @abstractmethod
    def _act(self, errand: Errand) -> str:
        """Do it at Stripe and return what was done, in a word; raises stripe.StripeError. Must bear repetition."""

    def _settle(self, errand: Errand) -> bool:
        try:
            outcome = self._act(errand)
        except stripe.StripeError as error:
            if is_transient(error):
                self._set_back(errand, type(error).__name__)
                return False
            outcome = f"refused:{error.code or type(error).__name__}"
        with self._engine.begin() as connection:
            self._mark(connection, errand.customer_id)  # first: a sync, too, locks the customer before other rows
            self.rows.settle(connection, errand, outcome=outcome, wall_now=self._wall_clock())
        log.info(f"{self.name}_settled", errand=errand.id, outcome=outcome)
        return True

    def _set_back(self, errand: Errand, error: str) -> None:
        not_before = self._wall_clock() + timedelta(seconds=min(900, 5 * 2 ** min(errand.attempts + 1, 10)))
        with self._engine.begin() as connection:
            self.rows.set_back(connection, errand, not_before=not_before)
        log.warning(f"{self.name}_waits", errand=errand.id, error=error, attempts=errand.attempts + 1)
