"""What staff write to each other about an account: kept until the reader is erased, never rebuilt."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Index, Table, Text

from service.store.tables import metadata

notes = Table(
    "notes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("reader_id", Text, ForeignKey("accounts.reader_id"), nullable=False),
    Column("body", Text, nullable=False),
    Column("written_by", Text, nullable=False, comment="who, as the audit writes it: staff:7, key:3"),
    Column("written_at", DateTime(timezone=True), nullable=False, comment="wall time"),
    Index("notes_reader_idx", "reader_id", "written_at"),
)
