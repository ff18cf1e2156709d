"""Idempotency keys: the same key with the same parameters gets the first answer again.

Rules: docs.stripe.com/api/idempotent_requests.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.errors import IdempotencyError, IdempotencyInUse
from sandbox.standin.store import Json

KIND = "_idempotency"
KEPT_SECONDS = 24 * 3_600
_REPLAYED_STATUSES = frozenset({200, 402, 500})
"""Answers given once work had begun; refused parameters may be corrected under the same key."""


class Idempotency:
    """Which keys are being answered right now; what was answered is in the store."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._in_flight: set[str] = set()
        self._guard = threading.Lock()
        with account.store.transaction():
            for each in account.store.all(KIND):
                if each["created"] < account.wall_now() - KEPT_SECONDS:
                    account.store.remove(KIND, each["id"])

    @contextmanager
    def holding(self, key: str) -> Iterator[None]:
        """Hold a key while its request is answered; raise IdempotencyInUse when it is held already."""
        with self._guard:
            if key in self._in_flight:
                raise IdempotencyInUse(
                    f"There is currently another in-progress request using this Idempotent Key: {key}.",
                    code="idempotency_key_in_use",
                )
            self._in_flight.add(key)
        try:
            yield
        finally:
            with self._guard:
                self._in_flight.discard(key)

    def earlier(self, key: str, fingerprint: str) -> tuple[int, Any] | None:
        """Return (status, body) of the first answer; raise IdempotencyError when the parameters differ."""
        kept = self._account.store.get(KIND, key)
        if kept is None or kept["created"] < self._account.wall_now() - KEPT_SECONDS:
            return None
        if kept["fingerprint"] != fingerprint:
            raise IdempotencyError(
                "Keys for idempotent requests can only be used with the same parameters they were first used with."
                f" Try using a key other than '{key}' if you meant to execute a different request."
            )
        return kept["status"], kept["body"]

    def keep(self, key: str, fingerprint: str, status: int, body: Json) -> None:
        """Keep an answer for a repetition."""
        if status not in _REPLAYED_STATUSES:
            return
        kept = {"object": KIND, "id": key, "created": self._account.wall_now()}
        self._account.store.add({**kept, "fingerprint": fingerprint, "status": status, "body": body})


def fingerprint(method: str, path: str, body: bytes) -> str:
    """Return what makes two requests the same."""
    return hashlib.sha256(b"\0".join((method.encode(), path.encode(), body))).hexdigest()
