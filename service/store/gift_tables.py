"""What subscribers have given away: kept to count them, never asked when a gift is opened."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, Table, Text

from service.store.tables import metadata

gifts = Table(
    "gifts",
    metadata,
    Column("id", Text, primary_key=True, comment="random; part of the gift's token, which is not kept"),
    Column("reader_id", Text, nullable=False, comment="who gave it"),
    Column("article_id", Text, nullable=False),
    Column("given_at", DateTime(timezone=True), nullable=False, comment="business time: in which month it counts"),
    Column("expires_at", DateTime(timezone=True), nullable=False, comment="business time, a whole second"),
    Index("gifts_reader_idx", "reader_id", "given_at"),
)
