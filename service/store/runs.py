"""Long work that outlives a process: how far it came, and that it is done once at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import finished_runs, long_runs

STALE = timedelta(days=1)
"""What was left unfinished longer ago than this begins anew: too much has changed at Stripe since."""
LOOKING, REPAIRING = "reconcile", "reconcile and repair"
"""What the two kinds of comparison with Stripe are called here."""
_LOCKS = 7310115  # the first half of our advisory locks' keys; the second is the name's hash


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run, perhaps resumed. `reached` is empty at its beginning."""

    name: str
    started_at: datetime
    reached: dict[str, Any]


def begin(connection: Connection, name: str, now: datetime, *, anew: bool = False) -> Run:
    """Return the unfinished run of this name, or (`anew`: in any case) a new one that began just now."""
    row = connection.execute(select(long_runs).where(long_runs.c.name == name)).first()
    if row is not None and not anew and now - row.updated_at < STALE:
        return Run(name=name, started_at=row.started_at, reached=row.reached)
    fresh = {"reached": {}, "started_at": now, "updated_at": now}
    statement = insert(long_runs).values(name=name, **fresh)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=fresh))
    return Run(name=name, started_at=now, reached={})


def save(connection: Connection, name: str, reached: dict[str, Any], now: datetime) -> None:
    """Remember where to go on."""
    connection.execute(update(long_runs).where(long_runs.c.name == name).values(reached=reached, updated_at=now))


def end(connection: Connection, run: Run, now: datetime, found: Mapping[str, int]) -> None:
    """Note that a run is finished, and what it came to; the one of its name before is forgotten."""
    connection.execute(delete(long_runs).where(long_runs.c.name == run.name))
    done = {"started_at": run.started_at, "finished_at": now, "found": dict(found)}
    statement = insert(finished_runs).values(name=run.name, **done)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=done))


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A run that came to its end."""

    name: str
    started_at: datetime
    finished_at: datetime
    found: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A run under way, or stopped; `updated_at` is its last sign of life."""

    name: str
    started_at: datetime
    updated_at: datetime


def last_finished(connection: Connection, names: Collection[str]) -> Finished | None:
    """Return the run of these names that ended last, or None."""
    row = finished_runs.c
    query = select(finished_runs).where(row.name.in_(names)).order_by(row.finished_at.desc()).limit(1)
    found = connection.execute(query).mappings().first()
    return Finished(**found) if found else None


def unfinished(connection: Connection, names: Collection[str]) -> Unfinished | None:
    """Return the run of these names that began last and has not ended, or None."""
    row = long_runs.c
    query = select(row.name, row.started_at, row.updated_at).where(row.name.in_(names)).order_by(row.started_at.desc())
    found = connection.execute(query.limit(1)).mappings().first()
    return Unfinished(**found) if found else None


@contextlib.contextmanager
def alone(engine: Engine, name: str) -> Iterator[bool]:
    """Tell whether no other process does this work; while the block lasts, none will begin to.

    The lock belongs to a connection, so that it goes with a killed process.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = {"locks": _LOCKS, "name": name}
        mine = bool(connection.scalar(text("select pg_try_advisory_lock(:locks, hashtext(:name))"), key))
        try:
            yield mine
        finally:
            if mine:
                connection.execute(text("select pg_advisory_unlock(:locks, hashtext(:name))"), key)
