"""What support filters by, on the account itself and indexed in the order it is listed; and staff's notes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_STANDINGS = {
    "in_trial": "a subscription to a plan is in its trial, for search",
    "past_due": "a subscription to a plan waits for a payment, for search",
    "cancelling": "a running subscription to a plan has its end set, for search",
}
_LISTED = {
    "accounts_created_idx": (),
    "accounts_status_created_idx": ("status",),
    "accounts_plan_created_idx": ("plan",),
    "accounts_status_plan_created_idx": ("status", "plan"),
}


def upgrade() -> None:
    for name, comment in _STANDINGS.items():
        op.add_column(
            "accounts", sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False, comment=comment)
        )
    op.execute(_STANDING_NOW)
    for index, columns in _LISTED.items():
        op.create_index(index, "accounts", [*columns, "created_at", "reader_id"])
    for name in _STANDINGS:
        op.create_index(f"accounts_{name}_idx", "accounts", ["created_at", "reader_id"], postgresql_where=sa.text(name))
    op.create_index(
        "grants_standing_idx", "grants", ["kind", "until_at"], postgresql_where=sa.text("revoked_at is null")
    )
    op.create_index("holds_charge_idx", "holds", ["charge_id"])
    op.create_index(
        "holds_standing_idx", "holds", ["customer_id"], postgresql_where=sa.text("blocks and released_at is null")
    )
    op.create_index("checkouts_reader_idx", "checkouts", ["reader_id", "created_at"])
    _make_notes()


def _make_notes() -> None:
    op.create_table(
        "notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("reader_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False, comment="who, as the audit writes it: staff:7, key:3"),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False, comment="wall time"),
        sa.ForeignKeyConstraint(["reader_id"], ["accounts.reader_id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("notes_reader_idx", "notes", ["reader_id", "written_at"])


_STANDING_NOW = """
update accounts set in_trial = found.in_trial, past_due = found.past_due, cancelling = found.cancelling
from (
  select customer_id,
         bool_or(status = 'trialing') as in_trial,
         bool_or(status = 'past_due') as past_due,
         bool_or(cancel_at is not null and status in ('trialing', 'active', 'past_due')) as cancelling
  from subscriptions where plan is not null group by customer_id
) as found
where accounts.customer_id = found.customer_id and (found.in_trial or found.past_due or found.cancelling)
"""
