"""The audit log's tables. Triggers (in the migration) refuse every change but an erasure that is on record."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from service.store.tables import metadata

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False, comment="from 1, without a gap"),
    Column("at", DateTime(timezone=True), nullable=False, comment="wall time"),
    Column("actor", Text, nullable=False, comment="staff:7, key:3, command:root, service"),
    Column("act", Text, nullable=False, comment="such as account.read"),
    Column("request_id", Text),
    Column("erases", ARRAY(BigInteger), nullable=False, comment="whose details this entry erased"),
    Column("details_digest", LargeBinary, nullable=False, comment="SHA-256 of salt and canonical details"),
    Column("previous", LargeBinary, nullable=False, comment="the digest of the entry before"),
    Column("digest", LargeBinary, nullable=False, comment="SHA-256 of previous and this entry's canonical content"),
    Column("strips", ARRAY(BigInteger), comment="of whose details it took parts out, once for each part"),
    Index("audit_act_idx", "act", "seq"),
    Index("audit_actor_idx", "actor", "seq"),
)

audit_details = Table(
    "audit_details",
    metadata,
    Column("seq", BigInteger, ForeignKey("audit.seq"), primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
    Column("subjects", ARRAY(Text), nullable=False, comment="the readers it is about, or whose data were shown"),
    Column("reason", Text),
    Column("detail", JSONB, nullable=False),
    Column("salts", ARRAY(LargeBinary), comment="about several: each subject's, then what was said's; empty once gone"),
    Index("audit_details_subjects_idx", "subjects", postgresql_using="gin"),
)
