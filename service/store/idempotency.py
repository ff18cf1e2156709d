"""Idempotency keys: one answer per API key and `Idempotency-Key`, for 24 hours, across processes.

A request claims its key before it acts. The claim is a lease, so that a process that dies while acting blocks the
key for a minute and not for a day; its ticket keeps a process that was only slow from recording over its successor.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Executable, and_, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import idempotency_keys as table

KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=60)
CONSOLE = 0
"""In place of an API key's number, which begin at 1: forms of the console, whose keys are random and made here."""


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """The key is ours: act, then `finish` or `release`."""

    api_key_id: int
    key: str
    ticket: str


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The same request was answered before: with this."""

    status: int
    body: str


@dataclass(frozen=True)
class InFlight:
    """The same key is being worked on right now."""


@dataclass(frozen=True)
class OtherRequest:
    """The key was used for another request."""


Outcome = Claimed | Answered | InFlight | OtherRequest


class IdempotencyStore:
    """Claims keys and keeps answers. Every `now` is wall time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, api_key_id: int, key: str, request_digest: bytes, now: datetime) -> Outcome:
        """Claim `key`, or return what stands in the way."""
        ticket = secrets.token_hex(16)
        row = {
            "api_key_id": api_key_id,
            "key": key,
            "request_digest": request_digest,
            "ticket": ticket,
            "leased_until": now + LEASE,
            "status": None,
            "body": None,
            "created_at": now,
        }
        with self._engine.begin() as connection:
            if connection.execute(_claim(row, now)).first() is not None:
                return Claimed(api_key_id=api_key_id, key=key, ticket=ticket)
            return _standing(connection, api_key_id, key, request_digest)

    def finish(self, claimed: Claimed, status: int, body: str) -> None:
        """Keep the answer, unless another request has taken the key over meanwhile."""
        with self._engine.begin() as connection:
            connection.execute(update(table).where(*_mine(claimed)).values(status=status, body=body))

    def release(self, claimed: Claimed) -> None:
        """Give the key back: nothing final came of it, so the next attempt may act."""
        with self._engine.begin() as connection:
            connection.execute(delete(table).where(*_mine(claimed), table.c.status.is_(None)))

    def prune(self, now: datetime) -> int:
        """Delete what is older than 24 hours and return how many; for a periodic job."""
        with self._engine.begin() as connection:
            return connection.execute(delete(table).where(table.c.created_at < now - KEPT)).rowcount


def _claim(row: dict[str, Any], now: datetime) -> Executable:
    """Insert the claim, or take over one that is too old, or whose process died at the same request."""
    statement = insert(table).values(row)
    abandoned = and_(
        table.c.status.is_(None),
        table.c.leased_until < now,
        table.c.request_digest == statement.excluded.request_digest,
    )
    return statement.on_conflict_do_update(
        index_elements=["api_key_id", "key"],
        set_={name: statement.excluded[name] for name in row if name not in {"api_key_id", "key"}},
        where=or_(table.c.created_at < now - KEPT, abandoned),
    ).returning(table.c.ticket)


def _standing(connection: Connection, api_key_id: int, key: str, request_digest: bytes) -> Outcome:
    query = select(table.c.request_digest, table.c.status, table.c.body)
    row = connection.execute(query.where(table.c.api_key_id == api_key_id, table.c.key == key)).first()
    if row is None:  # released since: the caller comes back in a moment, as for one in flight
        return InFlight()
    if bytes(row.request_digest) != request_digest:
        return OtherRequest()
    return InFlight() if row.status is None else Answered(status=row.status, body=row.body)


def _mine(claimed: Claimed) -> tuple[ColumnElement[bool], ...]:
    return (
        table.c.api_key_id == claimed.api_key_id,
        table.c.key == claimed.key,
        table.c.ticket == claimed.ticket,
    )
