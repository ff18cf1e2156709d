"""The staff of the support desk, and their sessions in the console."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    func,
)

from service.store.tables import metadata

staff = Table(
    "staff",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("issuer", Text, nullable=False, comment="the OIDC provider, or `local` for the break-glass account"),
    Column("subject", Text, nullable=False, comment="the provider's id of the person, which never changes"),
    Column("email", Text),
    Column("name", Text),
    Column("role", Text, nullable=False, comment="what the provider's groups gave at the last sign-in"),
    Column("role_limit", Text, comment="no more than this, says an admin here"),
    Column("password_hash", Text, comment="argon2id; of the break-glass account alone"),
    Column("failures", Integer, nullable=False, server_default="0", comment="wrong passwords since the last right one"),
    Column("not_before", DateTime(timezone=True), comment="no password is looked at until then"),
    Column("expires_at", DateTime(timezone=True), comment="of the break-glass account: off from then on"),
    Column("signed_in_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("issuer", "subject"),
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True, comment="SHA-256 of the cookie's value"),
    Column("number", BigInteger, Identity(always=True), nullable=False, unique=True, comment="names it to people"),
    Column("staff_id", BigInteger, ForeignKey("staff.id"), nullable=False, index=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("seen_at", DateTime(timezone=True), nullable=False, comment="to the minute"),
    Column("ends_at", DateTime(timezone=True), nullable=False, index=True),
    Column("ended_at", DateTime(timezone=True), comment="signed out, replaced or revoked"),
)

staff_sign_ins = Table(
    "staff_sign_ins",
    metadata,
    Column("digest", LargeBinary, primary_key=True, comment="SHA-256 of the browser's sign-in cookie"),
    Column("state", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("code_verifier", Text, nullable=False),
    Column("return_to", Text, nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False, index=True),
)
