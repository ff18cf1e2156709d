"""Whom a dispute bars from trials, and whose second customer pays for nothing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0015"


def upgrade() -> None:
    _make_trial_bars()
    _bar_whom_a_dispute_bars_now()
    op.add_column(
        "customer_snapshots",
        sa.Column(
            "named_reader_id",
            sa.Text(),
            nullable=True,
            comment="whom metadata names, though another customer is theirs",
        ),
    )
    op.create_index("ix_customer_snapshots_named_reader_id", "customer_snapshots", ["named_reader_id"])
    op.alter_column(
        "drift", "kind", existing_type=sa.Text(), existing_nullable=False,
        comment="missing_here, gone_at_stripe, differs, unreadable, unbound",
        existing_comment="missing_here, gone_at_stripe, differs, unreadable",
    )  # fmt: skip


def _make_trial_bars() -> None:
    op.create_table(
        "trial_bars",
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="reader, customer, email (keyed hash), card (fingerprint)"
        ),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("dispute_id", sa.Text(), nullable=False, comment="at Stripe: why there is no trial any more"),
        sa.Column("reader_id", sa.Text(), nullable=False, comment="whose payment was disputed"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", "dispute_id"),
    )
    op.create_index("ix_trial_bars_reader_id", "trial_bars", ["reader_id"])
    op.create_index("ix_trial_bars_dispute_id", "trial_bars", ["dispute_id"])


def _bar_whom_a_dispute_bars_now() -> None:
    """Until now it was read from the customer's holds; hash and card are entered by that customer's next sync."""
    disputed = "holds join accounts using (customer_id) where holds.kind = 'dispute' and holds.blocks"
    for kind, value in (("reader", "accounts.reader_id"), ("customer", "customer_id")):
        columns = f"'{kind}', {value}, holds.id, accounts.reader_id"
        op.execute(
            f"insert into trial_bars (kind, value, dispute_id, reader_id) select {columns} from {disputed}"  # noqa: S608
        )
