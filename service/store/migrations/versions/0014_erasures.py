"""Who was erased, by keyed hash."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "erased",
        sa.Column("digest", sa.Text(), nullable=False, comment="keyed hash of a reader's or customer's id"),
        sa.Column("kind", sa.Text(), nullable=False, comment="reader, customer"),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False, comment="wall time"),
        sa.PrimaryKeyConstraint("digest"),
    )
