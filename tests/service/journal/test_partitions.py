"""Days are made when they are needed and forgotten whole, without anybody waiting for long."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from service.journal import partitions
from service.journal.upkeep import DAYS_AHEAD, Upkeep

TODAY = date(2026, 11, 22)


def days(engine: Engine) -> list[date]:
    with engine.connect() as connection:
        return partitions.present(connection)


def ensure(engine: Engine, *wanted: date) -> None:
    with engine.begin() as connection:
        partitions.ensure(connection, wanted)


def test_a_day_is_made_once_however_many_ask_at_once(engine: Engine) -> None:
    """Eight processes at midnight; the day has the index of its parent."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ensure(engine, TODAY), range(8)))
    assert days(engine) == [TODAY]
    with engine.connect() as connection:
        indexed = connection.scalar(text("select count(*) from pg_indexes where tablename = 'decisions_20261122'"))
    assert indexed == 3


def test_a_new_day_waits_for_no_reader(engine: Engine) -> None:
    """A long look at the journal stands in no writer's way."""
    ensure(engine, TODAY)
    with engine.begin() as reading:
        reading.execute(text("select count(*) from decisions"))
        with engine.begin() as connection:
            connection.execute(text("set local lock_timeout = 1000"))
            partitions.ensure(connection, [TODAY + partitions.DAY])
    assert len(days(engine)) == 2


def test_only_days_before_the_given_one_are_dropped(engine: Engine) -> None:
    """The day itself stays."""
    ensure(engine, *(TODAY - partitions.DAY * back for back in range(4)))
    assert partitions.drop_before(engine, TODAY - partitions.DAY) == 2
    assert days(engine) == [TODAY - partitions.DAY, TODAY]


def test_a_drop_gives_up_on_a_reader_who_stays(engine: Engine) -> None:
    """It would make every writer wait behind it; the next round tries again."""
    ensure(engine, TODAY)
    with engine.begin() as reading:
        reading.execute(text("select count(*) from decisions"))
        with pytest.raises(OperationalError):
            partitions.drop_before(engine, TODAY + partitions.DAY, patience_seconds=0.1)
    assert partitions.drop_before(engine, TODAY + partitions.DAY) == 1


def test_a_partition_of_somebody_elses_making_is_left_alone(engine: Engine) -> None:
    """An operator's own has another name; nobody takes it for a day."""
    ensure(engine, TODAY)
    with engine.begin() as connection:
        connection.execute(text("create table decisions_old (like decisions including all)"))
        span = "from ('2020-01-01') to ('2021-01-01')"
        connection.execute(text(f"alter table decisions attach partition decisions_old for values {span}"))
    assert days(engine) == [TODAY]
    assert partitions.drop_before(engine, TODAY + partitions.DAY) == 1


def test_upkeep_makes_days_ahead_and_keeps_the_window_and_its_tail(engine: Engine, parts: Any) -> None:
    """By the catalog's month: on the 10th, with ten days' tail, all since the end of the month before last stays."""
    now = parts.clock()
    ensure(engine, *(now.date() - partitions.DAY * back for back in range(40)))
    upkeep = Upkeep(engine, parts.catalog, tail_days=10, database_clock=lambda _: now)
    forgotten = upkeep.tend(now)
    kept = days(engine)
    assert (kept[0], kept[-1]) == (date(2026, 10, 21), now.date() + timedelta(days=DAYS_AHEAD))
    assert forgotten == 40 - (now.date() - kept[0]).days - 1
    assert upkeep.tend(now) == 0
