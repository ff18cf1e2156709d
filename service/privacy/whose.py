"""Which rows are a person's, table by table, where that is more than an equal id."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Connection,
    String,
    TableClause,
    Text,
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
from sqlalchemy.dialects.postgresql import JSONB

from service.privacy.held import Held, Whose
from service.privacy.parameters import (
    ADDRESS_PATTERNS,
    CUSTOMER_IDS,
    KEY_PATTERNS,
    QUOTED_NAMES,
    READER_IDS,
    VISITOR_IDS,
    holds_word_of,
)
from service.privacy.person import Person
from service.store.act_tables import account_merges
from service.store.audit_tables import audit, audit_details
from service.store.idempotency import CONSOLE
from service.store.journal_tables import decisions
from service.store.staff_tables import staff_sign_ins
from service.store.tables import idempotency_keys, long_runs
from webhooks.tables import events

procrastinate_jobs = table("procrastinate_jobs", column("id"), column("status"), column("args", JSONB))
"""The queue's own table, of which no more is ours to know."""


def of_reader(held: TableClause) -> Whose:
    """Return the condition of a table that names its reader."""
    return held.c.reader_id == any_(READER_IDS)


def of_customer(held: TableClause) -> Whose:
    """Return the condition of a table that names its customer."""
    return held.c.customer_id == any_(CUSTOMER_IDS)


def decided() -> Whose:
    """Return which decisions were about the reader, or about a browser of theirs before they signed in."""
    row = decisions.c
    browsers = row.reader_id.is_(None) & (row.visitor_id == any_(VISITOR_IDS))
    return or_(of_reader(decisions), browsers)


def told() -> Whose:
    """Return which events concern the person: those of their customers, and any without a customer that names them."""
    body = func.convert_from(events.c.body, "UTF8")
    return or_(of_customer(events), events.c.customer_id.is_(None) & holds_word_of(body))


def merged() -> Whose:
    """Return which merges the reader's account stayed in, or went in."""
    return or_(of_reader(account_merges), account_merges.c.gone_reader_id == any_(READER_IDS))


def audited() -> Whose:
    """Return which details of the audit log are about the reader."""
    theirs: Whose = audit_details.c.subjects.overlap(READER_IDS)
    return theirs


def entries(connection: Connection, held: Held, person: Person) -> list[dict[str, Any]]:
    """Return the audit entries about the person; what was said of several readers at once is not handed to one."""
    joined = audit_details.join(audit, audit.c.seq == audit_details.c.seq)
    columns = (audit.c.seq, audit.c.at, audit.c.actor, audit.c.act, audit_details.c.reason, audit_details.c.detail)
    query = select(*columns, func.cardinality(audit_details.c.subjects).label("readers")).select_from(joined)
    rows = connection.execute(query.where(held.whose).order_by(audit.c.seq), person.parameters).mappings()
    return [dict(row) if row["readers"] == 1 else dict(row) | {"reason": None, "detail": None} for row in rows]


def answered() -> Whose:
    """Return which answers kept for repeated requests name the person, or are kept under a key that does."""
    kept = idempotency_keys.c
    named = (literal_column("'\"'", Text) + kept.key + '"').like(any_(KEY_PATTERNS))  # concat() takes twice as long
    page = func.split_part(func.split_part(func.coalesce(kept.body, ""), "?", 1), "/", 4)
    led = and_(kept.api_key_id == literal_column(str(CONSOLE)), page == any_(QUOTED_NAMES))  # a form's: where it led to
    return or_(holds_word_of(func.coalesce(kept.body, "")), named, led)


def queued() -> Whose:
    """Return which jobs wait that are about the person's customers; one being done is gone in a moment."""
    waits = procrastinate_jobs.c.status == literal_column("'todo'")  # of the queue's own type, as its index has it
    return and_(waits, procrastinate_jobs.c.args["subject_id"].astext == any_(CUSTOMER_IDS))


def led_back() -> Whose:
    """Return which sign-ins of staff lead to the person's page, or to a search for them."""
    return func.lower(staff_sign_ins.c.return_to).like(any_(ADDRESS_PATTERNS))


def reached() -> Whose:
    """Return which unfinished runs have come to just this reader."""
    return holds_word_of(cast(long_runs.c.reached, String))
