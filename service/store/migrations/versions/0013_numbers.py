"""What was counted by day, and what counting needs on the rows themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("amount_minor", sa.BigInteger(), nullable=True))
    op.add_column("subscriptions", sa.Column("currency", sa.Text(), nullable=True))
    op.add_column("subscriptions", sa.Column("interval", sa.Text(), nullable=True, comment="month, year"))
    op.add_column(
        "invoices", sa.Column("attempt_count", sa.Integer(), nullable=True, comment="how often a payment was tried")
    )
    op.execute(_PRICES)
    op.execute(_ATTEMPTS)
    _make_counts("daily_numbers")
    _make_counts(
        "journal_numbers",
        sa.Column(
            "recorded_on", sa.Date(), nullable=False, comment="UTC day of the journal; kept when that day is forgotten"
        ),
    )
    op.create_index("journal_numbers_figure_idx", "journal_numbers", ["figure", "day"])
    op.create_table(
        "counted",
        sa.Column("source", sa.Text(), nullable=False, comment="record, journal"),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False, comment="business time"),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False, comment="wall time"),
        sa.PrimaryKeyConstraint("source"),
    )


def _make_counts(name: str, *first: sa.Column[object]) -> None:
    of_business = "of business time, in the publication's zone"
    in_zone = "in the publication's zone; of a month, its first"
    op.create_table(
        name,
        *first,
        sa.Column("figure", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment=of_business if first else in_zone),
        sa.Column(
            "key", sa.Text(), nullable=False, comment=None if first else "which of the figure's counts, such as a plan"
        ),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*(each.name for each in first), "figure", "day", "key"),
    )


_PRICES = """
update subscriptions set amount_minor = (said ->> 'amount_minor')::bigint, currency = said ->> 'currency',
                         interval = said ->> 'interval'
from customer_snapshots, jsonb_array_elements(snapshot -> 'subscriptions') as said
where customer_snapshots.customer_id = subscriptions.customer_id and said ->> 'id' = subscriptions.id
"""
_ATTEMPTS = """
update invoices set attempt_count = (said ->> 'attempt_count')::integer
from customer_snapshots, jsonb_array_elements(snapshot -> 'invoices') as said
where customer_snapshots.customer_id = invoices.customer_id and said ->> 'id' = invoices.id
"""
