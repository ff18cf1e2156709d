"""The journal's days: each day of wall time (UTC) is a partition, and is forgotten by dropping its table.

Days are cut by `recorded_at`, not by business time: a test clock goes through a year in an afternoon, and would need a
year of partitions for it, and retention by it would drop what was written an hour ago.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, Engine, text

DAY = timedelta(days=1)
_PREFIX = "decisions_"
_LOCK = 7310115
"""Two processes that make the same day at once wait for each other."""
_PRESENT = text(
    "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid "
    "where i.inhparent = 'decisions'::regclass and c.relname ~ '^decisions_[0-9]{8}$' order by 1"
)


def ensure(connection: Connection, days: Iterable[date]) -> None:
    """Make the partitions of `days` that are missing.

    Attached rather than made in place: that takes no lock which readers or writers of other days would wait for.
    """
    connection.execute(text(f"select pg_advisory_xact_lock({_LOCK})"))
    missing = sorted(set(days).difference(present(connection)))
    for day in missing:
        name = _name(day)
        connection.execute(text(f"create table {name} (like decisions including all)"))
        connection.execute(
            text(f"alter table decisions attach partition {name} for values from ('{_midnight(day)}') "
                 f"to ('{_midnight(day + DAY)}')")
        )  # fmt: skip


def present(connection: Connection) -> list[date]:
    """Return the days that have a partition, oldest first."""
    return [datetime.strptime(f"{name[len(_PREFIX) :]}Z", "%Y%m%d%z").date() for name in connection.scalars(_PRESENT)]


def size_bytes(connection: Connection, day: date) -> int:
    """Return what a day takes on disk, indexes included; 0 for one that has no partition."""
    size = text("select coalesce(pg_total_relation_size(to_regclass(:name)), 0)")
    return int(connection.scalar(size, {"name": _name(day)}) or 0)


def drop_before(engine: Engine, day: date, *, patience_seconds: float = 2.0) -> int:
    """Drop the partitions of days before `day`; return how many are gone.

    Each drop waits for whoever reads the journal just now, and makes later ones wait behind it; after
    `patience_seconds` it gives up (raises OperationalError), for the next round tries again.
    """
    with engine.connect() as connection:
        expired = [each for each in present(connection) if each < day]
    for each in expired:
        with engine.begin() as connection:
            connection.execute(text(f"set local lock_timeout = {int(patience_seconds * 1000)}"))
            connection.execute(text(f"drop table if exists {_name(each)}"))
    return len(expired)


def _name(day: date) -> str:
    return f"{_PREFIX}{day:%Y%m%d}"


def _midnight(day: date) -> str:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).isoformat()
