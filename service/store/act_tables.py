"""What staff have decided about accounts, beside grants and notes: kept for good, never rebuilt."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, ForeignKey, Identity, Index, Integer, Table, Text

from service.store.tables import metadata

hold_releases = Table(
    "hold_releases",
    metadata,
    Column("hold_id", Text, primary_key=True, comment="of the dispute, fraud warning or refund at Stripe"),
    Column("revokes", Boolean, primary_key=True, comment="as what it was released: a dispute lost later closes anew"),
    Column("customer_id", Text, nullable=False, index=True),
    Column("reader_id", Text, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("released_by", Text, nullable=False, comment="who, as the audit writes it: staff:7, key:3"),
    Column("released_at", DateTime(timezone=True), nullable=False, comment="business time"),
)

meter_bonuses = Table(
    "meter_bonuses",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("reader_id", Text, ForeignKey("accounts.reader_id"), nullable=False),
    Column("articles", Integer, nullable=False, comment="beyond the limit"),
    Column("from_at", DateTime(timezone=True), nullable=False, comment="business time"),
    Column("until_at", DateTime(timezone=True), nullable=False, comment="the end of the window it was given in"),
    Column("reason", Text, nullable=False),
    Column("given_by", Text, nullable=False, comment="who, as the audit writes it: staff:7, key:3"),
    Index("meter_bonuses_reader_idx", "reader_id", "until_at"),
)

account_merges = Table(
    "account_merges",
    metadata,
    Column("gone_reader_id", Text, primary_key=True, comment="whose things went to another account"),
    Column("reader_id", Text, nullable=False, index=True, comment="the account that stays"),
    Column("gone_customer_id", Text, comment="the customer at Stripe that is no account's any more; null for none"),
    Column("reason", Text, nullable=False),
    Column("merged_by", Text, nullable=False, comment="who, as the audit writes it: staff:7, key:3"),
    Column("merged_at", DateTime(timezone=True), nullable=False, comment="wall time"),
    Index("account_merges_customer_idx", "gone_customer_id"),
)
