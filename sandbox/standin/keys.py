"""API keys: who may ask."""

from __future__ import annotations

import base64
from collections.abc import Collection

from flask import Request

from sandbox.standin.errors import Unauthorized


class Keys:
    """The accepted API keys; none given accepts any `sk_test_…`."""

    def __init__(self, accepted: Collection[str] = ()) -> None:
        self._accepted = frozenset(accepted)

    def check(self, incoming: Request) -> None:
        """Raise Unauthorized for a request without a key, or with one that is not accepted."""
        key = _presented(incoming)
        if key is None:
            raise Unauthorized(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using"
                " Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )
        if not key.startswith("sk_test_") or (self._accepted and key not in self._accepted):
            raise Unauthorized(f"Invalid API Key provided: {key[:8]}****{key[-4:]}")


def _presented(incoming: Request) -> str | None:
    scheme, _, value = incoming.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value).decode().split(":")[0] or None
        except ValueError:
            return None
    return None
