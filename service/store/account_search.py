"""The search for accounts as SQL: each list in the order of an index, each page from where the one before ended.

By an id (`prefix`) accounts come in the order of what matched: reader ids, e-mail addresses, customers, then whom
a subscription, an invoice, a charge or a browser belongs to. Without one they come by when they were made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    Table,
    and_,
    any_,
    bindparam,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.sql.expression import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from service.domain.vocabulary import GrantKind
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


def search_statement(query: AccountQuery, now: datetime, owners: Owners, *, limit: int = PAGE + 1) -> Any:
    """Return the query; `now` is business time, for what staff gave until then."""
    if query.prefix is None:
        return _listed(query, now, limit)
    found = [_found(kind, query, now, limit) for kind in _kinds(query, owners)]
    if not found:  # whose last page ended among what is nobody's any more
        return _listed(AccountQuery(), now, limit).where(false())
    every: CompoundSelect[Any] = union_all(*(select(each.subquery()) for each in found))
    rows = every.subquery()
    return select(rows).order_by(rows.c.rank, _bytewise(rows.c.key), _bytewise(rows.c.reader_id)).limit(limit)


def _listed(query: AccountQuery, now: datetime, limit: int) -> Select[Any]:
    columns = accounts.c
    place = tuple_(columns.created_at, columns.reader_id)
    statement = select(*_SHOWN, literal(None).label("match")).where(*_filters(query, now)).limit(limit)
    if query.order is Order.OLDEST:
        statement = statement.order_by(columns.created_at, columns.reader_id)
    else:
        statement = statement.order_by(columns.created_at.desc(), columns.reader_id.desc())
    if query.after is None:
        return statement
    ended = tuple_(literal(datetime.fromisoformat(query.after.key)), literal(query.after.reader_id))
    return statement.where(place > ended if query.order is Order.OLDEST else place < ended)


@dataclass(frozen=True)
class _Kind:
    """One way to be found: under which condition, ordered by what, and what the kinds before have shown already."""

    match: Match
    condition: ColumnElement[bool]
    key: Any
    shown_before: Sequence[ColumnElement[bool]]

    @property
    def rank(self) -> int:
        return list(Match).index(self.match)


def _kinds(query: AccountQuery, owners: Owners) -> Iterator[_Kind]:
    """Yield the kinds from which the page can come: those before the one where the last page ended are over."""
    begun_at = list(Match).index(query.after.match) if query.after and query.after.match else 0
    before: list[ColumnElement[bool]] = []
    for match, condition, key in _conditions(query.prefix or "", owners):
        kind = _Kind(match, condition, key, tuple(before))
        before.append(condition)
        if kind.rank >= begun_at:
            yield kind


def _conditions(prefix: str, owners: Owners) -> Iterator[tuple[Match, ColumnElement[bool], Any]]:
    """Yield each kind's condition and what it is ordered by; our own ids may always match."""
    columns = accounts.c
    yield Match.READER, columns.reader_id.like(_pattern(prefix)), columns.reader_id
    yield Match.EMAIL, columns.email_folded.like(_pattern(prefix.casefold())), columns.email_folded
    yield Match.CUSTOMER, columns.customer_id.like(_pattern(prefix)), columns.customer_id
    for match in (Match.SUBSCRIPTION, Match.INVOICE, Match.CHARGE):
        if match in owners:
            yield match, columns.customer_id.in_(owners[match]), columns.reader_id
    if Match.VISITOR in owners:
        yield Match.VISITOR, columns.reader_id.in_(owners[Match.VISITOR]), columns.reader_id


def _found(kind: _Kind, query: AccountQuery, now: datetime, limit: int) -> Select[Any]:
    """Return the first accounts of one kind, none that a kind before has shown."""
    columns = accounts.c
    statement = (
        select(
            *_SHOWN, literal(kind.match.value).label("match"), literal(kind.rank).label("rank"), kind.key.label("key")
        )
        .where(kind.condition, *(each.is_not(true()) for each in kind.shown_before), *_filters(query, now))
        .order_by(_bytewise(kind.key), _bytewise(columns.reader_id))
        .limit(limit)
    )
    if query.after is None or query.after.match is not kind.match:
        return statement
    return statement.where(_past(kind.key, query.after))


def _past(key: Any, place: Place) -> ColumnElement[bool]:
    """Return that a row comes after `place`, with a bound on the key alone for the index."""
    beyond = or_(_greater(key, place.key), _greater(accounts.c.reader_id, place.reader_id))
    return and_(key.op("~>=~", is_comparison=True)(place.key), beyond)


def _filters(query: AccountQuery, now: datetime) -> Iterator[ColumnElement[bool]]:
    columns = accounts.c
    if query.status is not None:
        yield columns.status == query.status
    if query.plan is not None:
        yield columns.plan == query.plan
    yield from (columns[name] for name in ("in_trial", "past_due", "cancelling") if getattr(query, name))
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


def _bytewise(column: Any) -> UnaryExpression[Any]:
    """Order as the pattern indexes do, whatever the database's language: a list in that order needs no sorting."""
    return UnaryExpression(column, modifier=custom_op("USING ~<~"))


def _greater(column: Any, value: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.op("~>~", is_comparison=True)(value)
    return found


_SHOWN = (
    accounts.c.reader_id,
    accounts.c.email,
    accounts.c.customer_id,
    accounts.c.status,
    accounts.c.plan,
    accounts.c.in_trial,
    accounts.c.past_due,
    accounts.c.cancelling,
    accounts.c.created_at,
)


def _owned(match: Match, table: Table) -> Select[Any]:
    """Return whose the first things of this beginning are."""
    first = select(literal(match.value).label("match"), table.c.customer_id.label("owner"))
    first = first.where(table.c.id.like(bindparam("pattern")))
    return select(first.order_by(_bytewise(table.c.id)).limit(STRIPE_IDS_AT_MOST).subquery())


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
