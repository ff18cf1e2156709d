"""Databases with the schema and no rows, for tests: used again once emptied, for a copy costs four times as much."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from sandbox.servers import Postgres
from service.store.database import make_engine
from service.store.migrate import migrate

TEMPLATE = "template_newsstand"

# Above this a copy is cheaper than emptying, and what a deleted row leaves would count in the next test's plans.
_LARGEST_BYTES = 1024 * 1024

# The days of the journal are tables that the service makes and drops itself.
_DROP_DAYS = """
do $$
declare
  day regclass;
begin
  for day in select inhrelid from pg_inherits join pg_class on oid = inhparent where relkind = 'p' loop
    execute format('drop table %s', day);
  end loop;
end $$
"""

# Every catalogue row that a change of the schema writes, by the transaction that wrote it: a copy has its template's.
# What was divided into days says so in a row that is written anew. A table's own statistics are rows too: a plan must
# not lean on those of an earlier test.
_SCHEMA = " union all ".join(
    f"select '{catalogue.split()[0]}', count(*), max(xmin::text::bigint) from {catalogue}"  # noqa: S608 - names of ours
    for catalogue in (
        "pg_attribute", "pg_attrdef", "pg_class where relkind not in ('p', 'I')", "pg_constraint", "pg_index",
        "pg_proc", "pg_trigger", "pg_type", "pg_policy", "pg_statistic", "pg_statistic_ext_data",
    )
)  # fmt: skip

# The schema's own version stays. As a replica: no trigger keeps the audit log's rows, and no table has to go first.
_EMPTY = f"""
set session_replication_role = replica;
do $$
declare
  one record;
begin
  for one in select oid::regclass as name, pg_relation_size(oid) as bytes from pg_class
             where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'alembic_version' loop
    continue when one.bytes = 0;
    if one.bytes > {_LARGEST_BYTES} then raise exception '% is large', one.name; end if;
    execute format('delete from %s', one.name);
  end loop;
  perform setval(oid::regclass, 1, false) from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace;
end $$
"""  # noqa: S608


class Databases:
    """Lends databases of a server, each under a name never used before; what comes back is emptied for the next."""

    def __init__(self, server: Postgres) -> None:
        """Make the template, which has the whole schema."""
        self._server = server
        self._names = (f"test_{number}" for number in itertools.count(1))
        self._idle: list[str] = []
        self._administer(f"create database {TEMPLATE}")
        engine = make_engine(self._url(TEMPLATE))
        migrate(engine)
        engine.dispose()
        with self._connect(TEMPLATE) as template:
            self._schema = template.execute(_SCHEMA).fetchall()

    @contextmanager
    def one(self) -> Iterator[str]:
        """Lend the address of a database that has the schema and no row."""
        name = self._idle.pop() if self._idle else self._copy()
        yield self._url(name)
        self._take_back(name)

    def _copy(self) -> str:
        name = next(self._names)
        self._administer(f"create database {name} template {TEMPLATE} strategy file_copy")
        return name

    def _take_back(self, name: str) -> None:
        renamed = next(self._names)
        try:
            # Whatever still runs of the test that had it must not find it in the next one's hands.
            self._administer(
                f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{name}'",  # noqa: S608
                f"alter database {name} rename to {renamed}",
            )
        except psycopg.errors.ObjectInUse:  # it has connected again
            self._administer(f"drop database {name} with (force)")
            return
        if self._is_emptied(renamed):
            self._idle.append(renamed)
        else:
            self._administer(f"drop database {renamed} with (force)")

    def _is_emptied(self, name: str) -> bool:
        with self._connect(name) as connection:
            connection.execute(_DROP_DAYS)
            if connection.execute(_SCHEMA).fetchall() != self._schema:
                return False
            try:
                connection.execute(_EMPTY)
            except psycopg.errors.RaiseException:  # too large
                return False
        return True

    def _administer(self, *statements: str) -> None:
        with self._connect("postgres") as connection:
            for statement in statements:
                connection.execute(statement)

    def _connect(self, name: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self._url(name), autocommit=True)

    def _url(self, name: str) -> str:
        return f"postgresql://newsstand@127.0.0.1:{self._server.port}/{name}"
