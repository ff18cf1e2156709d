"""API keys: made of 256 random bits, shown once, kept as SHA-256 alone."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Engine, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import api_keys

_RANDOM_BYTES = 32


class Scope(StrEnum):
    """What a key may be used for."""

    DECIDE = "decide"
    BILLING = "billing"
    SUPPORT_READ = "support:read"
    SUPPORT_WRITE = "support:write"
    PRIVACY = "privacy"


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """One key as kept: `digest` is SHA-256 of the whole key, `prefix` is what people recognise it by."""

    id: int
    label: str
    prefix: str
    digest: bytes
    scopes: frozenset[str]
    created_at: datetime
    revoked_at: datetime | None


def digest_of(plain: str) -> bytes:
    """Return what is kept of a key. Without salt or stretching: 256 random bits need neither."""
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).digest()


class ApiKeyStore:
    """Makes, lists and revokes keys."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create_key(self, label: str, scopes: Iterable[Scope]) -> str:
        """Make a key and return it in plain; it cannot be shown again."""
        prefix = f"nsk_{secrets.token_hex(4)}"
        plain = f"{prefix}_{secrets.token_urlsafe(_RANDOM_BYTES)}"
        self._insert(plain, prefix, label, scopes)
        return plain

    def ensure_key(self, plain: str, label: str, scopes: Iterable[Scope]) -> None:
        """Make a key of a known text valid: for the sandbox's public keys, whose whole text may be shown."""
        self._insert(plain, plain, label, scopes)

    def rotate(self, key_id: int) -> str | None:
        """Make a key with the label and scopes of a live one and return it in plain, None where there is no such key.

        Both work: whoever uses the old one gets the new, then the old one is revoked.
        """
        old = next((key for key in self.live() if key.id == key_id), None)
        return None if old is None else self.create_key(old.label, [Scope(scope) for scope in old.scopes])

    def revoke(self, key_id: int) -> bool:
        """End a key for good; tell whether it was alive. Every process follows within five seconds."""
        statement = (
            update(api_keys)
            .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=func.now())
            .returning(api_keys.c.id)
        )
        with self._engine.begin() as connection:
            return connection.execute(statement).first() is not None

    def list(self) -> Sequence[ApiKey]:
        """Return every key ever made, the oldest first."""
        return self._read(select(api_keys).order_by(api_keys.c.id))

    def live(self) -> Sequence[ApiKey]:
        """Return the keys that are not revoked."""
        return self._read(select(api_keys).where(api_keys.c.revoked_at.is_(None)))

    def holds_any(self, plains: Iterable[str]) -> bool:
        """Tell whether one of these keys is alive, so that production can refuse to start with the sandbox's."""
        unwanted = {digest_of(plain) for plain in plains}
        return any(key.digest in unwanted for key in self.live())

    def _insert(self, plain: str, prefix: str, label: str, scopes: Iterable[Scope]) -> None:
        row = {"label": label, "prefix": prefix, "digest": digest_of(plain), "scopes": sorted(set(scopes))}
        statement = insert(api_keys).values(row)
        again = {"label": label, "scopes": row["scopes"], "revoked_at": None}
        with self._engine.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["digest"], set_=again))

    def _read(self, query: Select[Any]) -> Sequence[ApiKey]:
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [ApiKey(**{**row, "scopes": frozenset(row["scopes"])}) for row in rows]
