"""Audit details about several people lose one of them without losing the others, by an entry that says so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0019"

_STRIP = """
create function audit_strip_on_record() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if old.seq = new.seq and old.seq = any ((select strips from audit order by seq desc limit 1)::bigint[]) then
        return new;
    end if;
    raise exception 'details are erased only by the newest entry that names them'
        using errcode = 'insufficient_privilege';
end $$
"""
_TRIGGER = """
create trigger audit_details_no_change before update on audit_details
    for each row execute function audit_strip_on_record()
"""


def upgrade() -> None:
    op.add_column(
        "audit",
        sa.Column(
            "strips",
            postgresql.ARRAY(sa.BigInteger()),
            nullable=True,
            comment="of whose details it took parts out, once for each part",
        ),
    )
    op.add_column(
        "audit_details",
        sa.Column(
            "salts",
            postgresql.ARRAY(sa.LargeBinary()),
            nullable=True,
            comment="about several: each subject's, then what was said's; empty once gone",
        ),
    )
    op.execute(_STRIP)
    op.execute("drop trigger audit_details_no_change on audit_details")
    op.execute(_TRIGGER)
