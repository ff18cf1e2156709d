"""Support's view of accounts: found by how any of their ids begins, and shown whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from service.clocks import Clock
from service.store.account_facts import facts_of
from service.store.account_search import PAGE, AccountQuery, Match, Order, Place, found

__all__ = ["PAGE", "AccountDetail", "AccountQuery", "Accounts", "FoundAccount", "Match", "Order", "Page", "Place"]

EXPORT_PAGE = 1000
ONLY_AT_STRIPE = ("ch_", "py_", "pi_")
"""How the ids begin of which only the disputed and refunded are kept here: Stripe is asked whose another one is."""

OwnerAtStripe = Callable[[str], str | None]
"""Return the customer whom a payment is of, None for one that Stripe does not know; raises StripeUnavailable."""


@dataclass(frozen=True, kw_only=True)
class FoundAccount:
    """One line of a search. `status` and `plan` are those of the entitlement last recorded."""

    reader_id: str
    email: str | None
    customer_id: str | None
    status: str
    plan: str | None
    in_trial: bool = False
    past_due: bool = False
    cancelling: bool = False
    created_at: datetime
    match: Match | None = None
    """By what it was found; None in a list that asks for no id."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page. `next_after` is None on the last."""

    accounts: Sequence[FoundAccount]
    next_after: Place | None


@dataclass(frozen=True, kw_only=True)
class AccountDetail:
    """One account whole. The rows are mappings by column name; invoices, gifts and what was agreed newest first."""

    reader_id: str
    email: str | None
    customer_id: str | None
    created_at: datetime
    fetched_at: datetime | None
    """Business instant of the last look at Stripe; None for who never was a customer there."""
    sync_failure: str | None
    """What the last try to sync failed with; None when it succeeded."""
    subscriptions: Sequence[dict[str, Any]]
    invoices: Sequence[dict[str, Any]]
    grants: Sequence[dict[str, Any]]
    holds: Sequence[dict[str, Any]]
    fraud_warnings: Sequence[dict[str, Any]]
    """Charges that a fraud warning told us to give back, and what became of each."""
    refunds: Sequence[dict[str, Any]]
    trial_ledger: Sequence[dict[str, Any]]
    visitors: Sequence[dict[str, Any]]
    checkouts: Sequence[dict[str, Any]]
    consents: Sequence[dict[str, Any]]
    gifts: Sequence[dict[str, Any]]
    notes: Sequence[dict[str, Any]]
    merges: Sequence[dict[str, Any]] = ()
    unbound: Sequence[str] = ()
    """Other customers at Stripe that name this reader and pay for a plan: what they pay for opens nothing."""
    notices_told: Sequence[dict[str, Any]] = ()
    """What the site was told to tell the reader, and when first."""
    more: frozenset[str] = frozenset()
    """Of which of these there are more than the newest `ROWS_SHOWN`."""


class Accounts:
    """Searches and shows accounts. Every search is answered in the order of an index."""

    def __init__(self, engine: Engine, *, business_clock: Clock, owner_at_stripe: OwnerAtStripe) -> None:
        self._engine = engine
        self._business_clock = business_clock
        self._owner_at_stripe = owner_at_stripe

    def search(self, query: AccountQuery) -> Page:
        """Return the accounts that match, at most a page of them.

        A payment's id that is not kept here is asked for at Stripe, which may raise StripeUnavailable.
        """
        return self._first(query, PAGE)[1]

    def pages(self, query: AccountQuery) -> Iterator[Sequence[FoundAccount]]:
        """Yield all that `search` finds in portions, each asked for when the one before is done with."""
        query, page = self._first(query, EXPORT_PAGE)
        yield page.accounts
        while page.next_after is not None:
            page = self._page(replace(query, after=page.next_after), EXPORT_PAGE)
            yield page.accounts

    def _first(self, query: AccountQuery, size: int) -> tuple[AccountQuery, Page]:
        """Return the first page, and the query with whom Stripe named, if it had to be asked."""
        page = self._page(query, size)
        if page.accounts or query.prefix is None or not query.prefix.startswith(ONLY_AT_STRIPE):
            return query, page
        owned = replace(query, customer_id=self._owner_at_stripe(query.prefix))
        return (query, page) if owned.customer_id is None else (owned, self._page(owned, size))

    def detail(self, reader_id: str) -> AccountDetail | None:
        """Return the account, or None. What the reader may do now is `Readers.state`'s to tell."""
        with self._engine.connect() as connection:
            facts = facts_of(connection, reader_id)
        return None if facts is None else AccountDetail(**facts)

    def _page(self, query: AccountQuery, size: int) -> Page:
        with self._engine.connect() as connection:
            _plan_for_these_values(connection)
            rows = found(connection, query, self._business_clock(), limit=size + 1)
        shown = rows[:size]
        return Page(
            accounts=[_found(row) for row in shown],
            next_after=_place(shown[-1]) if len(rows) > size else None,
        )


def _plan_for_these_values(connection: Connection) -> None:
    """A plan kept for any value would not know a LIKE's beginning, and read a table for it.

    And whoever stands alike is read in order, not sorted: how many those are PostgreSQL guesses far too low, for it
    takes what makes up a standing for independent.
    """
    for setting in ("plan_cache_mode = force_custom_plan", "enable_sort = off", "jit = off"):
        connection.execute(text(f"set local {setting}"))


def _found(row: Any) -> FoundAccount:
    same = {name: value for name, value in row.items() if name not in {"match", "key"}}
    return FoundAccount(**same, match=None if row["match"] is None else Match(row["match"]))


def _place(row: Any) -> Place:
    match = None if row["match"] is None else Match(row["match"])
    key = row["created_at"].astimezone(UTC).isoformat() if match is None else row["key"]
    return Place(match=match, key=key, reader_id=row["reader_id"])
