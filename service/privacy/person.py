"""Under which names somebody is known here: what is held on them is found by these."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Select, Text, and_, func, or_, select, union
from sqlalchemy.dialects.postgresql import ARRAY, array

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


def find_person(connection: Connection, reader_id: str) -> Person:
    """Return what this reader is known by; somebody who never was here is known by the reader id alone."""
    merged_ids = tuple(merges.gone_into(connection, reader_id))
    reader_ids = (reader_id, *merged_ids)
    customer_ids = _texts(connection, _customers(reader_ids))
    return Person(
        reader_id=reader_id,
        merged_ids=merged_ids,
        customer_ids=customer_ids,
        emails=_emails(connection, reader_ids, customer_ids),
        visitor_ids=_texts(
            connection, select(visitor_links.c.visitor_id).where(visitor_links.c.reader_id.in_(reader_ids))
        ),
        checkout_ids=_texts(connection, select(checkouts.c.id).where(checkouts.c.reader_id.in_(reader_ids))),
        stripe_ids=_texts(connection, union(*_at_stripe(reader_ids, customer_ids))),
    )


def holds_word_of(text: ColumnElement[str], person: Person) -> ColumnElement[bool]:
    """Return whether a JSON text has one of the person's ids as a whole value, in whatever case or spelling.

    The text is cut at its quotes once: a pattern of all ids takes twice as long for ten of them, four times for 200.
    """
    spellings = sorted({spelling for name in person.names for spelling in _spellings(name)})
    whole = [func.lower(each) for each in spellings if '"' not in each]
    torn = [func.strpos(func.lower(text), func.lower(f'"{each}"')) > 0 for each in spellings if '"' in each]
    values = func.string_to_array(func.lower(text), '"', type_=ARRAY(Text))
    return or_(*torn, *([values.overlap(array(whole))] if whole else []))


def _spellings(name: str) -> Iterator[str]:
    for each in (name, name.lower()):  # an escaped Ö has another number than ö, which no database folds
        yield json.dumps(each)[1:-1]
        yield json.dumps(each, ensure_ascii=False)[1:-1]


def _customers(reader_ids: Iterable[str]) -> Select[tuple[str]]:
    """Return the query of the reader's customers, of those deleted at Stripe too; none that is another's now."""
    ledger, bars = trial_ledger.c, trial_bars.c
    found = union(
        select(accounts.c.customer_id.label("id")).where(accounts.c.reader_id.in_(reader_ids)),
        select(customer_snapshots.c.customer_id).where(customer_snapshots.c.reader_id.in_(reader_ids)),
        select(account_merges.c.gone_customer_id).where(account_merges.c.reader_id.in_(reader_ids)),
        select(subscriptions.c.customer_id).where(subscriptions.c.reader_id.in_(reader_ids)),
        select(repeated_cards.c.customer_id).where(repeated_cards.c.reader_id.in_(reader_ids)),
        select(checkouts.c.parameters["customer"].astext).where(checkouts.c.reader_id.in_(reader_ids)),
        select(ledger.value).where(ledger.reader_id.in_(reader_ids), ledger.kind == "customer"),
        select(bars.value).where(bars.reader_id.in_(reader_ids), bars.kind == "customer"),
        select(customer_snapshots.c.customer_id).where(customer_snapshots.c.named_reader_id.in_(reader_ids)),
    ).subquery()
    bound = and_(accounts.c.customer_id == found.c.id, accounts.c.reader_id.not_in(reader_ids))
    elsewhere = select(accounts.c.customer_id).where(bound).exists()
    return select(found.c.id).where(found.c.id.is_not(None), ~elsewhere)


def _emails(connection: Connection, reader_ids: Iterable[str], customer_ids: Iterable[str]) -> tuple[str, ...]:
    """Return the addresses they have now, and those that Stripe told of before: staff may have looked for either."""
    snapshot = customer_snapshots.c
    found = union(
        select(accounts.c.email.label("email")).where(accounts.c.reader_id.in_(reader_ids)),
        select(snapshot.snapshot["email"].astext).where(snapshot.customer_id.in_(customer_ids)),
    ).subquery()
    now = _texts(connection, select(found.c.email).where(found.c.email.is_not(None)))
    told = func.regexp_matches(func.convert_from(events.c.body, "UTF8"), _EMAIL, "g")
    every = connection.scalars(select(told).where(events.c.customer_id.in_(customer_ids)).distinct())
    before = [json.loads(escaped) for (escaped,) in every]
    return tuple(sorted({each for each in (*now, *before) if each and each.isprintable()}))


def _at_stripe(reader_ids: Iterable[str], customer_ids: Iterable[str]) -> Iterator[Select[tuple[str]]]:
    of_customer = (
        subscriptions.c.id, invoices.c.id, holds.c.id, holds.c.charge_id, warned_charges.c.warning_id,
        warned_charges.c.charge_id,
    )  # fmt: skip
    for column in of_customer:
        yield select(column).where(column.table.c.customer_id.in_(customer_ids))
    for column in (checkouts.c.session_id, staff_refunds.c.refund_id, trial_ledger.c.subscription_id):
        yield select(column).where(column.table.c.reader_id.in_(reader_ids), column.is_not(None))


def _texts(connection: Connection, query: object) -> tuple[str, ...]:
    return tuple(sorted(connection.scalars(query)))  # type: ignore[call-overload]  # a select or a union, of one text
