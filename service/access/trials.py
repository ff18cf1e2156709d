"""Who may still have the trial, asked of the ledger before checkout."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from service.access.projection import trial_identities
from service.access.recent import Recent
from service.domain.catalog import Catalog, Plan
from service.domain.emails import email_digest
from service.domain.erasure import erased_digest, spellings
from service.domain.trials import TrialEligibility, trial_eligibility
from service.store import accounts, derived, trials
from service.store.database import reading

log = structlog.get_logger(__name__)

REMEMBERED = 50_000
BELIEVED_SECONDS = 60.0


class Trials:
    """Answers whether a reader may have the trial, and why not."""

    def __init__(self, engine: Engine, catalog: Catalog, *, email_key: str) -> None:
        self._engine = reading(engine)
        self._catalog = catalog
        self._email_key = email_key
        self._likely = Recent[bool](size=REMEMBERED, seconds=BELIEVED_SECONDS)

    def eligibility(self, connection: Connection, reader_id: str, plan: Plan, email: str | None) -> TrialEligibility:
        """Return whether this reader, under this e-mail too, may have `plan`'s trial, with the reason."""
        customer_id, addresses, card = _payer(connection, reader_id)
        known_as: set[tuple[str, str]] = set()
        for address in {email, *addresses}:
            identities = trial_identities(reader_id, customer_id, address, email_key=self._email_key, card=card)
            known_as.update(spellings(identities, self._email_key))
        used = trials.used_by(connection, known_as)
        barred = {"dispute"} if trials.barred_by(connection, known_as) else set()
        return trial_eligibility(plan, used=used | barred)

    def leave_behind(self, connection: Connection, reader_id: str, email: str) -> None:
        """Enter the reader for what rules a trial out under an address that `email` is to take the place of.

        Another address is no way to a second trial; the account and Stripe know the newest one alone.
        """
        _, addresses, _ = _payer(connection, reader_id)
        known = {email_digest(each, self._email_key) for each in addresses if each}
        for digest in known - {email_digest(email, self._email_key)}:
            trials.inherit(connection, reader_id, digest)

    def for_reader(self, connection: Connection, reader_id: str) -> TrialEligibility:
        """Return the eligibility for the first plan that has a trial (or for the first plan)."""
        erased = erased_digest("reader", reader_id, self._email_key)
        if trials.is_newcomer(connection, reader_id, erased=erased):
            return trial_eligibility(self._offered(), used=frozenset())
        return self.eligibility(connection, reader_id, self._offered(), None)

    def likely(self, reader_id: str, now: datetime) -> bool:
        """Tell whether a wall should offer the trial, as of a minute ago at most; business `now`.

        Checkout decides, so a reader who meets many walls need not cost a query for each, and when the ledger is out
        of reach the trial is offered.
        """
        known = self._likely.get(reader_id, now.timestamp())
        if known is not None:
            return known
        try:
            with self._engine.connect() as connection:
                eligible = self.for_reader(connection, reader_id).eligible
        except SQLAlchemyError as error:
            log.warning("trial_ledger_unavailable", error=type(error).__name__)
            return True
        self._likely.add(reader_id, eligible, now.timestamp())
        return eligible

    def _offered(self) -> Plan:
        plans = self._catalog.plans
        return next((plan for plan in plans if plan.trial_days > 0), plans[0])


def _payer(connection: Connection, reader_id: str) -> tuple[str | None, set[str | None], str | None]:
    """Return the reader's customer, the addresses that we and Stripe know, and the card's or account's fingerprint."""
    account = accounts.find(connection, reader_id)
    if account is None:
        return None, set(), None
    email, card = derived.payer_of(connection, account.customer_id)
    return account.customer_id, {account.email, email}, card
