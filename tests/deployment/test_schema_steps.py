"""While web processes are replaced one by one, the release before runs on the new schema: no migration may break it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from sandbox.servers import Postgres
from service.store.database import make_engine
from service.store.migrate import alembic_config

Columns = dict[tuple[str, str], tuple[str, bool, bool]]
"""(table, column) → type, whether null is refused, whether it fills itself (default, identity, generated)."""
Rules = dict[tuple[str, str], str]
"""(table, constraint) → its definition."""

COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.atthasdef or a.attidentity <> ''
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
"""
RULES = """
select c.relname, r.conname, pg_get_constraintdef(r.oid)
from pg_constraint r join pg_class c on c.oid = r.conrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and r.contype <> 'n'
union all
select t.relname, i.relname, pg_get_indexdef(x.indexrelid)
from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
join pg_namespace n on n.oid = t.relnamespace where n.nspname = 'public' and x.indisunique
"""


def schema(connection: Connection) -> tuple[Columns, Rules]:
    """Return what the release before relies on: its columns, and what refuses a row."""
    columns = {(table, name): (kind, bool(full), bool(fills))
               for table, name, kind, full, fills in connection.execute(text(COLUMNS))}  # fmt: skip
    return columns, {(table, name): rule for table, name, rule in connection.execute(text(RULES))}


def breaks(before: tuple[Columns, Rules], after: tuple[Columns, Rules]) -> list[str]:
    """Return why code that knows the schema `before` would fail on `after`; empty when it would not."""
    known = {table for table, _ in before[0]}
    return [
        *(f"{table}.{name} {fault}" for (table, name), was in before[0].items()
          if (fault := _changed(was, after[0].get((table, name))))),
        *(f"{table}.{name} is new and must be given" for (table, name), (_, full, fills) in after[0].items()
          if table in known and (table, name) not in before[0] and full and not fills),
        *(f"{table} refuses more now: {name}" for (table, name), rule in after[1].items()
          if table in known and rule not in before[1].values()),
        # `on conflict` of the release before relies on it.
        *(f"{table}: {name} is gone" for (table, name), rule in before[1].items() if rule not in after[1].values()),
    ]  # fmt: skip


def _changed(was: tuple[str, bool, bool], now: tuple[str, bool, bool] | None) -> str | None:
    if now is None:
        return "is gone"
    if now[0] != was[0]:
        return f"was {was[0]}, is {now[0]}"
    return "must be given now" if (now[1] and not was[1]) or (was[2] and not now[2]) else None


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[Engine]:
    """A database without any table."""
    address = f"postgresql://newsstand@127.0.0.1:{postgres.port}"
    with psycopg.connect(f"{address}/postgres", autocommit=True) as admin:
        admin.execute("create database schema_steps")
        engine = make_engine(f"{address}/schema_steps")
        yield engine
        engine.dispose()
        admin.execute("drop database schema_steps with (force)")


def test_no_migration_breaks_the_release_before(empty: Engine) -> None:
    """Each revision after the first leaves every column, default and rule that its predecessor's code relies on."""
    config = alembic_config()
    script = ScriptDirectory.from_config(config)
    revisions = [each.revision for each in reversed(list(script.walk_revisions()))]
    assert [script.get_base()] == revisions[:1], "one line of revisions, without branches"
    with empty.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revisions[0])
        for revision in revisions[1:]:
            before = schema(connection)
            command.upgrade(config, revision)
            assert breaks(before, schema(connection)) == [], f"revision {revision}"
        assert len(schema(connection)[0]) > 50


OLD = """
create table readers (id bigint generated always as identity primary key, name text not null, note text,
                      seen integer not null default 0, code varchar(10))
"""


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("alter table readers drop column note", "note is gone"),
        ("alter table readers rename column note to remark", "note is gone"),
        ("alter table readers rename to people", "name is gone"),
        ("alter table readers alter column note set not null", "note must be given now"),
        ("alter table readers alter column seen drop default", "seen must be given now"),
        ("alter table readers alter column code type varchar(5)", "code was character varying(10)"),
        ("alter table readers add column email text not null", "email is new and must be given"),
        ("alter table readers add constraint c check (seen < 9)", "refuses more now: c"),
        ("create unique index u on readers (name)", "refuses more now: u"),
        ("alter table readers drop constraint readers_pkey", "readers_pkey is gone"),
    ],
)
def test_a_step_that_breaks_is_found(empty: Engine, step: str, told: str) -> None:
    """Each kind of change that the release before could not live with is named."""
    assert told in "; ".join(_told_of(empty, step))


@pytest.mark.parametrize(
    "step",
    [
        "alter table readers add column email text",
        "alter table readers add column visits integer not null default 0",
        "alter table readers alter column name drop not null",
        "create index i on readers (note)",
        "create table visitors (id text primary key, reader text not null unique)",
    ],
)
def test_a_step_that_only_adds_is_let_through(empty: Engine, step: str) -> None:
    """What code before does not know of cannot disturb it."""
    assert _told_of(empty, step) == []


def _told_of(engine: Engine, step: str) -> list[str]:
    with engine.connect() as connection:
        connection.execute(text(OLD))
        before = schema(connection)
        connection.execute(text(step))
        return breaks(before, schema(connection))
