"""The schema that migrations make is the schema that the code declares."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

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
