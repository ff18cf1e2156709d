"""Bring the database to this version's schema: Alembic for our tables, procrastinate's own SQL for its queue."""

from __future__ import annotations

from pathlib import Path

import procrastinate
import psycopg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(engine: Engine) -> bool:
    """Apply what is missing; safe to run again, and by several processes at once (an advisory lock orders them).

    Returns False for a database that a newer version has migrated, where there is nothing to do: no migration takes
    anything from the version before it, so that one can be gone back to.
    """
    with engine.connect() as connection:
        connection.execute(text("select pg_advisory_lock(7310114)"))
        connection.commit()
        try:
            config = alembic_config()
            if _is_newer(connection, config):
                return False
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            return True
        finally:
            connection.execute(text("select pg_advisory_unlock(7310114)"))
            connection.commit()


def _is_newer(connection: Connection, config: Config) -> bool:
    """Tell whether the schema has a number above ours."""
    there, ours = MigrationContext.configure(connection).get_current_revision(), ScriptDirectory.from_config(config)
    connection.commit()
    head = ours.get_current_head()
    return bool(there and head and there.isdecimal() and int(there) > int(head))


def alembic_config() -> Config:
    """Return Alembic's configuration without an ini file: everything it needs stands here."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def procrastinate_schema() -> str:
    """Return the SQL that makes procrastinate's tables, as shipped with the pinned version."""
    return (Path(procrastinate.__file__).parent / "sql" / "schema.sql").read_text()


def install_procrastinate(connection: Connection) -> None:
    """Make procrastinate's tables inside the caller's transaction.

    Through the raw driver: its SQL is many statements with literal percent signs, which a parameterised call refuses.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - for the type checker; the engine makes no other
    driver.execute(procrastinate_schema().encode())
