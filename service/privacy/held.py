"""Every table, and whether it holds anything of a reader: what export gives and erasure goes by.

A table that is named neither in `HELD` nor in `NOTHING_PERSONAL` fails a test; so does a column of a table that is
kept without saying what becomes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    String,
    cast,
    column,
    func,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import JSONB

from service.privacy.person import Person, holds_word_of
from service.store.audit_tables import audit, audit_details
from service.store.gift_tables import gifts
from service.store.journal_tables import decisions, paid_but_refused, refusal_checks
from service.store.money_tables import consents, staff_refunds, warned_charges
from service.store.note_tables import notes
from service.store.staff_tables import staff_sign_ins
from service.store.tables import (
    accounts,
    checkouts,
    customer_snapshots,
    drift,
    entitlements,
    grants,
    holds,
    idempotency_keys,
    invoices,
    long_runs,
    repeated_cards,
    subscriptions,
    trial_ledger,
    visitor_links,
)
from webhooks.tables import customer_syncs, events

Whose = Callable[[Person], ColumnElement[bool]]
Rows = Callable[[Connection, "Held", Person], list[dict[str, Any]]]

procrastinate_jobs = table("procrastinate_jobs", column("id"), column("status"), column("args", JSONB))
"""The queue's own table, of which no more is ours to know."""


def _rows(connection: Connection, held: Held, person: Person) -> list[dict[str, Any]]:
    shown = [each for each in held.table.c if each.name not in held.hidden]
    keys = list(getattr(held.table, "primary_key", ())) or [held.table.c.id]
    query = select(*shown).where(held.whose(person)).order_by(*keys)
    return [dict(row) for row in connection.execute(query).mappings()]


def _entries(connection: Connection, _held: Held, person: Person) -> list[dict[str, Any]]:
    """Return the audit entries about the person; what was said of several readers at once is not handed to one."""
    joined = audit_details.join(audit, audit.c.seq == audit_details.c.seq)
    columns = (audit.c.seq, audit.c.at, audit.c.actor, audit.c.act, audit_details.c.reason, audit_details.c.detail)
    query = select(*columns, func.cardinality(audit_details.c.subjects).label("readers")).select_from(joined)
    rows = connection.execute(query.where(_audited(person)).order_by(audit.c.seq)).mappings()
    return [dict(row) if row["readers"] == 1 else dict(row) | {"reason": None, "detail": None} for row in rows]


@dataclass(frozen=True, kw_only=True)
class Held:
    """A table with something of readers in it: `why` is told to them, `hidden` columns are not (ours, or secrets)."""

    table: FromClause
    why: str
    whose: Whose
    hidden: frozenset[str] = field(default_factory=frozenset)
    rows: Rows = _rows

    @property
    def name(self) -> str:
        """Return the table's name: what its part of an export is called."""
        return str(self.table.name)  # type: ignore[attr-defined]  # every one here is a table


def _of_reader(held: FromClause) -> Whose:
    return lambda person: held.c.reader_id == person.reader_id


def _of_customer(held: FromClause) -> Whose:
    return lambda person: held.c.customer_id.in_(person.customer_ids)


def _decided(person: Person) -> ColumnElement[bool]:
    row = decisions.c
    return or_(row.reader_id == person.reader_id, row.reader_id.is_(None) & row.visitor_id.in_(person.visitor_ids))


def _told(person: Person) -> ColumnElement[bool]:
    """Return which events concern the person: those of their customers, and any without one that names them."""
    body = func.convert_from(events.c.body, "UTF8")
    nameless = events.c.customer_id.is_(None) & holds_word_of(body, person)
    return or_(events.c.customer_id.in_(person.customer_ids), nameless)


def _audited(person: Person) -> ColumnElement[bool]:
    return audit_details.c.subjects.contains([person.reader_id])


def _answered(person: Person) -> ColumnElement[bool]:
    return holds_word_of(func.coalesce(idempotency_keys.c.body, ""), person)


def _queued(person: Person) -> ColumnElement[bool]:
    subject_id: ColumnElement[str] = procrastinate_jobs.c.args["subject_id"].astext
    return subject_id.in_(person.customer_ids)


def _led_back(person: Person) -> ColumnElement[bool]:
    return func.strpos(staff_sign_ins.c.return_to, quote(person.reader_id, safe="")) > 0


def _reached(person: Person) -> ColumnElement[bool]:
    return holds_word_of(cast(long_runs.c.reached, String), person)


HELD: tuple[Held, ...] = (
    Held(table=checkouts, why="What the reader was told before paying, and agreed to.", whose=_of_reader(checkouts),
         hidden=frozenset({"idempotency_key", "leased_until"})),
    Held(table=consents, why="What the reader agreed to when changing plan.", whose=_of_reader(consents)),
    Held(table=grants, why="Access that staff gave.", whose=_of_reader(grants)),
    Held(table=notes, why="What staff wrote to each other about the account.", whose=_of_reader(notes)),
    Held(table=gifts, why="Articles the reader gave away.", whose=_of_reader(gifts)),
    Held(table=visitor_links, why="Browsers in which the reader signed in.", whose=_of_reader(visitor_links)),
    Held(table=trial_ledger, why="That the reader had a trial: nobody has two.", whose=_of_reader(trial_ledger)),
    Held(table=repeated_cards, why="A trial begun with a card that had had one.", whose=_of_reader(repeated_cards)),
    Held(table=entitlements, why="What the reader had access to, since when and why.", whose=_of_reader(entitlements)),
    Held(table=decisions, why="Articles that were counted or refused in the last weeks.", whose=_decided),
    Held(table=refusal_checks, why="That refusals are to be compared with what was paid.",
         whose=_of_reader(refusal_checks)),
    Held(table=paid_but_refused, why="Refusals that should not have been.", whose=_of_reader(paid_but_refused)),
    Held(table=staff_refunds, why="Money that staff gave back.", whose=_of_reader(staff_refunds),
         hidden=frozenset({"idempotency_key"})),
    Held(table=warned_charges, why="Payments given back because a bank warned of fraud.",
         whose=_of_customer(warned_charges)),
    Held(table=customer_snapshots, why="What Stripe told of the customer: e-mail, card's last digits, purchases.",
         whose=_of_customer(customer_snapshots)),
    Held(table=subscriptions, why="Subscriptions, as Stripe told.", whose=_of_customer(subscriptions)),
    Held(table=invoices, why="Invoices, as Stripe told.", whose=_of_customer(invoices)),
    Held(table=holds, why="Disputes, warnings and refunds, as Stripe told.", whose=_of_customer(holds)),
    Held(table=drift, why="Where our record was found to differ from Stripe's.", whose=_of_customer(drift)),
    Held(table=customer_syncs, why="When Stripe was last asked about the customer.",
         whose=_of_customer(customer_syncs)),
    Held(table=events, why="What Stripe sent about the customer, as it came.", whose=_told),
    Held(table=idempotency_keys, why="Answers kept for a day, so that a repeated request does nothing twice.",
         whose=_answered, hidden=frozenset({"api_key_id", "key", "request_digest", "ticket", "leased_until"})),
    Held(table=audit_details, why="What staff did about the reader, and when they looked.", whose=_audited,
         rows=_entries),
    Held(table=staff_sign_ins, why="Where a member of staff wanted to go who had to sign in first.", whose=_led_back,
         hidden=frozenset({"digest", "state", "nonce", "code_verifier"})),
    Held(table=long_runs, why="How far long work has come.", whose=_reached),
    Held(table=procrastinate_jobs, why="Work that waits to be done about the customer.", whose=_queued),
    Held(table=accounts, why="Who the reader is to us.", whose=_of_reader(accounts)),
)  # fmt: skip
"""In the order in which erasure goes through them: what points at an account goes before it."""

NOTHING_PERSONAL: dict[str, str] = {
    "alembic_version": "the schema's number",
    "api_keys": "of the site's and support's own keys; labels are the publication's",
    "audit": "who of the staff did what and when; whom it was about is in `audit_details`",
    "backfill_cursors": "instants",
    "catalogs": "the offer, as it was",
    "counted": "instants",
    "daily_numbers": "counts over everybody; of an erased reader nothing but a one among others",
    "journal_numbers": "likewise, of walls and of the articles that led to subscriptions",
    "finished_runs": "how much long work came to, in numbers",
    "procrastinate_events": "when the queue's jobs began and ended",
    "procrastinate_periodic_defers": "when periodic work was last due",
    "procrastinate_workers": "signs of life of workers",
    "staff": "the publication's own people, not its readers",
    "staff_sessions": "sessions of the publication's own people",
    "stripe_allowances": "an instant",
}
"""Tables that hold nothing of a reader, each with the reason."""
