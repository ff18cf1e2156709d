"""The stand-in Stripe as the seed uses it: the sandbox's clock, charges, and what only banks bring about."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sandbox.tour.browser import direct_session
from sandbox.tour.stripe_account import StripeAccount

TIMEOUT_SECONDS = 60.0


class NothingToDo(Exception):
    """The reader's life has made the act pointless, as a refund of who never paid."""


class Bank(StripeAccount):
    """The sandbox's account, and the stand-in's levers."""

    def __init__(self, address: str, key: str) -> None:
        super().__init__(address, key)
        self._address = address
        self._session = direct_session()

    def later(self, days: int) -> datetime:
        """Return the instant that many days after the clock as last read."""
        if self.now is None:
            raise RuntimeError("the clock was not found yet")
        return self.now + timedelta(days=days)

    def newest_charge(self, customer_id: str) -> str | None:
        """Return the customer's newest payment that went through, None where there is none."""
        if not customer_id:
            return None
        found = self._client.v1.charges.list({"customer": customer_id, "limit": 10}).data
        return next((each.id for each in found if each.paid and each.amount > 0), None)

    def lever(self, path: str, **sent: str) -> dict[str, Any]:
        """Let something happen; raise NothingToDo where the stand-in says that it cannot."""
        answer = self._session.post(f"{self._address}/_standin/{path}", json=sent, timeout=TIMEOUT_SECONDS)
        if answer.status_code == 400:
            raise NothingToDo
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def pending(self) -> int:
        """Return how many deliveries are still to be made."""
        answer = self._session.get(f"{self._address}/health", timeout=TIMEOUT_SECONDS)
        return int(answer.json()["pending_deliveries"])
