"""What was agreed to and given back: consents to plan changes, staff's refunds, charges warned of as fraud."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _consents()
    _staff_refunds()
    _warned_charges()


def _text(name: str, comment: str | None = None, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable, comment=comment)


def _instant(name: str, comment: str | None = None, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)


def _consents() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _text("reader_id"),
        _text("kind", "plan_change; what is bought by checkout is with its checkout"),
        _text("subscription_id"),
        _text("plan", "agreed to"),
        sa.Column(
            "disclosure",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what it costs and when, as told before",
        ),
        _text("catalog_version", "of plans.yaml"),
        _instant("agreed_at", "wall time, before Stripe was asked"),
        _text("outcome", "changed, or why not; null while under way", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_consents_reader_id"), "consents", ["reader_id"], unique=False)


def _staff_refunds() -> None:
    op.create_table(
        "staff_refunds",
        _text("idempotency_key", "as sent to Stripe: one refund for each"),
        _text("reader_id"),
        _text("invoice_id"),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        _text("currency"),
        _text("reason"),
        _text("asked_by", "who, as the audit writes it: key:3"),
        _instant("asked_at", "wall time, before Stripe was asked"),
        _text("refund_id", "at Stripe; null while under way, or refused", nullable=True),
        _text("outcome", "Stripe's status of it at first, or why it was refused", nullable=True),
        sa.PrimaryKeyConstraint("idempotency_key"),
    )
    op.create_index(op.f("ix_staff_refunds_reader_id"), "staff_refunds", ["reader_id"], unique=False)


def _warned_charges() -> None:
    op.create_table(
        "warned_charges",
        _text("warning_id", "of the early fraud warning at Stripe"),
        _text("customer_id"),
        _text("charge_id"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        _instant("not_before", nullable=True),
        _instant("settled_at", nullable=True),
        _text("outcome", "refunded, or why Stripe refused", nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("warning_id"),
    )
    op.create_index(op.f("ix_warned_charges_customer_id"), "warned_charges", ["customer_id"], unique=False)
    op.create_index(
        "warned_charges_unsettled_idx",
        "warned_charges",
        ["found_at"],
        unique=False,
        postgresql_where=sa.text("settled_at is null"),
    )
