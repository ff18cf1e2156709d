"""Who is calling: API keys, known for a few seconds without asking PostgreSQL, and honoured while it is down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import structlog
from sqlalchemy.exc import SQLAlchemyError

from service.clocks import Clock
from service.errors import Forbidden, Unavailable
from service.store.api_keys import ApiKey, Scope, digest_of

FRESH_SECONDS = 4.0
"""With the time a refresh takes, a revoked key is refused within five seconds."""
UNKNOWN_FRESH_SECONDS = 0.1
"""An unknown key may have been made just now; guessing keys still costs at most ten small queries a second."""
RETRY_SECONDS = 1.0
"""While PostgreSQL is down, one request a second finds out whether it still is."""

_CHALLENGE = 'Bearer realm="newsstand"'
_digest_of = lru_cache(maxsize=256)(digest_of)
"""A site has one key or two; OpenSSL takes as long to hash one as all else takes to find it."""
_log = structlog.get_logger("newsstand.api")


class KeyChecker:
    """Finds keys in a copy of all live ones, which are few."""

    def __init__(self, read: Callable[[], Sequence[ApiKey]], wall_clock: Clock) -> None:
        self._read = read
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._keys: Mapping[bytes, ApiKey] | None = None
        self._read_at: datetime | None = None
        self._failed_at: datetime | None = None

    @property
    def loaded(self) -> bool:
        """Tell whether keys were ever read: until then nothing can be answered."""
        return self._keys is not None

    def find(self, plain: str) -> ApiKey | None:
        """Return the live key of this text, or None; raises Unavailable before any key was ever read."""
        digest = _digest_of(plain)
        found = self._live(FRESH_SECONDS).get(digest)
        return found or self._live(UNKNOWN_FRESH_SECONDS).get(digest)

    def _live(self, fresh_seconds: float) -> Mapping[bytes, ApiKey]:
        if not self._younger(self._read_at, fresh_seconds):
            self._refresh(fresh_seconds)
        if self._keys is None:
            raise Unavailable("API keys cannot be read; try again.", code="database_unavailable")
        return self._keys

    def _refresh(self, fresh_seconds: float) -> None:
        """Read the keys, one thread at a time; while reading fails, the others don't wait for it."""
        if not self._lock.acquire(blocking=self._failed_at is None):
            return
        try:
            if not self._younger(self._read_at, fresh_seconds) and not self._younger(self._failed_at, RETRY_SECONDS):
                self._read_once()
        finally:
            self._lock.release()

    def _read_once(self) -> None:
        now = self._wall_clock()
        try:
            keys = self._read()
        except SQLAlchemyError as error:
            self._failed_at = self._wall_clock()
            _log.warning("api_keys_unreadable", exception=type(error).__name__)
            return
        self._keys, self._read_at, self._failed_at = {key.digest: key for key in keys}, now, None

    def _younger(self, at: datetime | None, seconds: float) -> bool:
        """Tell whether `at` is less than `seconds` ago; a clock that was set back makes it old."""
        return at is not None and 0 <= (self._wall_clock() - at).total_seconds() < seconds


def authorise(header: str, keys: KeyChecker, scope: Scope) -> ApiKey:
    """Return the key in the `Authorization` header; raises Forbidden (401, 403) when it does not open this route."""
    key = keys.find(_bearer(header))
    if key is None:
        raise _unauthorised("unknown_key", "The API key is not known, or was revoked.", ', error="invalid_token"')
    if scope not in key.scopes:
        challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{scope}"'
        raise Forbidden(
            f"The API key lacks the scope {scope}.",
            code="insufficient_scope",
            headers={"WWW-Authenticate": challenge},
        )
    return key


def _bearer(header: str) -> str:
    scheme, _, plain = header.partition(" ")
    if scheme.lower() != "bearer" or not plain.strip():
        raise _unauthorised("missing_key", "Send an API key: `Authorization: Bearer <key>`.", "")
    return plain.strip()


def _unauthorised(code: str, detail: str, suffix: str) -> Forbidden:
    return Forbidden(detail, code=code, status=401, headers={"WWW-Authenticate": _CHALLENGE + suffix})
