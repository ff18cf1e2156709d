"""Who was erased, by keyed hash: so that what Stripe tells of them later is not taken in."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Table, Text

from service.store.tables import metadata

erased = Table(
    "erased",
    metadata,
    Column("digest", Text, primary_key=True, comment="keyed hash of a reader's or customer's id"),
    Column("kind", Text, nullable=False, comment="reader, customer"),
    Column("erased_at", DateTime(timezone=True), nullable=False, comment="wall time"),
)
