"""Indexes to look through the inbox by, and how the last long work ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0008"


def upgrade() -> None:
    op.create_index("events_received_idx", "events", ["received_at", "id"])
    op.create_index("events_type_idx", "events", ["type", "received_at", "id"])
    for status in ("ignored", "quarantined"):
        op.create_index(
            f"events_{status}_idx", "events", ["received_at", "id"], postgresql_where=sa.text(f"status = '{status}'")
        )
    op.create_table(
        "finished_runs",
        sa.Column(
            "name", sa.Text(), nullable=False, comment="as in long_runs: the last one of each name that came to its end"
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found", JSONB(), nullable=False, comment="what it came to, in numbers"),
        sa.PrimaryKeyConstraint("name"),
    )
