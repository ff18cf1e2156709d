"""The offer of every version that a decision was remembered under."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "catalogs",
        sa.Column("version", sa.Text(), nullable=False, comment="as decisions and consents name it"),
        sa.Column("source", sa.Text(), nullable=False, comment="plans.yaml as JSON, to the meaning"),
        sa.Column("first_used_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
