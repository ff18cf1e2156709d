"""What the site was told to tell a reader, and since when: kept until the reader is erased, never rebuilt."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, Table, Text

from service.store.tables import metadata

notices_told = Table(
    "notices_told",
    metadata,
    Column("id", Text, primary_key=True, comment="of the notice: the same while it is the same thing"),
    Column("reader_id", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="trial_ends, renews, payment_due"),
    Column("due_at", DateTime(timezone=True), comment="business time of the charge; null when not by itself"),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("as_of", DateTime(timezone=True), nullable=False, comment="business time of the telling"),
    Column("told_at", DateTime(timezone=True), nullable=False, comment="wall time, the first one"),
    Index("notices_told_reader_idx", "reader_id", "told_at", "id"),
)
