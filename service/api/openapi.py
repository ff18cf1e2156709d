"""The OpenAPI 3.1 document, made from the same declarations that serve the routes."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from service.api import problems, shapes
from service.api.envelope import REQUEST_ID
from service.api.idempotency import HEADER
from service.api.operations import Open, Operation
from service.store.api_keys import Scope

_JSON = "application/json"


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the document as JSON values."""
    spec = APISpec(
        title="Newsstand",
        version=version("newsstand"),
        openapi_version="3.1.0",
        info={"description": _DESCRIPTION},
        plugins=[MarshmallowPlugin(schema_name_resolver=_name_of)],
    )
    _add_components(spec)
    for operation in operations:
        spec.path(path=operation.path, operations={operation.method.lower(): _operation(operation)})
    return spec.to_dict()


_DESCRIPTION = (
    "The paywall back end of a news site. JSON in and out; unknown fields are refused; how large a body "
    "may be is said at each route. "
    "Errors are application/problem+json with a stable `code`. Instants are RFC 3339; money is in minor units."
)


def _name_of(schema: Schema | type[Schema]) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return f"Support{kind.__name__}" if kind.__module__.endswith("support_shapes") else kind.__name__


def _add_components(spec: APISpec) -> None:
    spec.components.security_scheme("key", {"type": "http", "scheme": "bearer", "description": _KEYS})
    spec.components.security_scheme(
        "stripe_signature", {"type": "apiKey", "in": "header", "name": "Stripe-Signature", "description": _SIGNATURE}
    )
    spec.components.header(REQUEST_ID, {"schema": {"type": "string"}, "description": "Finds the request in the logs."})
    spec.components.parameter(HEADER, "header", _IDEMPOTENCY_KEY)
    spec.components.schema("Problem", schema=shapes.Problem)


_KEYS = "An API key with the scope named at each route: " + ", ".join(f"`{scope}`" for scope in Scope) + "."
_SIGNATURE = "HMAC-SHA256 of the timestamp and the raw body under the endpoint's secret, as Stripe makes it."
_IDEMPOTENCY_KEY = {
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": (
        "Kept 24 hours per API key: the same request gets the same answer, another one 422, and one whose first is "
        "still being worked on 409."
    ),
}


def _operation(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description or f"{operation.summary}.",
        "security": _security(operation),
        "parameters": _parameters(operation),
        "responses": _answers(operation) | _problems(operation) | {"default": _problem(["internal"])},
    }
    if operation.body_schema is not None:
        found["requestBody"] = {
            "description": _body_told(operation),
            "required": not operation.body_optional,
            "content": {_JSON: _media(operation.body_schema, operation.example_body)},
        }
    return found


def _body_told(operation: Operation) -> str:
    """Return how large it may be; a webhook's is its blueprint's to say."""
    limited = isinstance(operation.access, Scope)
    return f"At most {operation.body_limit_bytes // 1024} KiB." if limited else "As Stripe sends it."


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    """Return who may call; OpenAPI 3.1 lets any scheme name the roles it asks for."""
    if isinstance(operation.access, Scope):
        return [{"key": [operation.access.value]}]
    return [{"stripe_signature": []}] if operation.access is Open.STRIPE_SIGNATURE else []


def _parameters(operation: Operation) -> list[Any]:
    found: list[Any] = []
    if operation.path_schema is not None:
        found.append({"in": "path", "schema": operation.path_schema})
    if operation.query_schema is not None:
        found.append({"in": "query", "schema": operation.query_schema})
    return found + ([HEADER] if operation.idempotent else [])


def _answers(operation: Operation) -> dict[str, Any]:
    return {str(status): _answer(operation, status, shape) for status, shape in operation.answers.items()}


def _answer(operation: Operation, status: int, shape: type[Schema] | str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": {REQUEST_ID: REQUEST_ID}}
    if isinstance(shape, str):
        found["content"] = {shape: {"schema": {"type": "string"}}}
    elif shape is not None:
        found["content"] = {_JSON: _media(shape, operation.example_answer)}
    return found


def _media(shape: type[Schema], example: object) -> dict[str, Any]:
    return {"schema": shape} | ({} if example is None else {"example": example})


def _problems(operation: Operation) -> dict[str, Any]:
    """Return the problem responses by status; those that follow from the declaration need not be written down."""
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys([*_implied(operation), *operation.problems]):
        by_status.setdefault(problems.CODES[code][0], []).append(code)
    return {
        str(status): _problem(codes) for status, codes in sorted(by_status.items()) if status not in operation.answers
    }


def _problem(codes: list[str]) -> dict[str, Any]:
    return {
        "description": " ".join(f"`{code}`: {problems.CODES[code][1]}" for code in codes),
        "headers": {REQUEST_ID: REQUEST_ID},
        "content": {problems.MEDIA_TYPE: {"schema": shapes.Problem}},
    }


def _implied(operation: Operation) -> list[str]:
    keyed = isinstance(operation.access, Scope)
    found = (
        ["missing_key", "unknown_key", "insufficient_scope", "invalid_request", "database_unavailable"] if keyed else []
    )
    if operation.body_schema is not None:
        found += ["malformed_json", "body_too_large", "unsupported_media_type"] if keyed else ["too_large"]
    if operation.idempotent:
        found += ["request_in_flight", "idempotency_key_reused"]
    return found + (["busy"] if operation.slow else [])
