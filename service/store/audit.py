"""The audit log in PostgreSQL: appended to under one lock, read newest first, erased only in its details."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    String,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from service.domain.chain import BEFORE_ALL, Details, Head, Link
from service.domain.staff_acts import FORMER_NAMES
from service.store.audit_tables import audit, audit_details

_LOCK = 7310116
"""Whoever appends holds it until the transaction ends, or two entries would follow the same one."""
_BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class AuditQuery:
    """Which entries; None matches all. `before` is the last number of the page before."""

    subject: str | None = None
    actor: str | None = None
    act: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


def lock(connection: Connection) -> None:
    """Be the only one to append until this transaction ends."""
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def head(connection: Connection) -> Head:
    """Return where the chain ends."""
    row = connection.execute(select(audit.c.seq, audit.c.digest).order_by(audit.c.seq.desc()).limit(1)).first()
    return Head(seq=row.seq, digest=row.digest) if row else Head(seq=0, digest=BEFORE_ALL)


def append(connection: Connection, links: Sequence[tuple[Link, Details]]) -> None:
    """Write entries that continue the head; the caller holds the lock."""
    lists = [{"erases": list(link.erases), "strips": list(link.strips)} for link, _ in links]
    connection.execute(insert(audit), [vars(link) | each for (link, _), each in zip(links, lists, strict=True)])
    connection.execute(insert(audit_details), [_details_row(details) | {"seq": link.seq} for link, details in links])


def page(connection: Connection, query: AuditQuery, limit: int) -> Sequence[RowMapping]:
    """Return the newest entries that match, details with them; an erased entry's are null."""
    return connection.execute(page_statement(query).limit(limit)).mappings().all()


def page_statement(query: AuditQuery) -> Select[Any]:
    """Return the query; apart, so that its plan can be looked at."""
    joined = audit.outerjoin(audit_details, audit_details.c.seq == audit.c.seq)
    columns = (audit_details.c.subjects, audit_details.c.reason, audit_details.c.detail)
    found = select(*audit.c, *columns).select_from(joined).order_by(audit.c.seq.desc())
    asked = {name: value for name, value in vars(query).items() if value is not None}
    return found.where(*(_CONDITIONS[name](value) for name, value in asked.items()))


_CONDITIONS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "subject": lambda reader_id: audit_details.c.subjects.contains([reader_id]),
    "actor": lambda actor: audit.c.actor == actor,
    "act": lambda act: audit.c.act.in_((act, *FORMER_NAMES.get(act, ()))),
    "since": lambda at: audit.c.at >= at,
    "until": lambda at: audit.c.at < at,
    "before": lambda seq: audit.c.seq < seq,
}


def whole(connection: Connection) -> Iterator[tuple[Link, Details | None]]:
    """Yield the chain from its first entry on, as one moment shows it, without holding it in memory."""
    joined = audit.outerjoin(audit_details, audit_details.c.seq == audit.c.seq)
    query = select(*audit.c, *_DETAILS).select_from(joined).order_by(audit.c.seq)
    rows = connection.execution_options(yield_per=_BATCH).execute(query).mappings()
    for row in rows:
        yield _link(row), None if row["salt"] is None else _details(row)


def erasable(connection: Connection, subjects: Sequence[str], mentions: Sequence[str]) -> dict[int, Details]:
    """Return the details that are about one of `subjects`, or hold one of `mentions` as a word, whatever its case."""
    everything = func.concat(audit_details.c.reason, " ", cast(audit_details.c.detail, String))
    spellings = {
        spelling for each in mentions if each for spelling in (each, json.dumps(each, ensure_ascii=False)[1:-1])
    }
    found = [everything.op("~*")(_as_words(spellings))] if spellings else []
    query = select(audit_details.c.seq, *_DETAILS).where(or_(audit_details.c.subjects.overlap(subjects), *found))
    rows = connection.execute(query.order_by(audit_details.c.seq)).mappings()
    return {row["seq"]: _details(row) for row in rows}


def _as_words(spellings: Iterable[str]) -> str:
    """Return a pattern of PostgreSQL's for any of these that is no part of a longer word, such as r-1 of r-12."""
    return f"(?<![[:alnum:]])({'|'.join(re.escape(each) for each in sorted(spellings))})(?![[:alnum:]])"


def erase_details(connection: Connection, seqs: Sequence[int]) -> None:
    """Delete details; the trigger lets it pass only right after the entry that names them."""
    connection.execute(delete(audit_details).where(audit_details.c.seq.in_(seqs)))


def strip(connection: Connection, left: Mapping[int, Details]) -> None:
    """Write what is left of details; the trigger lets it pass only right after the entry that says so."""
    for seq, details in left.items():
        row = _details_row(details)
        changed = {name: row[name] for name in ("subjects", "reason", "detail", "salts")}
        connection.execute(update(audit_details).where(audit_details.c.seq == seq).values(changed))


def chain_is_protected(connection: Connection) -> bool:
    """Tell whether every trigger that refuses changes is there and in force."""
    query = text(
        "select count(*) = 5 from pg_trigger where not tgisinternal and tgenabled in ('O', 'A') "
        "and tgrelid in ('audit'::regclass, 'audit_details'::regclass)"
    )
    return bool(connection.scalar(query))


def _link(row: RowMapping) -> Link:
    names = ("seq", "at", "actor", "act", "request_id", "details_digest", "previous", "digest")
    strips = tuple(row["strips"] or ())
    return Link(**{name: row[name] for name in names}, erases=tuple(row["erases"]), strips=strips)


_DETAILS = [each for each in audit_details.c if each.name != "seq"]


def _details(row: RowMapping) -> Details:
    same = {name: row[name] for name in ("salt", "reason", "detail")}
    return Details(**same, subjects=tuple(row["subjects"]), salts=tuple(row["salts"] or ()))


def _details_row(details: Details) -> dict[str, Any]:
    return vars(details) | {"subjects": list(details.subjects), "salts": list(details.salts)}
