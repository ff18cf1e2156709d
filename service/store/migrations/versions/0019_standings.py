"""Accounts that stand alike lie together, in each order in which support lists them; and what the site was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0015"

_LISTED = {
    "accounts_standing_created_idx": ("(created_at at time zone 'UTC')", "reader_id"),
    "accounts_standing_reader_idx": ('reader_id collate "C"',),
    "accounts_standing_email_idx": ('email_folded collate "C"',),
    "accounts_standing_customer_idx": ('customer_id collate "C"',),
}


def upgrade() -> None:
    for name, columns in _LISTED.items():
        standing = ["status", sa.text("coalesce(plan, '')"), "in_trial", "past_due", "cancelling"]
        op.create_index(name, "accounts", [*standing, *(sa.text(each) for each in columns)])
