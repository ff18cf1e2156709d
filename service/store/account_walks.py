"""The ways through the accounts in SQL: each in order, and each bounded by what it shows, however large the paper.

Where nothing is filtered, straight along an index. Where a condition leaves few accounts, by those. Else standing by
standing: those that there are are some dozens, each is an index's own stretch, in order, and the first of each are
merged. A walk along one order that passes over whoever does not match would end at the paper's other end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Label,
    Select,
    Text,
    and_,
    collate,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.sql.expression import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from service.store.tables import accounts

STANDING = ("status", "plan", "in_trial", "past_due", "cancelling")
"""What an account is filtered by; all of them together are its standing."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """One list: `where` says who is in it at all, `few` what only few accounts meet, `standing` what is filtered.

    `after` is the key and the reader id of the last account shown; of the key `created_at`, in RFC 3339.
    """

    key: ColumnElement[Any]
    where: Sequence[ColumnElement[bool]] = ()
    few: Sequence[ColumnElement[bool]] = ()
    standing: Mapping[str, str | bool]
    newest_first: bool = False
    after: tuple[str, str] | None = None
    limit: int

    def statement(self, *more: Label[Any]) -> Select[Any]:
        """Return the first accounts, with their key and with `more` columns."""
        if self.standing and not self.few:
            return self._merged(more)
        # Which no index is for: the few are found by what makes them few.
        equal = (accounts.c[name].is_not_distinct_from(value) for name, value in self.standing.items())
        return self._first(apart=bool(self.few)).add_columns(*more).where(*self.few, *equal)

    def _first(self, *, apart: bool) -> Select[Any]:
        """Return the first accounts; `apart`, in an order that none of the indexes of all accounts has."""
        order = self._order(accounts.c, self.key, apart=apart)
        statement = select(*_SHOWN, self.key.label("key")).where(*self.where).order_by(*order).limit(self.limit)
        return statement if self.after is None else statement.where(self._beyond(*self.after, apart=apart))

    def _merged(self, more: Sequence[Label[Any]]) -> Select[Any]:
        """Return the first of the first accounts of each standing that is asked for."""
        every = _standings()
        same = (_standing_of(accounts.c)[name] == every.c[name] for name in STANDING)
        each = self._first(apart=True).where(*same).lateral("each_standing")
        wanted = (every.c[name] == value for name, value in self.standing.items())
        merged = select(each, *more).select_from(every.join(each, true())).where(*wanted)
        return merged.order_by(*self._order(each.c, each.c.key, apart=True)).limit(self.limit)

    def _order(self, columns: Any, key: Any, *, apart: bool) -> list[Any]:
        """Return what is ordered by: of texts the bytes, whatever the database's language."""
        if self.key is accounts.c.created_at:
            order = [_in_utc(key) if apart else key, columns.reader_id]
            return [each.desc() for each in order] if self.newest_first else order
        return [collate(each, "C") if apart else patternwise(each) for each in (key, columns.reader_id)]

    def _beyond(self, key: str, reader_id: str, *, apart: bool) -> ColumnElement[bool]:
        """Return that an account comes after this place."""
        if self.key is not accounts.c.created_at:
            return _after_bytes(self.key, key, reader_id) if apart else _after_pattern(self.key, key, reader_id)
        at = datetime.fromisoformat(key)
        mine = tuple_(_in_utc(self.key) if apart else self.key, accounts.c.reader_id)
        place = tuple_(literal(at.astimezone(UTC).replace(tzinfo=None) if apart else at), literal(reader_id))
        return mine < place if self.newest_first else mine > place


def patternwise(key: Any) -> UnaryExpression[Any]:
    """Order as the pattern indexes do: a list in that order needs no sorting."""
    return UnaryExpression(key, modifier=custom_op("USING ~<~"))


def _after_pattern(key: Any, value: str, reader_id: str) -> ColumnElement[bool]:
    """Return that a row comes after the place, with a bound on the key alone for the index."""
    beyond = or_(_greater(key, value), _greater(accounts.c.reader_id, reader_id))
    return and_(key.op("~>=~", is_comparison=True)(value), beyond)


def _after_bytes(key: Any, value: str, reader_id: str) -> ColumnElement[bool]:
    mine, reader = collate(key, "C"), collate(accounts.c.reader_id, "C")
    return and_(mine >= value, or_(mine > value, reader > reader_id))


def _greater(key: Any, value: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = key.op("~>~", is_comparison=True)(value)
    return found


def _in_utc(instant: Any) -> ColumnElement[Any]:
    return func.timezone(literal_column("'UTC'"), instant)


def _standing_of(columns: Any) -> dict[str, ColumnElement[Any]]:
    plan = func.coalesce(columns.plan, literal_column("''"))
    return {name: columns[name] for name in STANDING} | {"plan": plan}


def _standings() -> Any:
    """Return every standing that some account has: each the first one after the one before."""
    types = {"status": Text, "plan": Text, "in_trial": Boolean, "past_due": Boolean, "cancelling": Boolean}
    columns: list[Any] = [column(name, types[name]) for name in STANDING]
    return text(_EVERY_STANDING).columns(*columns).cte("standings", recursive=True)


_EVERY_STANDING = """
(select status, coalesce(plan, '') as plan, in_trial, past_due, cancelling from accounts
 order by status, coalesce(plan, ''), in_trial, past_due, cancelling limit 1)
union all
select following.* from standings, lateral (
  select status, coalesce(plan, '') as plan, in_trial, past_due, cancelling from accounts
  where (status, coalesce(plan, ''), in_trial, past_due, cancelling)
      > (standings.status, standings.plan, standings.in_trial, standings.past_due, standings.cancelling)
  order by status, coalesce(plan, ''), in_trial, past_due, cancelling limit 1
) as following
"""
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
