"""Many rows at once, by COPY: half of what PostgreSQL spends on an INSERT of them, and less here.

PostgreSQL's documentation, "Populating a Database". Values are given as psycopg dumps them, or as text that PostgreSQL
reads: an instant, an array and JSON may be strings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

Row = Sequence[object]


def copy_rows(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Append the rows; raises what SQLAlchemy would for an INSERT, such as IntegrityError for one that is there."""
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), _names(columns))
    with _driver_of(connection) as driver, driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def insert_missing(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Insert those of the rows that are not there yet; raises as `copy_rows` does."""
    values = sql.SQL(", ").join([sql.Placeholder()] * len(columns))
    statement = sql.SQL("insert into {} ({}) values ({}) on conflict do nothing").format(
        sql.Identifier(table), _names(columns), values
    )
    with _driver_of(connection) as driver, driver.cursor() as cursor:
        cursor.executemany(statement, rows)


@contextmanager
def _driver_of(connection: Connection) -> Iterator[psycopg.Connection]:
    """Yield psycopg's own connection; its errors become SQLAlchemy's, and one that broke is not used again."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - every engine is made so (database.py)
    try:
        yield driver
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate(error)
        raise DBAPIError.instance(None, None, error, psycopg.Error, dialect=connection.dialect) from error


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
