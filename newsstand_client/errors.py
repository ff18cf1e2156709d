"""What can go wrong between a site and Newsstand.

NewsstandError
├── NoAnswer            nothing usable came back: refused, too late, broken off, or not Newsstand's JSON
└── Problem             Newsstand answered with a problem (RFC 9457): `code` says which
    ├── InvalidRequest      400, 413, 415, 422: the call is at fault; `errors` says where
    ├── NotAuthorised       401, 403: the key is unknown, revoked, or lacks the scope
    ├── NotFound            404
    ├── Conflict            409
    └── Unavailable         429 and 5xx: try again, with the same Idempotency-Key where one was given
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WRONG_CALL = frozenset({400, 413, 415, 422})
"""The statuses with which Newsstand says that the call is at fault."""


class NewsstandError(Exception):
    """Anything this client raises."""


class NoAnswer(NewsstandError):
    """Nothing usable came back. `reason` is `refused`, `timeout`, `broken` or `unreadable`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class Problem(NewsstandError):
    """Newsstand's own refusal. `code` is stable; the service's documentation page lists them."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Mapping[str, Any] | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = dict(errors or {})
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds


class InvalidRequest(Problem):
    """The call is at fault."""


class NotAuthorised(Problem):
    """The API key does not open this route."""


class NotFound(Problem):
    """There is no such reader, checkout or subscription."""


class Conflict(Problem):
    """The call contradicts the present state, such as `already_subscribed`."""


class Unavailable(Problem):
    """A part the call needs does not answer; it may be tried again."""


def unnamed(status: int) -> str:
    """Return the code of what was not said by Newsstand, but by a proxy in between."""
    return f"http_{status}"


def problem_class(status: int) -> type[Problem]:
    """Return the class of a problem with this HTTP status."""
    if status == 429 or status >= 500:
        return Unavailable
    return {401: NotAuthorised, 403: NotAuthorised, 404: NotFound, 409: Conflict}.get(status, InvalidRequest)
