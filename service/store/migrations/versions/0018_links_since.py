"""Since when a browser is its reader's, which signing in again does not move."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column(
        "visitor_links",
        sa.Column(
            "since", sa.DateTime(timezone=True), comment="of its present reader's first sign-in; null as linked_at"
        ),
    )
