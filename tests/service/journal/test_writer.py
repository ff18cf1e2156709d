"""Whatever PostgreSQL does, each entry is written once, or counted as lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from sandbox.processes import free_port
from service.domain.decision import Article
from service.journal import partitions
from service.journal.buffer import Buffer
from service.journal.writer import BATCH, Writer
from service.store.database import make_engine


@pytest.fixture
def buffer() -> Buffer:
    return Buffer(5000)


def test_all_that_waits_is_written_into_days_made_on_demand(
    engine: Engine, buffer: Buffer, make_entry: Any, ids_in: Any
) -> None:
    """Several batches, over midnight, without anybody having made a partition."""
    entries = [make_entry(recorded_at=make_entry().recorded_at + timedelta(minutes=each)) for each in range(BATCH * 4)]
    for each in entries:
        buffer.add(each)
    writer = Writer(engine, buffer, day_bytes=10**9)
    writer.flush()
    assert ids_in(engine) == [each.id for each in entries]
    assert (writer.written, writer.lost, len(buffer)) == (len(entries), 0, 0)
    with engine.connect() as connection:
        assert len(partitions.present(connection)) == 2


def test_an_entry_written_twice_stands_once(engine: Engine, buffer: Buffer, make_entry: Any, ids_in: Any) -> None:
    """A commit whose acknowledgement was lost is repeated without harm."""
    one, other = make_entry(), make_entry()
    writer = Writer(engine, buffer, day_bytes=10**9)
    for each in (one, one, other):
        buffer.add(each)
        writer.flush()
    assert ids_in(engine) == [one.id, other.id]


@pytest.mark.parametrize("poison", ["nul \u0000", "half a pair \ud800"])
def test_what_postgresql_cannot_hold_takes_nobody_along(
    engine: Engine, buffer: Buffer, make_entry: Any, ids_in: Any, poison: str
) -> None:
    """The API lets no such id through; should one come, it is counted as lost and the others are written."""
    entries = [make_entry() for _ in range(20)]
    entries[7] = entries[7]._replace(article=Article(id=poison))
    for each in entries:
        buffer.add(each)
    writer = Writer(engine, buffer, day_bytes=10**9)
    writer.flush()
    assert ids_in(engine) == [each.id for each in entries if each is not entries[7]]
    assert (writer.written, writer.lost) == (19, 1)


def test_a_batch_with_both_faults_ends(engine: Engine, buffer: Buffer, make_entry: Any, ids_in: Any) -> None:
    """One entry is there already, another can never be: the first stands once, the other is lost, and nothing waits."""
    twice, poison, sound = make_entry(), make_entry(article=Article(id="nul \u0000")), make_entry()
    writer = Writer(engine, buffer, day_bytes=10**9)
    for batch in ([twice], [twice, poison, sound]):
        for each in batch:
            buffer.add(each)
        writer.flush()
    assert ids_in(engine) == [twice.id, sound.id]
    assert (writer.lost, len(buffer)) == (1, 0)


def test_a_batch_that_fails_half_way_is_counted_once(
    engine: Engine, buffer: Buffer, make_entry: Any, ids_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is being halved for a poison when PostgreSQL goes away: what was settled by then is not told of again."""
    entries = [make_entry() for _ in range(8)]
    entries[1] = entries[1]._replace(article=Article(id="nul \u0000"))
    for each in entries:
        buffer.add(each)
    writer = Writer(engine, buffer, day_bytes=10**9)
    put = writer._put

    def fail(batch: Any, *more: Any) -> None:
        if len(batch) < len(entries) and entries[-1] in batch:
            raise OperationalError("copy", {}, Exception("gone"))
        put(batch, *more)

    monkeypatch.setattr(writer, "_put", fail)
    with pytest.raises(OperationalError):
        writer.flush()
    assert (writer.written, writer.lost, len(buffer)) == (3, 1, 4)
    monkeypatch.setattr(writer, "_put", put)
    writer.flush()
    assert ids_in(engine) == [each.id for each in entries if each is not entries[1]]
    assert (writer.written, writer.lost, len(buffer)) == (7, 1, 0)


def test_what_could_not_be_written_waits_on(engine: Engine, buffer: Buffer, make_entry: Any, ids_in: Any) -> None:
    """PostgreSQL away: everything is kept, in order, and written when it is back."""
    entries = [make_entry() for _ in range(BATCH + 3)]
    for each in entries:
        buffer.add(each)
    nowhere = make_engine(f"postgresql://newsstand@127.0.0.1:{free_port()}/newsstand", deadline_seconds=0.3)
    with pytest.raises(SQLAlchemyError):
        Writer(nowhere, buffer, day_bytes=10**9).flush()
    assert len(buffer) == BATCH + 3
    Writer(engine, buffer, day_bytes=10**9).flush()
    assert ids_in(engine) == [each.id for each in entries]


def test_a_schema_without_the_table_is_an_outage_like_any_other(
    engine: Engine, buffer: Buffer, make_entry: Any
) -> None:
    """A web process that is newer than its schema keeps what it can until `newsstand migrate` ran."""
    buffer.add(make_entry())
    with engine.begin() as connection:
        connection.execute(text("alter table decisions rename to not_yet"))
    with pytest.raises(SQLAlchemyError):
        Writer(engine, buffer, day_bytes=10**9).flush()
    assert len(buffer) == 1


def test_a_later_schema_with_more_columns_is_written_to(
    engine: Engine, buffer: Buffer, make_entry: Any, ids_in: Any
) -> None:
    """During an upgrade this release writes on the next one's schema, whose new columns fill themselves."""
    with engine.begin() as connection:
        connection.execute(text("alter table decisions add column later integer not null default 7"))
    buffer.add(one := make_entry())
    Writer(engine, buffer, day_bytes=10**9).flush()
    assert ids_in(engine) == [one.id]


def test_a_day_that_is_large_enough_takes_no_more(engine: Engine, buffer: Buffer, make_entry: Any, ids_in: Any) -> None:
    """A flood of walls fills no disk: past the bound a day's entries are counted as lost; the next begins anew."""
    writer = Writer(engine, buffer, day_bytes=100_000, weighed_every=BATCH)
    today = [make_entry() for _ in range(BATCH * 4)]
    tomorrow = make_entry(recorded_at=today[0].recorded_at + timedelta(days=1))
    for each in (*today, tomorrow):
        buffer.add(each)
    writer.flush()
    written = ids_in(engine)
    assert written[:BATCH] == [each.id for each in today[:BATCH]]
    assert BATCH <= len(written) - 1 < len(today)
    assert written[-1] == tomorrow.id
    assert (writer.written, writer.lost) == (len(written), len(today) + 1 - len(written))
