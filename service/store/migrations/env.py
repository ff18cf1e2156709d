"""Alembic's hook: run on the connection that `service.store.migrate` holds."""

from alembic import context

from service.store import (  # noqa: F401 - that all tables are declared
    act_tables,
    audit_tables,
    erasure_tables,
    gift_tables,
    journal_tables,
    money_tables,
    note_tables,
    number_tables,
    staff_tables,
)
from service.store.tables import metadata
from webhooks.tables import metadata as webhooks_metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=[metadata, webhooks_metadata],
    include_name=lambda name, kind, _parents: kind != "table" or not str(name).startswith("procrastinate_"),
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
