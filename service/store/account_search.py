"""The search for accounts: each list in order, each page from where the one before ended.

By an id (`prefix`) accounts come in the order of what matched: reader ids, e-mail addresses, customers, then whom
a subscription, an invoice, a charge or a browser belongs to. Without one they come by when they were made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Table,
    and_,
    any_,
    bindparam,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)

from service.domain.vocabulary import GrantKind
from service.store.account_walks import STANDING, Walk, patternwise
from service.store.tables import accounts, grants, holds, invoices, subscriptions, visitor_links

PAGE = 50
STRIPE_IDS_AT_MOST = 50
"""Of a beginning that more subscriptions, or invoices, have than this, the first ones are looked at."""


class Order(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"


class Match(StrEnum):
    """By what an account was found, in the order in which they are shown."""

    READER = "reader_id"
    EMAIL = "email"
    CUSTOMER = "customer_id"
    SUBSCRIPTION = "subscription"
    INVOICE = "invoice"
    CHARGE = "charge"
    VISITOR = "visitor"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a page ended. `key` is what it is ordered by: what matched, or RFC 3339 of when the account was made."""

    match: Match | None
    key: str
    reader_id: str

    def __str__(self) -> str:
        return json.dumps([self.match, self.key, self.reader_id], ensure_ascii=False)

    @classmethod
    def parse(cls, text: str) -> Place:
        """Return the place that `str` wrote; raises ValueError or TypeError for anything else."""
        match, key, reader_id = json.loads(text)
        if not (isinstance(key, str) and isinstance(reader_id, str)):
            raise TypeError("not a place in this list")
        if match is None and datetime.fromisoformat(key).tzinfo is not UTC:
            raise ValueError("not an instant in UTC")
        return cls(match=None if match is None else Match(match), key=key, reader_id=reader_id)


@dataclass(frozen=True, kw_only=True)
class AccountQuery:
    """What to look for; None and False match all. `order` is for lists without a `prefix`."""

    prefix: str | None = None
    customer_id: str | None = None
    """Whole: whom Stripe named as the owner of an id that is not kept here."""
    status: str | None = None
    plan: str | None = None
    in_trial: bool = False
    past_due: bool = False
    cancelling: bool = False
    on_hold: bool = False
    courtesy: bool = False
    order: Order = Order.NEWEST
    after: Place | None = None


Owners = Mapping[Match, Sequence[str]]
"""Of the kinds of id that belong to a payer (or, a browser, to a reader): whose they are."""


def owners_of(connection: Connection, query: AccountQuery) -> Owners:
    """Return whose the subscriptions, invoices, charges and browsers of this id are: kinds without any are left out."""
    if query.prefix is None:
        return {}
    found: dict[Match, list[str]] = {} if query.customer_id is None else {Match.CHARGE: [query.customer_id]}
    for match, owner in connection.execute(owners_statement(query.prefix)):
        found.setdefault(Match(match), []).append(owner)
    return found


def owners_statement(prefix: str) -> Any:
    """Return the query by which `owners_of` asks."""
    return _OWNERS.params(pattern=_pattern(prefix), whole=prefix)


def found(connection: Connection, query: AccountQuery, now: datetime, *, limit: int = PAGE + 1) -> list[RowMapping]:
    """Return the first accounts that match; `now` is business time, for what staff gave until then.

    One way of matching is asked after the other, and none once there are enough.
    """
    rows: list[RowMapping] = []
    for kind in _kinds(query, owners_of(connection, query)):
        rows += connection.execute(_statement(kind, query, now, limit - len(rows))).mappings()
        if len(rows) >= limit:
            break
    return rows


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """One way to be found: how the key begins, or which few accounts it can be; who was shown before is left out."""

    match: Match | None = None
    key: Any = accounts.c.created_at
    begins: Sequence[ColumnElement[bool]] = ()
    few: Sequence[ColumnElement[bool]] = ()
    shown_before: Sequence[ColumnElement[bool]] = ()

    @property
    def rank(self) -> int:
        return -1 if self.match is None else list(Match).index(self.match)


def _kinds(query: AccountQuery, owners: Owners) -> Iterator[_Kind]:
    """Yield the kinds from which the page can come: those before the one where the last page ended are over."""
    if query.prefix is None:
        yield _Kind()
        return
    begun_at = list(Match).index(query.after.match) if query.after and query.after.match else 0
    before: list[ColumnElement[bool]] = []
    for kind in (*_begun(query.prefix), *_owning(owners)):
        if kind.rank >= begun_at:
            yield replace(kind, shown_before=tuple(before))
        before.append(and_(*kind.begins, *kind.few))


def _begun(prefix: str) -> Iterator[_Kind]:
    """Yield the kinds of our own ids, which may always match."""
    columns, pattern = accounts.c, _pattern(prefix)
    yield _Kind(match=Match.READER, key=columns.reader_id, begins=(columns.reader_id.like(pattern),))
    folded = columns.email_folded.like(_pattern(prefix.casefold()))
    yield _Kind(match=Match.EMAIL, key=columns.email_folded, begins=(folded,))
    yield _Kind(match=Match.CUSTOMER, key=columns.customer_id, begins=(columns.customer_id.like(pattern),))


def _owning(owners: Owners) -> Iterator[_Kind]:
    """Yield the kinds by which somebody was found to own what was asked for."""
    columns = accounts.c
    for match in (Match.SUBSCRIPTION, Match.INVOICE, Match.CHARGE):
        if match in owners:
            yield _Kind(match=match, key=columns.reader_id, few=(columns.customer_id.in_(owners[match]),))
    if Match.VISITOR in owners:
        yield _Kind(match=Match.VISITOR, key=columns.reader_id, few=(columns.reader_id.in_(owners[Match.VISITOR]),))


def _statement(kind: _Kind, query: AccountQuery, now: datetime, limit: int) -> Select[Any]:
    """Return the first accounts of one kind, none that a kind before has shown."""
    after = query.after if query.after and query.after.match is kind.match else None
    walk = Walk(
        key=kind.key,
        where=(*kind.begins, *(each.is_not(true()) for each in kind.shown_before)),
        few=(*kind.few, *_few(query, now)),
        standing={name: value for name in STANDING if (value := getattr(query, name))},
        newest_first=kind.match is None and query.order is Order.NEWEST,
        after=None if after is None else (after.key, after.reader_id),
        limit=limit,
    )
    return walk.statement(literal(kind.match).label("match"))


def _few(query: AccountQuery, now: datetime) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions that few accounts meet, each worked out first."""
    columns = accounts.c
    if query.on_hold:
        held = select(holds.c.customer_id).where(holds.c.blocks, holds.c.released_at.is_(None))
        yield _among(columns.customer_id, held)
    if query.courtesy:
        standing = (grants.c.kind == GrantKind.COURTESY, grants.c.revoked_at.is_(None), grants.c.until_at > now)
        yield _among(columns.reader_id, select(grants.c.reader_id).where(*standing))


def _among(column: Any, rows: Select[Any]) -> ColumnElement[bool]:
    """Return that `column` is one of `rows`, worked out first: few rows look many accounts up, never the reverse."""
    found: ColumnElement[bool] = column == any_(func.array(rows.scalar_subquery()))
    return found


def _pattern(prefix: str) -> str:
    """Return LIKE's pattern for the literal `prefix`; backslash is PostgreSQL's own escape, so indexes apply."""
    escaped = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"


def _owned(match: Match, table: Table) -> Select[Any]:
    """Return whose the first things of this beginning are."""
    first = select(literal(match.value).label("match"), table.c.customer_id.label("owner"))
    first = first.where(table.c.id.like(bindparam("pattern")))
    return select(first.order_by(patternwise(table.c.id)).limit(STRIPE_IDS_AT_MOST).subquery())


_OWNERS = union_all(
    _owned(Match.SUBSCRIPTION, subscriptions),
    _owned(Match.INVOICE, invoices),
    select(literal(Match.CHARGE.value), holds.c.customer_id).where(
        or_(holds.c.charge_id == bindparam("whole"), holds.c.id == bindparam("whole"))
    ),
    select(literal(Match.VISITOR.value), visitor_links.c.reader_id).where(
        visitor_links.c.visitor_id == bindparam("whole")
    ),
)
