"""A table with something of readers in it: how it is handed out, and what an erasure does to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Table, TableClause, and_, delete, func, select, update

from service.privacy.person import Person

Digest = Callable[[str, str], str]
"""Returns what stays of an id (kind, value): its keyed hash."""
Whose = ColumnElement[bool]
"""Which rows are the person's whose `parameters` the statement is told."""
Row = Mapping[str, Any]
Rows = Callable[[Connection, "Held", Person], list[dict[str, Any]]]
Fate = Callable[[Connection, "Held", Person, Digest], int]
"""What an erasure does to the person's rows of a table; returns how many they were. Safe to repeat."""


def whole_rows(connection: Connection, held: Held, person: Person) -> list[dict[str, Any]]:
    """Return the person's rows, without the columns that are hidden."""
    shown = [each for each in held.table.c if each.name not in held.hidden]
    query = select(*shown).where(held.whose).order_by(*held.keys)
    return [dict(row) for row in connection.execute(query, person.parameters).mappings()]


def gone(connection: Connection, held: Held, person: Person, _digest: Digest) -> int:
    """Delete the person's rows."""
    return connection.execute(delete(held.table).where(held.whose), person.parameters).rowcount


@dataclass(frozen=True, kw_only=True)
class Stripped:
    """Keeps the rows without the person: some columns stay, of each other one `becomes` says what it is then."""

    stays: frozenset[str]
    becomes: Mapping[str, Callable[[Row, Digest], Any]]

    def __call__(self, connection: Connection, held: Held, person: Person, digest: Digest) -> int:
        """Write the rows anew, and return how many."""
        theirs = select(held.table).where(held.whose)
        rows = connection.execute(theirs, person.parameters).mappings().all()
        for row in rows:
            mine = and_(*(key == row[key.name] for key in held.keys))
            without = {name: value(dict(row), digest) for name, value in self.becomes.items()}
            connection.execute(update(held.table).where(mine).values(without))
        return len(rows)


def always(value: Any) -> Callable[[Row, Digest], Any]:
    """Return what makes a column the same for everybody."""
    return lambda _row, _digest: value


@dataclass(frozen=True, kw_only=True)
class Held:
    """A table: `why` it is kept is told to readers, `hidden` columns are not shown to them (ours, or secrets).

    `whose` finds a person's rows. `fate` is what an erasure makes of them.
    """

    table: TableClause
    why: str
    whose: Whose
    hidden: frozenset[str] = field(default_factory=frozenset)
    rows: Rows = whole_rows
    fate: Fate = gone
    proves: bool = True
    """Whether a row here shows that the reader was ever known, and not only that somebody looked for them."""

    @property
    def name(self) -> str:
        """Return the table's name: what its part of an export is called."""
        return self.table.name

    @property
    def keys(self) -> list[ColumnElement[Any]]:
        """Return the columns that tell rows apart."""
        return list(self.table.primary_key) if isinstance(self.table, Table) else [self.table.c.id]

    @property
    def number(self) -> ScalarSelect[int]:
        """Return the query of how many of the rows are the person's, none of which leaves the database for it."""
        return select(func.count()).select_from(self.table).where(self.whose).scalar_subquery()
