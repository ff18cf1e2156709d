"""A payment method that was detached is found by whose it was: Stripe does not say it any more."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0021"


def upgrade() -> None:
    op.execute(
        "create index customer_snapshots_payment_method_idx on customer_snapshots "
        "(coalesce(snapshot #>> '{pays_with,id}', snapshot #>> '{card,payment_method_id}'))"
    )
