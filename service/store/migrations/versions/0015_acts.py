"""Holds that staff released, free articles they added, accounts they merged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def _text(name: str, comment: str | None = None, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable, comment=comment)


def _instant(name: str, comment: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, comment=comment)


def upgrade() -> None:
    _make_hold_releases()
    _make_meter_bonuses()
    _make_account_merges()


def _make_hold_releases() -> None:
    op.create_table(
        "hold_releases",
        _text("hold_id", "of the dispute, fraud warning or refund at Stripe"),
        sa.Column(
            "revokes", sa.Boolean(), nullable=False, comment="as what it was released: a dispute lost later closes anew"
        ),
        _text("customer_id"),
        _text("reader_id"),
        _text("reason"),
        _text("released_by", "who, as the audit writes it: staff:7, key:3"),
        _instant("released_at", "business time"),
        sa.PrimaryKeyConstraint("hold_id", "revokes"),
    )
    op.create_index("ix_hold_releases_customer_id", "hold_releases", ["customer_id"])
    op.create_index("ix_hold_releases_reader_id", "hold_releases", ["reader_id"])


def _make_meter_bonuses() -> None:
    op.create_table(
        "meter_bonuses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _text("reader_id"),
        sa.Column("articles", sa.Integer(), nullable=False, comment="beyond the limit"),
        _instant("from_at", "business time"),
        _instant("until_at", "the end of the window it was given in"),
        _text("reason"),
        _text("given_by", "who, as the audit writes it: staff:7, key:3"),
        sa.ForeignKeyConstraint(["reader_id"], ["accounts.reader_id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("meter_bonuses_reader_idx", "meter_bonuses", ["reader_id", "until_at"])


def _make_account_merges() -> None:
    op.create_table(
        "account_merges",
        _text("gone_reader_id", "whose things went to another account"),
        _text("reader_id", "the account that stays"),
        _text("gone_customer_id", "the customer at Stripe that is no account's any more; null for none", nullable=True),
        _text("reason"),
        _text("merged_by", "who, as the audit writes it: staff:7, key:3"),
        _instant("merged_at", "wall time"),
        sa.PrimaryKeyConstraint("gone_reader_id"),
    )
    op.create_index("ix_account_merges_reader_id", "account_merges", ["reader_id"])
    op.create_index("account_merges_customer_idx", "account_merges", ["gone_customer_id"])
