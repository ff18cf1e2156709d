"""What a database role needs that web and worker sign in as, when another one owns the tables: no more than that.

The journal alone is its own, for each day gets a partition.

Such a role cannot switch the audit log's triggers off, for it owns nothing; and the grants below refuse it the rest.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from service.errors import ConfigurationError

_GRANTS = """
grant usage on schema public to {role};
grant select, insert, update, delete on all tables in schema public to {role};
grant usage, select on all sequences in schema public to {role};
revoke update, delete on audit from {role};
revoke update on audit_details from {role};
grant update (subjects, reason, detail, salts) on audit_details to {role};
revoke insert, update, delete on alembic_version from {role}
"""

_JOURNAL = text(
    "select 'decisions'::regclass::text union "
    "select inhrelid::regclass::text from pg_inherits where inhparent = 'decisions'::regclass"
)


def grant_to(engine: Engine, role: str) -> None:
    """Let `role`, which exists, run the service; safe to run again, and needed again after each migration.

    Raises ConfigurationError when there is no such role.
    """
    with engine.begin() as connection:
        quoted = _quoted(connection, role)
        try:
            for statement in (*_GRANTS.format(role=quoted).split(";"), *_journal_to(connection, quoted)):
                connection.execute(text(statement))
        except ProgrammingError as error:
            raise ConfigurationError(f"the database has no role {role}, or refuses to grant to it") from error


def _journal_to(connection: Connection, role: str) -> Iterator[str]:
    """Yield what hands the journal over: a day's partition is made and dropped by who owns the table."""
    yield f"grant create on schema public to {role}"
    yield from (f"alter table {name} owner to {role}" for name in connection.scalars(_JOURNAL).all())


def _quoted(connection: Connection, name: str) -> str:
    return str(connection.scalar(text("select quote_ident(:name)"), {"name": name}))
