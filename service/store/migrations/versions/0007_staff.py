"""The staff of the support desk, their sessions, and sign-ins under way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def _instant(name: str, *, nullable: bool = True, comment: str | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)


def upgrade() -> None:
    op.create_table(
        "staff",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "issuer", sa.Text(), nullable=False, comment="the OIDC provider, or `local` for the break-glass account"
        ),
        sa.Column("subject", sa.Text(), nullable=False, comment="the provider's id of the person, which never changes"),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False, comment="what the provider's groups gave at the last sign-in"),
        sa.Column("role_limit", sa.Text(), nullable=True, comment="no more than this, says an admin here"),
        sa.Column("password_hash", sa.Text(), nullable=True, comment="argon2id; of the break-glass account alone"),
        sa.Column(
            "failures",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="wrong passwords since the last right one",
        ),
        _instant("not_before", comment="no password is looked at until then"),
        _instant("expires_at", comment="of the break-glass account: off from then on"),
        _instant("signed_in_at"),
        _instant("revoked_at"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("issuer", "subject"),
    )
    op.create_table(
        "staff_sessions",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the cookie's value"),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="names it to people"),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        _instant("created_at", nullable=False),
        _instant("seen_at", nullable=False, comment="to the minute"),
        _instant("ends_at", nullable=False),
        _instant("ended_at", comment="signed out, replaced or revoked"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("digest"),
        sa.UniqueConstraint("number"),
    )
    op.create_index("ix_staff_sessions_staff_id", "staff_sessions", ["staff_id"])
    op.create_index("ix_staff_sessions_ends_at", "staff_sessions", ["ends_at"])
    op.create_table(
        "staff_sign_ins",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the browser's sign-in cookie"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("code_verifier", sa.Text(), nullable=False),
        sa.Column("return_to", sa.Text(), nullable=False),
        _instant("ends_at", nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_staff_sign_ins_ends_at", "staff_sign_ins", ["ends_at"])
