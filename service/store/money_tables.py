"""What was agreed to and given back by word of people or policy, beside checkouts: kept for good, never rebuilt."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB

from service.store.tables import metadata

consents = Table(
    "consents",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("reader_id", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False, comment="plan_change; what is bought by checkout is with its checkout"),
    Column("subscription_id", Text, nullable=False),
    Column("plan", Text, nullable=False, comment="agreed to"),
    Column("disclosure", JSONB, nullable=False, comment="what it costs and when, as told before"),
    Column("catalog_version", Text, nullable=False, comment="of plans.yaml"),
    Column("agreed_at", DateTime(timezone=True), nullable=False, comment="wall time, before Stripe was asked"),
    Column("outcome", Text, comment="changed, or why not; null while under way"),
)

staff_refunds = Table(
    "staff_refunds",
    metadata,
    Column("idempotency_key", Text, primary_key=True, comment="as sent to Stripe: one refund for each"),
    Column("reader_id", Text, nullable=False, index=True),
    Column("invoice_id", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_by", Text, nullable=False, comment="who, as the audit writes it: key:3"),
    Column("asked_at", DateTime(timezone=True), nullable=False, comment="wall time, before Stripe was asked"),
    Column("refund_id", Text, comment="at Stripe; null while under way, or refused"),
    Column("outcome", Text, comment="Stripe's status of it at first, or why it was refused"),
)

warned_charges = Table(
    "warned_charges",
    metadata,
    Column("warning_id", Text, primary_key=True, comment="of the early fraud warning at Stripe"),
    Column("customer_id", Text, nullable=False, index=True),
    Column("charge_id", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", DateTime(timezone=True)),
    Column("settled_at", DateTime(timezone=True)),
    Column("outcome", Text, comment="refunded, or why Stripe refused"),
    Column("found_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("warned_charges_unsettled_idx", "found_at", postgresql_where=text("settled_at is null")),
)
