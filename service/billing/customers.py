"""A reader's customer at Stripe: made once, before any checkout, so that two tabs cannot make two payers."""

from __future__ import annotations

import hashlib
from datetime import datetime

import stripe
from sqlalchemy import Connection, Engine

from service.billing.once import make_once
from service.domain.erasure import erased_digest
from service.store import accounts, erased, merges
from service.store.facts import find_facts
from webhooks.facts import READER_KEY, metadata_of


class Customers:
    """Finds or makes the customer of a reader."""

    def __init__(self, engine: Engine, client: stripe.StripeClient, *, test_clock: str, subject_key: str) -> None:
        self._subject_key = subject_key
        self._engine = engine
        self._client = client
        self._test_clock = test_clock

    def known(self, reader_id: str) -> str | None:
        """Return the reader's customer id, or None."""
        with self._engine.connect() as connection:
            account = accounts.find(connection, reader_id)
        return account.customer_id if account else None

    def ensure(self, reader_id: str, email: str | None) -> str:
        """Return the reader's customer, made at Stripe if there is none; raises stripe.StripeError.

        One that was deleted at Stripe, as of the last sync, is replaced: nothing can be sold to it any more. Of one
        that was erased here nothing would be taken in, and one that went along in a merge is another's: a reader who
        comes back is another customer.
        """
        with self._engine.begin() as connection:
            accounts.ensure(connection, reader_id, email)
            facts = find_facts(connection, reader_id)
            left_at = self._left_at(connection, reader_id)
        present = facts.customer_id if facts else None
        deleted = present if facts and facts.snapshot and facts.snapshot.deleted else None
        if present is not None and deleted is None:
            return present
        customer_id = self._create(reader_id, email, after=deleted or (left_at.isoformat() if left_at else None))
        with self._engine.begin() as connection:
            return accounts.bind_customer(connection, reader_id, customer_id, instead_of=deleted)

    def readdress(self, reader_id: str, email: str | None) -> None:
        """Let Stripe know the reader's customer by this address; raises stripe.StripeError.

        A trial that begins is judged by Stripe's address: it must be the one for which the trial was offered.
        """
        with self._engine.connect() as connection:
            facts = find_facts(connection, reader_id)
        if email and facts and facts.customer_id and facts.snapshot and facts.snapshot.email != email:
            self._client.v1.customers.update(facts.customer_id, {"email": email})

    def _left_at(self, connection: Connection, reader_id: str) -> datetime | None:
        """Return when the reader's customer last became nobody's here, or another's: erased or merged."""
        erased_at = erased.erased_at(connection, erased_digest("reader", reader_id, self._subject_key))
        return max(filter(None, (erased_at, merges.merged_at(connection, reader_id))), default=None)

    def _create(self, reader_id: str, email: str | None, *, after: str | None) -> str:
        params: stripe.params.CustomerCreateParams = {"metadata": {READER_KEY: reader_id}}
        if email:
            params["email"] = email
        if self._test_clock:
            params["test_clock"] = self._test_clock
        # Equal parameters give an equal key: parallel first checkouts share one customer (Stripe keeps keys 24 h).
        # After a deletion, an erasure or a merge the key must be another, or Stripe would hand out that customer again.
        asked = sorted(params.items()) + ([("after", after)] if after else [])
        digest = hashlib.sha256(repr(asked).encode()).hexdigest()
        return make_once(
            lambda options: self._client.v1.customers.create(params, options).id,
            lambda: self._made_before(reader_id, email),
            f"newsstand-customer-{digest}",
        )

    def _made_before(self, reader_id: str, email: str | None) -> str | None:
        """Return a customer that Stripe made although it said it failed: of the newest ones, the reader's."""
        params: stripe.params.CustomerListParams = {"limit": 100}
        if email:
            params["email"] = email
        if self._test_clock:
            params["test_clock"] = self._test_clock
        newest = self._client.v1.customers.list(params).data
        theirs = [each.id for each in newest if metadata_of(each.to_dict(), READER_KEY) == reader_id]
        with self._engine.connect() as connection:
            return next((each for each in theirs if not self._is_erased(connection, each)), None)

    def _is_erased(self, connection: Connection, customer_id: str) -> bool:
        return erased.is_erased(connection, erased_digest("customer", customer_id, self._subject_key))
