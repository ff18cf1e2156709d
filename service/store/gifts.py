"""The gifts of each reader."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, or_, select

from service.store.gift_tables import gifts


@dataclass(frozen=True, kw_only=True)
class GivenGift:
    """One article that a reader gave away. Instants are business time."""

    id: str
    reader_id: str
    article_id: str
    given_at: datetime
    expires_at: datetime


def given(connection: Connection, reader_id: str, *, since: datetime, now: datetime) -> list[GivenGift]:
    """Return what the reader gave at or after `since`, or earlier but opens its article still; the newest first."""
    wanted = (gifts.c.reader_id == reader_id) & or_(gifts.c.given_at >= since, gifts.c.expires_at > now)
    rows = connection.execute(select(gifts).where(wanted).order_by(gifts.c.given_at.desc(), gifts.c.id))
    return [GivenGift(**row._mapping) for row in rows]


def record(connection: Connection, gift: GivenGift) -> None:
    """Keep a new gift."""
    connection.execute(insert(gifts).values(asdict(gift)))
