"""The schema that migrations make is the schema that the code declares."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from service.store.database import make_engine
from service.store.migrate import migrate
from service.store.tables import metadata
from webhooks.tables import metadata as webhooks_metadata


def test_migrations_and_tables_agree(database_url: str) -> None:
    """A column added to the tables without a migration is found here, not in production."""
    engine = make_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: kind != "table" or not name.startswith("procrastinate_")},
        )
        assert compare_metadata(context, [metadata, webhooks_metadata]) == []
    engine.dispose()


@pytest.mark.parametrize("table", ["accounts", "events", "customer_syncs", "procrastinate_jobs"])
def test_migrating_again_changes_nothing(database_url: str, table: str) -> None:
    """`newsstand migrate` may run at every deployment."""
    engine = make_engine(database_url)
    migrate(engine)
    assert inspect(engine).has_table(table)
    engine.dispose()


def test_a_newer_versions_database_is_left_as_it_is(database_url: str) -> None:
    """Claim: a version that is gone back to may start as ever, which compose.yaml begins with a migration."""
    engine = make_engine(database_url)
    assert migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    assert not migrate(engine)
    with engine.connect() as connection:
        assert connection.scalar(text("select version_num from alembic_version")) == "9999"
    engine.dispose()
