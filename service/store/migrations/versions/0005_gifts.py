"""Articles that subscribers give away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "gifts",
        sa.Column("id", sa.Text(), nullable=False, comment="random; part of the gift's token, which is not kept"),
        sa.Column("reader_id", sa.Text(), nullable=False, comment="who gave it"),
        sa.Column("article_id", sa.Text(), nullable=False),
        sa.Column(
            "given_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="business time: in which month it counts",
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, comment="business time, a whole second"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("gifts_reader_idx", "gifts", ["reader_id", "given_at"])
