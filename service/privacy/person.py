"""Under which names somebody is known here: what is held on them is found by these."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    all_,
    and_,
    any_,
    func,
    literal_column,
    select,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY

from service.privacy.parameters import CUSTOMER_IDS, READER_IDS, VISITOR_IDS, Parameters, spelt
from service.store import merges
from service.store.act_tables import account_merges
from service.store.money_tables import staff_refunds, warned_charges
from service.store.tables import (
    accounts,
    checkouts,
    customer_snapshots,
    holds,
    invoices,
    repeated_cards,
    subscriptions,
    trial_bars,
    trial_ledger,
    visitor_links,
)
from webhooks.tables import events

SHORTEST_WORD = 6
"""A name that is shorter, or of letters alone, is looked for only as a whole value in quotes: it may be any word."""

_EMAIL = r'"(?:[a-z]+_)?email"\s*:\s*("(?:[^"\\]|\\.)+")'
"""How an event names an address, as JSON: Stripe's are of the payer, whatever object they stand in."""
_TOLD = "told_email"


@dataclass(frozen=True, kw_only=True)
class Person:
    """One reader's ids, as known now. `stripe_ids` are those of what was bought, paid, disputed and given back.

    `merged_ids` are readers whose accounts were made one with this one; `emails` are those of before, too, as far as
    anything kept here tells them.
    """

    reader_id: str
    merged_ids: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    customer_ids: tuple[str, ...] = ()
    visitor_ids: tuple[str, ...] = ()
    checkout_ids: tuple[str, ...] = ()
    stripe_ids: tuple[str, ...] = ()

    @property
    def reader_ids(self) -> tuple[str, ...]:
        """Return the ids under which the person reads, or once did."""
        return (self.reader_id, *self.merged_ids)

    @property
    def names(self) -> tuple[str, ...]:
        """Return all of them, each once."""
        every = (*self.reader_ids, *self.emails, *self.customer_ids, *self.visitor_ids, *self.checkout_ids)
        return tuple(dict.fromkeys([*every, *self.stripe_ids]))

    @property
    def words(self) -> list[str]:
        """Return how they would stand in free text, among other words."""
        return [name if len(name) >= SHORTEST_WORD and not name.isalpha() else f'"{name}"' for name in self.names]

    @cached_property
    def parameters(self) -> Parameters:
        """Return what a statement of `Held` is told, to be about this person."""
        ids = {READER_IDS: self.reader_ids, CUSTOMER_IDS: self.customer_ids, VISITOR_IDS: self.visitor_ids}
        return {parameter.key: list(each) for parameter, each in ids.items()} | spelt(self.names, self.words)


def find_person(connection: Connection, reader_id: str) -> Person:
    """Return what this reader is known by; somebody who never was here is known by the reader id alone."""
    merged_ids = merges.gone_into(connection, reader_id)
    ids: dict[str, list[str]] = {READER_IDS.key: [reader_id, *merged_ids]}
    ids[CUSTOMER_IDS.key] = sorted(connection.scalars(_CUSTOMERS, ids))
    names: defaultdict[str, set[str]] = defaultdict(set)
    for kind, name in connection.execute(_NAMES, ids):
        names[kind].add(json.loads(name) if kind == _TOLD else name)
    emails = {each for each in names["email"] | names[_TOLD] if each and each.isprintable()}
    return Person(
        reader_id=reader_id,
        merged_ids=tuple(merged_ids),
        customer_ids=tuple(ids[CUSTOMER_IDS.key]),
        emails=tuple(sorted(emails)),
        visitor_ids=tuple(sorted(names["visitor"])),
        checkout_ids=tuple(sorted(names["checkout"])),
        stripe_ids=tuple(sorted(names["stripe"])),
    )


def _customers() -> Select[Any]:
    """Return the query of the reader's customers, of those deleted at Stripe too; none that is another's now."""
    ledger, bars, snapshot = trial_ledger.c, trial_bars.c, customer_snapshots.c
    found = union(
        _of_reader(accounts.c.reader_id, accounts.c.customer_id.label("id")),
        _of_reader(snapshot.reader_id, snapshot.customer_id),
        _of_reader(snapshot.named_reader_id, snapshot.customer_id),
        _of_reader(account_merges.c.reader_id, account_merges.c.gone_customer_id),
        _of_reader(subscriptions.c.reader_id, subscriptions.c.customer_id),
        _of_reader(repeated_cards.c.reader_id, repeated_cards.c.customer_id),
        _of_reader(checkouts.c.reader_id, checkouts.c.parameters["customer"].astext),
        _of_reader(ledger.reader_id, ledger.value).where(ledger.kind == "customer"),
        _of_reader(bars.reader_id, bars.value).where(bars.kind == "customer"),
    ).subquery()
    bound = and_(accounts.c.customer_id == found.c.id, accounts.c.reader_id != all_(READER_IDS))
    elsewhere = select(accounts.c.customer_id).where(bound).exists()
    return select(found.c.id).where(found.c.id.is_not(None), ~elsewhere)


def _names() -> Select[Any]:
    """Return the query of every other name and its kind: also the addresses that Stripe told of before (`_TOLD`)."""
    told = func.regexp_matches(func.convert_from(events.c.body, "UTF8"), _EMAIL, "g", type_=ARRAY(Text))[1]
    of_reader = {
        accounts.c.email: "email", visitor_links.c.visitor_id: "visitor", checkouts.c.id: "checkout",
        checkouts.c.session_id: "stripe", staff_refunds.c.refund_id: "stripe",
        trial_ledger.c.subscription_id: "stripe",
    }  # fmt: skip
    bought = (
        subscriptions.c.id, invoices.c.id, holds.c.id, holds.c.charge_id, warned_charges.c.warning_id,
        warned_charges.c.charge_id,
    )  # fmt: skip
    found = union(
        *(_of_reader(column.table.c.reader_id, _of(kind), column.label("name")) for column, kind in of_reader.items()),
        *(_of_customer(column.table.c.customer_id, _of("stripe"), column) for column in bought),
        _of_customer(customer_snapshots.c.customer_id, _of("email"), customer_snapshots.c.snapshot["email"].astext),
        _of_customer(events.c.customer_id, _of(_TOLD), told),
    ).subquery()
    return select(found.c.kind, found.c.name).where(found.c.name.is_not(None))


def _of(kind: str) -> ColumnElement[str]:
    return literal_column(f"'{kind}'", Text).label("kind")


def _of_reader(reader_id: ColumnElement[str], *columns: Any) -> Select[Any]:
    return select(*columns).where(reader_id == any_(READER_IDS))


def _of_customer(customer_id: ColumnElement[str], *columns: Any) -> Select[Any]:
    return select(*columns).where(customer_id == any_(CUSTOMER_IDS))


_CUSTOMERS = _customers()
_NAMES = _names()
