"""The journal's tables: what was decided, day by day, and which refusals turned out to have been paid for."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, Table, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from service.store.tables import metadata

decisions = Table(
    "decisions",
    metadata,
    Column("recorded_at", DateTime(timezone=True), primary_key=True, comment="wall time; its UTC day is the partition"),
    Column("id", BigInteger, primary_key=True, autoincrement=False, comment="given by the process that decided"),
    Column("decided_at", DateTime(timezone=True), nullable=False, comment="business time"),
    Column("reader_id", Text, comment="the subject, where there is one"),
    Column("visitor_id", Text, comment="the subject, where there is no reader"),
    Column("article_id", Text, nullable=False),
    Column("article_access", Text, nullable=False, comment="metered, free, subscribers"),
    Column("feature", Text, comment="that the article needs"),
    Column("consume", Boolean, nullable=False, comment="false for a peek"),
    Column("granted", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("counted", Boolean, nullable=False),
    Column("meter_outcome", Text, comment="null where the meter did not matter, and so with the next six"),
    Column("meter_used", Integer),
    Column("meter_limit", Integer),
    Column("window_kind", Text),
    Column("window_id", Text),
    Column("window_starts_at", DateTime(timezone=True)),
    Column("resets_at", DateTime(timezone=True)),
    Column("entitlement", JSONB(none_as_null=True), comment="in force at the decision; null for none"),
    Column("wall_kind", Text, comment="null when granted, and so with the next two"),
    Column("offers", ARRAY(Text)),
    Column("trial_eligible", Boolean),
    Column("degraded", Text, comment="which part was missing: redis, database"),
    Column("outage", JSONB(none_as_null=True), comment="{allow, maybe_entitled}: what the failure policy was told"),
    Column("catalog_version", Text, nullable=False, comment="of plans.yaml"),
    Index("decisions_reader_idx", "reader_id", "decided_at", postgresql_where=text("reader_id is not null")),
    Index("decisions_visitor_idx", "visitor_id", "decided_at", postgresql_where=text("visitor_id is not null")),
    postgresql_partition_by="RANGE (recorded_at)",
)

refusal_checks = Table(
    "refusal_checks",
    metadata,
    Column("reader_id", Text, primary_key=True, comment="whose refusals are to be compared with what a sync showed"),
    Column("known_before", JSONB(none_as_null=True), comment="the snapshot that the sync replaced; null for none"),
    Column("asked_at", DateTime(timezone=True), nullable=False, index=True, comment="wall time"),
)

paid_but_refused = Table(
    "paid_but_refused",
    metadata,
    Column("recorded_at", DateTime(timezone=True), primary_key=True, comment="of the refusal in `decisions`"),
    Column("decision_id", BigInteger, primary_key=True, autoincrement=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("reader_id", Text, index=True, comment="null once the reader was erased"),
    Column("article_id", Text, comment="null once the reader was erased"),
    Column("found_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

catalogs = Table(
    "catalogs",
    metadata,
    Column("version", Text, primary_key=True, comment="as decisions and consents name it"),
    Column("source", Text, nullable=False, comment="plans.yaml as JSON, to the meaning"),
    Column("first_used_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
