"""The journal of decisions, and the refusals that had been paid for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="wall time; its UTC day is the partition",
        ),
        sa.Column(
            "id", sa.BigInteger(), autoincrement=False, nullable=False, comment="given by the process that decided"
        ),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False, comment="business time"),
        sa.Column("reader_id", sa.Text(), comment="the subject, where there is one"),
        sa.Column("visitor_id", sa.Text(), comment="the subject, where there is no reader"),
        sa.Column("article_id", sa.Text(), nullable=False),
        sa.Column("article_access", sa.Text(), nullable=False, comment="metered, free, subscribers"),
        sa.Column("feature", sa.Text(), comment="that the article needs"),
        sa.Column("consume", sa.Boolean(), nullable=False, comment="false for a peek"),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("meter_outcome", sa.Text(), comment="null where the meter did not matter, and so with the next six"),
        sa.Column("meter_used", sa.Integer()),
        sa.Column("meter_limit", sa.Integer()),
        sa.Column("window_kind", sa.Text()),
        sa.Column("window_id", sa.Text()),
        sa.Column("window_starts_at", sa.DateTime(timezone=True)),
        sa.Column("resets_at", sa.DateTime(timezone=True)),
        sa.Column("entitlement", postgresql.JSONB(), comment="in force at the decision; null for none"),
        sa.Column("wall_kind", sa.Text(), comment="null when granted, and so with the next two"),
        sa.Column("offers", postgresql.ARRAY(sa.Text())),
        sa.Column("trial_eligible", sa.Boolean()),
        sa.Column("degraded", sa.Text(), comment="which part was missing: redis, database"),
        sa.Column("outage", postgresql.JSONB(), comment="{allow, maybe_entitled}: what the failure policy was told"),
        sa.Column("catalog_version", sa.Text(), nullable=False, comment="of plans.yaml"),
        sa.PrimaryKeyConstraint("recorded_at", "id"),
        postgresql_partition_by="RANGE (recorded_at)",
    )
    for subject in ("reader", "visitor"):
        op.create_index(
            f"decisions_{subject}_idx",
            "decisions",
            [f"{subject}_id", "decided_at"],
            postgresql_where=sa.text(f"{subject}_id is not null"),
        )
    op.create_table(
        "refusal_checks",
        sa.Column(
            "reader_id", sa.Text(), nullable=False, comment="whose refusals are to be compared with what a sync showed"
        ),
        sa.Column("known_before", postgresql.JSONB(), comment="the snapshot that the sync replaced; null for none"),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False, comment="wall time"),
        sa.PrimaryKeyConstraint("reader_id"),
    )
    op.create_index("ix_refusal_checks_asked_at", "refusal_checks", ["asked_at"])
    op.create_table(
        "paid_but_refused",
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, comment="of the refusal in `decisions`"),
        sa.Column("decision_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reader_id", sa.Text(), comment="null once the reader was erased"),
        sa.Column("article_id", sa.Text(), comment="null once the reader was erased"),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("recorded_at", "decision_id"),
    )
    op.create_index("ix_paid_but_refused_reader_id", "paid_but_refused", ["reader_id"])
