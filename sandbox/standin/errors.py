"""Stripe's error bodies: what went wrong, in the words and statuses an SDK expects.

StripeError
├── InvalidRequest      400: a parameter is unknown, missing or wrong
├── NotFound            404: `resource_missing`
├── Unauthorized        401: no key, or one this stand-in does not know
├── CardError           402: the bank said no, or wants the cardholder
├── IdempotencyError    400: a key met other parameters
└── IdempotencyInUse    409: the first request with this key has not ended
"""

from __future__ import annotations

from typing import Any


class StripeError(Exception):
    """Base of every answer that is no success."""

    status = 500
    type = "api_error"

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.facts = facts

    def body(self) -> dict[str, Any]:
        """Return the JSON body, without the members that have no value."""
        error = {"type": self.type, "message": self.message, "code": self.code, "param": self.param, **self.facts}
        return {"error": {name: value for name, value in error.items() if value is not None}}


class InvalidRequest(StripeError):
    status = 400
    type = "invalid_request_error"


class NotFound(InvalidRequest):
    status = 404

    def __init__(self, kind: str, identifier: str, *, param: str | None = "id") -> None:
        noun = kind.rsplit(".", 1)[-1].replace("_", " ")
        super().__init__(f"No such {noun}: '{identifier}'", code="resource_missing", param=param)


class Unauthorized(InvalidRequest):
    status = 401


class CardError(StripeError):
    status = 402
    type = "card_error"


class IdempotencyError(StripeError):
    status = 400
    type = "idempotency_error"


class IdempotencyInUse(StripeError):
    status = 409
    type = "idempotency_error"


def unknown_parameter(path: str) -> InvalidRequest:
    """Return the error for a parameter that this stand-in does not know (or does not support)."""
    return InvalidRequest(f"Received unknown parameter: {path}", code="parameter_unknown", param=path)


def missing_parameter(path: str) -> InvalidRequest:
    """Return the error for a required parameter that was not sent."""
    return InvalidRequest(f"Missing required param: {path}.", code="parameter_missing", param=path)
