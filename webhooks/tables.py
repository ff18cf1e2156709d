"""The tables of the intake: the event inbox, one row per customer to be synced, and how far the backfill has come."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    text,
)

metadata = MetaData()

events = Table(
    "events",
    metadata,
    Column("id", Text, primary_key=True, comment="Stripe's event id"),
    Column("type", Text, nullable=False),
    Column(
        "created_at",
        DateTime(timezone=True),
        comment="Stripe's own instant, whole seconds; never used to order",
    ),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("livemode", Boolean),
    Column("api_version", Text),
    Column("account", Text, comment="a connected account's id: stored, never applied"),
    Column("body", LargeBinary, nullable=False, comment="the raw verified bytes"),
    Column("customer_id", Text, comment="whom it concerns, once known"),
    Column("mark", BigInteger, comment="done once customer_syncs.synced has reached this"),
    Column(
        "status",
        Text,
        nullable=False,
        comment="pending, ignored, quarantined; `done` is derived from the mark",
    ),
    Column("reason", Text, comment="why it was ignored or quarantined"),
    Column("attempts", Integer, nullable=False, server_default="0", comment="failed routings"),
    Column("not_before", DateTime(timezone=True), comment="backoff of routing"),
    Index("events_customer_idx", "customer_id", "mark"),
    Index("events_received_idx", "received_at", "id"),
    Index("events_type_idx", "type", "received_at", "id"),
    Index("events_ignored_idx", "received_at", "id", postgresql_where=text("status = 'ignored'")),
    Index("events_quarantined_idx", "received_at", "id", postgresql_where=text("status = 'quarantined'")),
    Index(
        "events_unrouted_idx",
        "received_at",
        postgresql_where=text("status = 'pending' and customer_id is null"),
    ),
)

customer_syncs = Table(
    "customer_syncs",
    metadata,
    Column("customer_id", Text, primary_key=True),
    Column("dirty", BigInteger, nullable=False, server_default="0", comment="grows with every hint"),
    Column(
        "synced",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="the `dirty` that the last sync had read",
    ),
    Column("ticket", BigInteger, nullable=False, server_default="0", comment="only its holder may commit"),
    Column("leased_until", DateTime(timezone=True)),
    Column("not_before", DateTime(timezone=True), comment="backoff after a failure"),
    Column("attempts", Integer, nullable=False, server_default="0", comment="failures since the last success"),
    Column("error", Text),
    Column("dirty_since", DateTime(timezone=True), comment="when the oldest unapplied hint came"),
    Column("synced_at", DateTime(timezone=True)),
    Index("customer_syncs_due_idx", "not_before", postgresql_where=text("dirty > synced")),
)

backfill_cursors = Table(
    "backfill_cursors",
    metadata,
    Column("name", Text, primary_key=True),
    Column(
        "reached_at",
        DateTime(timezone=True),
        nullable=False,
        comment="every event created before this was looked at",
    ),
)
