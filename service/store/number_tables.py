"""What was counted, by day: so that a page need not count a million accounts. Holds nothing of any single reader."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, DateTime, Index, Table, Text

from service.store.tables import metadata

daily_numbers = Table(
    "daily_numbers",
    metadata,
    Column("figure", Text, primary_key=True),
    Column("day", Date, primary_key=True, comment="in the publication's zone; of a month, its first"),
    Column("key", Text, primary_key=True, comment="which of the figure's counts, such as a plan"),
    Column("value", BigInteger, nullable=False),
)

journal_numbers = Table(
    "journal_numbers",
    metadata,
    Column("recorded_on", Date, primary_key=True, comment="UTC day of the journal; kept when that day is forgotten"),
    Column("figure", Text, primary_key=True),
    Column("day", Date, primary_key=True, comment="of business time, in the publication's zone"),
    Column("key", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
    Index("journal_numbers_figure_idx", "figure", "day"),
)

counted = Table(
    "counted",
    metadata,
    Column("source", Text, primary_key=True, comment="record, journal"),
    Column("as_of", DateTime(timezone=True), nullable=False, comment="business time"),
    Column("counted_at", DateTime(timezone=True), nullable=False, comment="wall time"),
)
