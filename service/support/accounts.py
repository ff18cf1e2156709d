"""Support's view of accounts: found by how any of their ids begins, and shown whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, select, union

from service.store.tables import accounts, grants, holds, invoices, subscriptions, trial_ledger

PAGE = 50
INVOICES_SHOWN = 100


@dataclass(frozen=True, kw_only=True)
class AccountQuery:
    """What to look for; None matches all. `after` is the last reader id of the page before."""

    prefix: str | None = None
    status: str | None = None
    plan: str | None = None
    after: str | None = None


@dataclass(frozen=True, kw_only=True)
class FoundAccount:
    """One line of a search. `status` and `plan` are those of the entitlement last recorded."""

    reader_id: str
    email: str | None
    customer_id: str | None
    status: str
    plan: str | None


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page, by reader id. `next_after` is None on the last."""

    accounts: Sequence[FoundAccount]
    next_after: str | None


@dataclass(frozen=True, kw_only=True)
class AccountDetail:
    """One account whole. The rows are mappings by column name; newest invoices first."""

    reader_id: str
    email: str | None
    customer_id: str | None
    created_at: datetime
    subscriptions: Sequence[dict[str, Any]]
    invoices: Sequence[dict[str, Any]]
    grants: Sequence[dict[str, Any]]
    holds: Sequence[dict[str, Any]]
    trial_ledger: Sequence[dict[str, Any]]


class Accounts:
    """Searches and shows accounts. Every condition is answered by an index."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def search(self, query: AccountQuery) -> Page:
        """Return the accounts that match, at most a page of them."""
        with self._engine.connect() as connection:
            rows = connection.execute(search_statement(query)).mappings().all()
        found = [FoundAccount(**row) for row in rows[:PAGE]]
        return Page(accounts=found, next_after=found[-1].reader_id if len(rows) > PAGE else None)

    def detail(self, reader_id: str) -> AccountDetail | None:
        """Return the account, or None. What the reader may do now is `Readers.state`'s to tell."""
        with self._engine.connect() as connection:
            row = connection.execute(select(accounts).where(accounts.c.reader_id == reader_id)).first()
            if row is None:
                return None
            facts = _facts(connection, reader_id, row.customer_id)
        return AccountDetail(
            reader_id=reader_id,
            email=row.email,
            customer_id=row.customer_id,
            created_at=row.created_at,
            **facts,
        )


def search_statement(query: AccountQuery) -> Select[Any]:
    """Return the query; apart from the class so that its plan can be looked at."""
    columns = accounts.c
    found = select(columns.reader_id, columns.email, columns.customer_id, columns.status, columns.plan)
    if query.prefix is not None:
        found = found.where(columns.reader_id.in_(_beginning_with(query.prefix)))
    if query.status is not None:
        found = found.where(columns.status == query.status)
    if query.plan is not None:
        found = found.where(columns.plan == query.plan)
    if query.after is not None:
        found = found.where(columns.reader_id > query.after)
    return found.order_by(columns.reader_id).limit(PAGE + 1)


def _beginning_with(prefix: str) -> Any:
    """Return the readers any of whose ids begins so: one indexed look-up per kind of id. Only e-mail folds case."""
    pattern = _pattern(prefix)
    ours = select(accounts.c.reader_id)
    return union(
        ours.where(accounts.c.email_folded.like(_pattern(prefix.casefold()))),
        ours.where(accounts.c.reader_id.like(pattern)),
        ours.where(accounts.c.customer_id.like(pattern)),
        _by_customer_of(subscriptions, pattern),
        _by_customer_of(invoices, pattern),
    )


def _by_customer_of(table: Table, pattern: str) -> Select[Any]:
    joined = accounts.join(table, table.c.customer_id == accounts.c.customer_id)
    return select(accounts.c.reader_id).select_from(joined).where(table.c.id.like(pattern))


def _pattern(prefix: str) -> str:
    """Return LIKE's pattern for the literal `prefix`; backslash is PostgreSQL's own escape, so indexes apply."""
    escaped = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"


def _facts(connection: Connection, reader_id: str, customer_id: str | None) -> dict[str, Sequence[dict[str, Any]]]:
    theirs = invoices.c.customer_id == customer_id
    newest_invoices = select(invoices).where(theirs).order_by(invoices.c.created_at.desc()).limit(INVOICES_SHOWN)
    queries = {
        "subscriptions": _rows_of(subscriptions, subscriptions.c.customer_id == customer_id, subscriptions.c.id),
        "invoices": newest_invoices,
        "grants": _rows_of(grants, grants.c.reader_id == reader_id, grants.c.id),
        "holds": _rows_of(holds, holds.c.customer_id == customer_id, holds.c.from_at),
        "trial_ledger": _rows_of(trial_ledger, trial_ledger.c.reader_id == reader_id, trial_ledger.c.kind),
    }
    return {name: [dict(row) for row in connection.execute(query).mappings()] for name, query in queries.items()}


def _rows_of(table: Table, condition: Any, order: Any) -> Select[Any]:
    return select(table).where(condition).order_by(order)
