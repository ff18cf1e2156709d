"""COPY and what stands in for it fail as SQLAlchemy's own statements do, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from service.store.copying import copy_rows, insert_missing

Put = Callable[..., None]
COLUMNS = "id", "words", "at"
ONE, TWO = (1, '{"a \\\\ \\"b\\"",c}', "2026-11-29T12:00:00+01:00"), (2, None, None)


@pytest.fixture
def table(engine: Engine) -> Iterator[str]:
    """A table with a key, a list and an instant."""
    with engine.begin() as connection:
        connection.execute(text("create table copied (id bigint primary key, words text[], at timestamptz)"))
    yield "copied"
    with engine.begin() as connection:
        connection.execute(text("drop table copied"))


def found(engine: Engine) -> list[tuple[object, ...]]:
    query = text("select id, words, at at time zone 'UTC' from copied order by id")
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


@pytest.mark.parametrize("put", [copy_rows, insert_missing])
def test_text_becomes_what_the_columns_hold(engine: Engine, table: str, put: Put) -> None:
    """Lists and instants as text, numbers and nothing as themselves."""
    with engine.begin() as connection:
        put(connection, table, COLUMNS, [ONE, TWO])
    (_, words, at), other = found(engine)
    assert (words, f"{at:%H:%M}", other) == (['a \\ "b"', "c"], "11:00", (2, None, None))


def test_a_row_that_is_there_refuses_a_copy_whole_and_is_left_out_of_an_insert(engine: Engine, table: str) -> None:
    """Which is why the one may be tried first and the other does for good."""
    with engine.begin() as connection:
        copy_rows(connection, table, COLUMNS, [TWO])
    with pytest.raises(IntegrityError), engine.begin() as connection:
        copy_rows(connection, table, COLUMNS, [(3, None, None), TWO])
    assert [row[0] for row in found(engine)] == [2]
    with engine.begin() as connection:
        insert_missing(connection, table, COLUMNS, [ONE, TWO, ONE])
    assert [row[0] for row in found(engine)] == [1, 2]


@pytest.mark.parametrize("put", [copy_rows, insert_missing])
def test_what_cannot_be_held_is_a_fault_of_the_data(engine: Engine, table: str, put: Put) -> None:
    """And the connection serves the next."""
    with pytest.raises(DataError), engine.begin() as connection:
        put(connection, table, COLUMNS, [(4, None, "no instant")])
    assert found(engine) == []


@pytest.mark.parametrize("put", [copy_rows, insert_missing])
def test_a_server_that_hangs_up_is_an_outage(engine: Engine, table: str, put: Put) -> None:
    """The connection that broke is not handed out again."""
    with engine.connect() as connection:
        mine = connection.scalar(text("select pg_backend_pid()"))
        with engine.begin() as other:
            other.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": mine})
        with pytest.raises(OperationalError):
            put(connection, table, COLUMNS, [ONE])
    with engine.begin() as connection:
        put(connection, table, COLUMNS, [ONE])
    assert len(found(engine)) == 1
