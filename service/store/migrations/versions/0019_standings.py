"""Accounts that stand alike lie together, in each order in which support lists them; and what the site was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

_LISTED = {
    "accounts_standing_created_idx": ("(created_at at time zone 'UTC')", "reader_id"),
    "accounts_standing_reader_idx": ('reader_id collate "C"',),
    "accounts_standing_email_idx": ('email_folded collate "C"',),
    "accounts_standing_customer_idx": ('customer_id collate "C"',),
}


def upgrade() -> None:
    for name, columns in _LISTED.items():
        standing: list[str | sa.TextClause] = [
            "status",
            sa.text("coalesce(plan, '')"),
            "in_trial",
            "past_due",
            "cancelling",
        ]
        op.create_index(name, "accounts", [*standing, *(sa.text(each) for each in columns)])
    op.create_table(
        "notices_told",
        sa.Column("id", sa.Text(), nullable=False, comment="of the notice: the same while it is the same thing"),
        sa.Column("reader_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="trial_ends, renews, payment_due"),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="business time of the charge; null when not by itself",
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False, comment="business time of the telling"),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False, comment="wall time, the first one"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("notices_told_reader_idx", "notices_told", ["reader_id", "told_at", "id"])
