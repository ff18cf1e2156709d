"""Consent outside a checkout: written down before Stripe is asked, with what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import stripe
from sqlalchemy import Engine

from service.billing.stripe_client import is_transient
from service.clocks import Clock
from service.errors import PaymentFailed
from service.store import consents


class Consents:
    """Keeps what readers were told and agreed to, under the offer's `catalog_version`."""

    def __init__(self, engine: Engine, *, catalog_version: str, wall_clock: Clock) -> None:
        self._engine = engine
        self._catalog_version = catalog_version
        self._wall_clock = wall_clock

    @contextmanager
    def to_plan_change(
        self, reader_id: str, subscription_id: str, plan: str, told: dict[str, Any], *, by_staff: bool = False
    ) -> Iterator[None]:
        """Keep consent to the change made inside; when its outcome is not known, neither is the consent's."""
        with self._engine.begin() as connection:
            consent_id = consents.record(
                connection,
                reader_id=reader_id,
                kind="plan_change_by_staff" if by_staff else "plan_change",
                subscription_id=subscription_id,
                plan=plan,
                disclosure=told,
                catalog_version=self._catalog_version,
                agreed_at=self._wall_clock(),
            )
        try:
            yield
        except PaymentFailed as failure:
            self._conclude(consent_id, failure.code)
            raise
        except stripe.StripeError as error:
            if not is_transient(error):
                self._conclude(consent_id, f"refused:{error.code or type(error).__name__}")
            raise
        self._conclude(consent_id, "changed")

    def _conclude(self, consent_id: int, outcome: str) -> None:
        with self._engine.begin() as connection:
            consents.conclude(connection, consent_id, outcome)
