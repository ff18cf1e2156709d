"""Looking at Stripe again because somebody of staff asks: the account as of now, not as of the last event."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from service.errors import NotFound
from service.store import accounts


class StaffSync:
    """Syncs one account's customer; `sync_now(customer_id)` raises StripeUnavailable when it can't in time."""

    def __init__(self, engine: Engine, sync_now: Callable[[str], None]) -> None:
        self._engine = engine
        self._sync_now = sync_now

    def sync(self, reader_id: str) -> None:
        """Sync now; raises NotFound for who has no account (`no_account`), or never was a customer (`no_customer`)."""
        with self._engine.connect() as connection:
            account = accounts.find(connection, reader_id)
        if account is None:
            raise NotFound("There is no account of this reader.", code="no_account")
        if account.customer_id is None:
            raise NotFound("The reader has never subscribed: Stripe knows nothing of them.", code="no_customer")
        self._sync_now(account.customer_id)
