"""Every error this service raises on purpose.

    NewsstandError
    ├── ConfigurationError        the service refuses to start: one clear line
    ├── Problem                   answered as application/problem+json
    │   ├── InvalidRequest        400/422, with `errors` by field
    │   ├── PaymentFailed         402: the card was refused, and nothing has changed
    │   ├── NotFound              404
    │   ├── Conflict              409
    │   ├── Forbidden             401/403
    │   └── Unavailable           503, with Retry-After
    └── StripeUnavailable         Stripe did not answer in time; safe to repeat with the same idempotency key

Expected outcomes (a refused article, a trial already used) are values, not errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class NewsstandError(Exception):
    """The root: catches everything raised on purpose, nothing else."""


class ConfigurationError(NewsstandError):
    """A setting, plans.yaml, or the database's schema is not fit to start with."""


class Problem(NewsstandError):
    """An answer of RFC 9457 problem details: `status`, a stable `code`, and a sentence for the caller."""

    status = 500
    code = "internal"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        status: int | None = None,
        errors: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.status = status or self.status
        self.errors = errors
        self.headers = dict(headers or {})


class InvalidRequest(Problem):
    status = 422
    code = "invalid_request"


class PaymentFailed(Problem):
    status = 402
    code = "payment_failed"


class NotFound(Problem):
    status = 404
    code = "not_found"


class Conflict(Problem):
    status = 409
    code = "conflict"


class Forbidden(Problem):
    status = 403
    code = "forbidden"


class Unavailable(Problem):
    """A part is down; `retry_after_seconds` tells the caller when to come back."""

    status = 503
    code = "unavailable"

    def __init__(self, detail: str, *, code: str | None = None, retry_after_seconds: int = 2) -> None:
        super().__init__(detail, code=code, headers={"Retry-After": str(retry_after_seconds)})


class StripeUnavailable(NewsstandError):
    """Stripe could not be reached, or answered 5xx/429, within the deadline."""
