"""Which rows are a person's, table by table, where that is more than an equal id."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    TableClause,
    and_,
    any_,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import JSONB, array

from service.privacy.held import Held, Whose
from service.privacy.person import Person, holds_word_of
from service.store.act_tables import account_merges
from service.store.audit_tables import audit, audit_details
from service.store.journal_tables import decisions
from service.store.staff_tables import staff_sign_ins
from service.store.tables import idempotency_keys, long_runs
from webhooks.tables import events

procrastinate_jobs = table("procrastinate_jobs", column("id"), column("status"), column("args", JSONB))
"""The queue's own table, of which no more is ours to know."""


def of_reader(held: TableClause) -> Whose:
    """Return the condition of a table that names its reader."""
    return lambda person: held.c.reader_id.in_(person.reader_ids)


def of_customer(held: TableClause) -> Whose:
    """Return the condition of a table that names its customer."""
    return lambda person: held.c.customer_id.in_(person.customer_ids)


def decided(person: Person) -> ColumnElement[bool]:
    """Return which decisions were about the reader, or about a browser of theirs before they signed in."""
    row = decisions.c
    browsers = row.reader_id.is_(None) & row.visitor_id.in_(person.visitor_ids)
    return or_(row.reader_id.in_(person.reader_ids), browsers)


def told(person: Person) -> ColumnElement[bool]:
    """Return which events concern the person: those of their customers, and any without a customer that names them."""
    body = func.convert_from(events.c.body, "UTF8")
    nameless = events.c.customer_id.is_(None) & holds_word_of(body, person)
    return or_(events.c.customer_id.in_(person.customer_ids), nameless)


def merged(person: Person) -> ColumnElement[bool]:
    """Return which merges the reader's account stayed in, or went in."""
    merge = account_merges.c
    return or_(merge.reader_id.in_(person.reader_ids), merge.gone_reader_id.in_(person.reader_ids))


def audited(person: Person) -> ColumnElement[bool]:
    """Return which details of the audit log are about the reader."""
    theirs: ColumnElement[bool] = audit_details.c.subjects.overlap(person.reader_ids)
    return theirs


def entries(connection: Connection, _held: Held, person: Person) -> list[dict[str, Any]]:
    """Return the audit entries about the person; what was said of several readers at once is not handed to one."""
    joined = audit_details.join(audit, audit.c.seq == audit_details.c.seq)
    columns = (audit.c.seq, audit.c.at, audit.c.actor, audit.c.act, audit_details.c.reason, audit_details.c.detail)
    query = select(*columns, func.cardinality(audit_details.c.subjects).label("readers")).select_from(joined)
    rows = connection.execute(query.where(audited(person)).order_by(audit.c.seq)).mappings()
    return [dict(row) if row["readers"] == 1 else dict(row) | {"reason": None, "detail": None} for row in rows]


def answered(person: Person) -> ColumnElement[bool]:
    """Return which answers kept for repeated requests name the person, or are kept under a key that does."""
    kept = idempotency_keys.c
    parts = [f"%{_literally(each)}%" for each in person.words]
    key = func.concat('"', kept.key, '"')
    return or_(holds_word_of(func.coalesce(kept.body, ""), person), key.like(any_(array(parts))))


def _literally(word: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", word)


def queued(person: Person) -> ColumnElement[bool]:
    """Return which jobs wait that are about the person's customers; one being done is gone in a moment."""
    subject_id: ColumnElement[str] = procrastinate_jobs.c.args["subject_id"].astext
    waits = procrastinate_jobs.c.status == literal_column("'todo'")  # of the queue's own type, as its index has it
    return and_(waits, subject_id.in_(person.customer_ids))


def led_back(person: Person) -> ColumnElement[bool]:
    """Return which sign-ins of staff lead to the person's page, or to a search for them."""
    way = func.lower(staff_sign_ins.c.return_to)
    spellings = {spelling.lower() for name in person.names for spelling in (name, quote(name, safe=""))}
    return or_(*(func.strpos(way, each) > 0 for each in sorted(spellings)))


def reached(person: Person) -> ColumnElement[bool]:
    """Return which unfinished runs have come to just this reader."""
    return holds_word_of(cast(long_runs.c.reached, String), person)
