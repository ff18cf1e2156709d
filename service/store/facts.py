"""All that an entitlement is computed from, of one reader, in one query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from service.domain.bonuses import Bonus
from service.domain.entitlement import Grant, GrantKind, Hold
from service.store.act_tables import meter_bonuses
from service.store.tables import accounts, customer_snapshots, grants, holds
from webhooks.snapshot import CustomerSnapshot, snapshot_from_json


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One reader's facts. `version` is that of the newest recorded entitlement."""

    reader_id: str
    customer_id: str | None
    email: str | None
    version: int
    snapshot: CustomerSnapshot | None
    holds: tuple[Hold, ...]
    grants: tuple[Grant, ...]
    bonuses: tuple[Bonus, ...] = ()


def find_facts(connection: Connection, reader_id: str) -> Facts | None:
    """Return the reader's facts, or None when there is no account."""
    row = connection.execute(_QUERY, {"reader_id": reader_id}).first()
    return None if row is None else _facts(row)


def _rows_as_json(*columns: Any, where: Any, order: Any) -> Any:
    """Return a scalar subquery: the rows as one JSON array, so that one round trip brings everything."""
    pairs: list[Any] = []
    for column in columns:
        pairs += [literal_column(f"'{column.name}'"), column]
    built = func.jsonb_build_object(*pairs, type_=JSONB)
    array = func.coalesce(func.jsonb_agg(aggregate_order_by(built, order)), func.jsonb_build_array(), type_=JSONB)
    return select(array).where(*where).scalar_subquery()


_HOLDS = _rows_as_json(
    holds.c.kind, holds.c.blocks, holds.c.from_at, holds.c.released_at, holds.c.revokes, holds.c.invoice_id,
    holds.c.subscription_id,
    where=[holds.c.customer_id == accounts.c.customer_id], order=holds.c.from_at,
)  # fmt: skip
_GRANTS = _rows_as_json(
    grants.c.kind, grants.c.features, grants.c.from_at, grants.c.until_at, grants.c.reason,
    where=[grants.c.reader_id == accounts.c.reader_id, grants.c.revoked_at.is_(None)], order=grants.c.id,
)  # fmt: skip
_BONUSES = _rows_as_json(
    meter_bonuses.c.articles, meter_bonuses.c.from_at, meter_bonuses.c.until_at,
    where=[meter_bonuses.c.reader_id == accounts.c.reader_id], order=meter_bonuses.c.id,
)  # fmt: skip
# Made once: finding its SQL again costs SQLAlchemy more than PostgreSQL needs to answer it.
_QUERY = (
    select(
        accounts.c.reader_id,
        accounts.c.customer_id,
        accounts.c.email,
        accounts.c.version,
        customer_snapshots.c.snapshot,
        _HOLDS.label("holds"),
        _GRANTS.label("grants"),
        _BONUSES.label("bonuses"),
    )
    .select_from(accounts.outerjoin(customer_snapshots, customer_snapshots.c.customer_id == accounts.c.customer_id))
    .where(accounts.c.reader_id == bindparam("reader_id"))
)


def _facts(row: Any) -> Facts:
    return Facts(
        reader_id=row.reader_id,
        customer_id=row.customer_id,
        email=row.email,
        version=row.version,
        snapshot=snapshot_from_json(row.snapshot) if row.snapshot else None,
        holds=tuple(_hold(each) for each in row.holds),
        grants=tuple(_grant(each) for each in row.grants),
        bonuses=tuple(_bonus(each) for each in row.bonuses),
    )


def _hold(value: dict[str, Any]) -> Hold:
    same = ("kind", "blocks", "revokes", "invoice_id", "subscription_id")
    return Hold(
        **{name: value[name] for name in same},
        from_at=datetime.fromisoformat(value["from_at"]),
        released_at=datetime.fromisoformat(value["released_at"]) if value["released_at"] else None,
    )


def _grant(value: dict[str, Any]) -> Grant:
    return Grant(
        kind=GrantKind(value["kind"]),
        features=tuple(value["features"]),
        from_at=datetime.fromisoformat(value["from_at"]),
        until_at=datetime.fromisoformat(value["until_at"]),
        reason=value["reason"],
    )


def _bonus(value: dict[str, Any]) -> Bonus:
    return Bonus(
        articles=value["articles"],
        from_at=datetime.fromisoformat(value["from_at"]),
        until_at=datetime.fromisoformat(value["until_at"]),
    )
