"""A database that a test had before is like a new one, or it is a new one."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from sandbox.databases import Databases

STAFF = """insert into audit (seq, at, actor, act, erases, details_digest, previous, digest)
           values (1, now(), 'ann', 'note', '{}', '', '', '')"""


def _run(url: str, *statements: str) -> Any:
    """Run statements; return the first row of the last one, if it returns rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


def _oid(url: str) -> Any:
    """Return what tells a database from one of the same name."""
    return _run(url, "select oid from pg_database where datname = current_database()")


def _used(databases: Databases, *statements: str) -> Any:
    """Borrow a database, run statements in it, give it back; return which it was."""
    with databases.one() as url:
        _run(url, *statements)
        return _oid(url)


def test_rows_and_what_numbered_them_are_gone(databases: Databases) -> None:
    """The same database is lent again under another name, without a row, and numbers begin again."""
    with databases.one() as before:
        _run(before, "insert into accounts (reader_id) values ('r-1')", "select nextval('procrastinate_jobs_id_seq')")
        used = _oid(before)
    with databases.one() as after:
        assert _oid(after) == used
        assert after != before
        assert _run(after, "select count(*) from accounts") == (0,)
        assert _run(after, "select count(*) from alembic_version") == (1,)
        assert _run(after, "select nextval('procrastinate_jobs_id_seq')") == (1,)


def test_the_audit_log_is_emptied_and_still_lets_nobody_delete(databases: Databases) -> None:
    """What no statement of ours may remove is gone, and the next test's entries are as safe as ever."""
    used = _used(databases, STAFF)
    with databases.one() as url:
        assert _oid(url) == used
        _run(url, STAFF)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            _run(url, "delete from audit")


def test_the_journals_days_are_gone(databases: Databases) -> None:
    """They are tables of their own; who makes them again finds them empty."""
    day = "create table decisions_20261110 partition of decisions for values from ('2026-11-10') to ('2026-11-11')"
    used = _used(databases, day)
    with databases.one() as url:
        assert _oid(url) == used
        assert _run(url, "select count(*) from pg_inherits where inhparent = 'decisions'::regclass") == (0,)
        _run(url, day)


@pytest.mark.parametrize(
    "change",
    [
        "create table left_over ()",
        "drop table notes",
        "alter table accounts add column left_over int",
        "alter table decisions add column left_over int",
        "create index left_over on decisions (reader_id)",
        "alter table audit disable trigger all",
        "create or replace function left_over() returns int language sql return 1",
        "drop index accounts_plan_idx",
    ],
)
def test_what_has_another_schema_is_not_lent_again(databases: Databases, change: str) -> None:
    """A test that changed a table, an index, a trigger or a function leaves nothing of it to the next."""
    used = _used(databases, change)
    with databases.one() as url:
        assert _oid(url) != used


@pytest.mark.parametrize(
    "filling",
    [
        "insert into accounts (reader_id) select 'r-' || n from generate_series(1, 20000) n",
        "insert into accounts (reader_id) select 'r-' || n from generate_series(1, 300) n; analyze accounts",
    ],
)
def test_what_would_show_in_a_plan_is_not_lent_again(databases: Databases, filling: str) -> None:
    """A test about plans sees neither the pages that thousands of rows filled nor the statistics on them."""
    used = _used(databases, *filling.split(";"))
    with databases.one() as url:
        assert _oid(url) != used


def test_whoever_is_still_connected_is_cut_off(databases: Databases) -> None:
    """What a test forgot to stop neither writes into the next one's database nor finds it by its old address."""
    with databases.one() as before:
        forgotten = psycopg.connect(before)
    with databases.one():
        with pytest.raises(psycopg.OperationalError):
            forgotten.execute("select 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(before)
