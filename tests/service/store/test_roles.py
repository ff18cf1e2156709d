"""A role that owns nothing runs the service, and cannot touch what the audit log holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from service.clocks import wall_clock
from service.domain.catalog import Catalog
from service.errors import ConfigurationError
from service.jobs import Dispatcher
from service.journal.upkeep import Upkeep
from service.store.api_keys import ApiKeyStore, Scope
from service.store.database import make_engine
from service.store.roles import grant_to
from service.support.audit import Audit, Entry
from webhooks.rows import Work

ROLE = "newsstand app"


@pytest.fixture
def limited(engine: Engine, database_url: str) -> Iterator[Engine]:
    """An engine that signs in as a role with nothing but its grants; made twice, as by two deployments."""
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(f'create role "{ROLE}" login')
        grant_to(engine, ROLE)
        grant_to(engine, ROLE)
        limited = make_engine(database_url.replace("newsstand@", "newsstand%20app@"))
        yield limited
        limited.dispose()
        admin.execute(f'drop owned by "{ROLE}"')
        admin.execute(f'drop role "{ROLE}"')


def add(engine: Engine) -> Audit:
    audit = Audit(engine, wall_clock)
    with audit.begin() as connection:
        audit.record(connection, Entry(actor="staff:1", act="account.read", subjects=("r-1",)))
    return audit


def test_it_can_do_what_the_service_does(limited: Engine, catalog: Catalog) -> None:
    """Record, verify and erase; make a key; defer a job; make and drop the journal's days."""
    audit = add(limited)
    with audit.begin() as connection:
        audit.record(connection, Entry(actor="staff:1", act="accounts.search", subjects=("r-1", "r-2")))
        assert audit.erase(connection, Entry(actor="staff:1", act="account.erase"), subjects=["r-1"]) == 2
        Dispatcher()(connection, Work.SYNC, "cus_1")
    assert list(audit.faults()) == []
    for year in (2026, 2027):
        now = datetime(year, 11, 10, tzinfo=UTC)
        Upkeep(limited, catalog, tail_days=1, database_clock=lambda _, now=now: now).tend(now)
    assert ApiKeyStore(limited).create_key("site", [Scope.DECIDE])


@pytest.mark.parametrize(
    "statement",
    [
        "update audit set actor = 'x'",
        "delete from audit",
        "truncate audit cascade",
        "update audit_details set salt = ''",
        "truncate audit_details",
        "alter table audit disable trigger all",
        "drop table audit_details",
        "set session_replication_role = replica",
        "update alembic_version set version_num = '0'",
    ],
)
def test_the_audit_log_is_out_of_its_reach(limited: Engine, statement: str) -> None:
    """Refused for want of the right to, before any trigger; and nothing it may do switches a trigger off."""
    add(limited)
    with limited.connect() as connection, pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        connection.execute(text(statement))


def test_a_role_that_is_not_there_is_one_line(engine: Engine) -> None:
    """Whoever mistypes it is told."""
    with pytest.raises(ConfigurationError, match="no role nobody"):
        grant_to(engine, "nobody")


def test_a_table_of_its_own_deceives_no_trigger(limited: Engine) -> None:
    """Whoever puts another `audit` before ours on the search path still erases nothing off the record."""
    add(limited)
    with limited.connect() as connection:
        connection.execute(text("create temporary table audit (seq bigint, erases bigint[])"))
        connection.execute(text("insert into audit values (1, '{1}')"))
        with pytest.raises(ProgrammingError, match="erased only by"):
            connection.execute(text("delete from audit_details"))


def test_details_lose_nothing_but_by_an_entry_that_says_so(limited: Engine) -> None:
    """What the role may change for the sake of erasures, the trigger refuses it otherwise."""
    add(limited)
    with limited.connect() as connection, pytest.raises(ProgrammingError, match="erased only by the newest entry"):
        connection.execute(text("update audit_details set reason = 'x'"))
