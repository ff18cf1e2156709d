"""The audit log: a chain that nobody may change, and details that only an erasure on record takes away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

_REFUSE = """
create function audit_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is only ever added to' using errcode = 'insufficient_privilege';
end $$
"""
_ERASE = """
create function audit_erase_on_record() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if old.seq = any ((select erases from audit order by seq desc limit 1)::bigint[]) then
        return old;
    end if;
    raise exception 'details are erased only by the newest entry that names them'
        using errcode = 'insufficient_privilege';
end $$
"""
_TRIGGERS = """
create trigger audit_no_change before update or delete on audit
    for each row execute function audit_refuse();
create trigger audit_no_truncate before truncate on audit execute function audit_refuse();
create trigger audit_details_no_change before update on audit_details
    for each row execute function audit_refuse();
create trigger audit_details_no_truncate before truncate on audit_details execute function audit_refuse();
create trigger audit_details_erase before delete on audit_details
    for each row execute function audit_erase_on_record()
"""


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False, comment="from 1, without a gap"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="wall time"),
        sa.Column("actor", sa.Text(), nullable=False, comment="staff:7, key:3, command:root, service"),
        sa.Column("act", sa.Text(), nullable=False, comment="such as account.read"),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column(
            "erases", postgresql.ARRAY(sa.BigInteger()), nullable=False, comment="whose details this entry erased"
        ),
        sa.Column("details_digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of salt and canonical details"),
        sa.Column("previous", sa.LargeBinary(), nullable=False, comment="the digest of the entry before"),
        sa.Column(
            "digest",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 of previous and this entry's canonical content",
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("audit_act_idx", "audit", ["act", "seq"])
    op.create_index("audit_actor_idx", "audit", ["actor", "seq"])
    op.create_table(
        "audit_details",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column(
            "subjects",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="the readers it is about, or whose data were shown",
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["audit.seq"]),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("audit_details_subjects_idx", "audit_details", ["subjects"], postgresql_using="gin")
    for statement in (_REFUSE, _ERASE, *_TRIGGERS.split(";")):
        op.execute(statement)
