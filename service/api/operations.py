"""One route, declared once: who may call it, what goes in, what comes out. Wiring and OpenAPI both read this."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from marshmallow import Schema

from service.api.body import LIMIT_BYTES
from service.store.api_keys import Scope
from service.support.audit import Audited, Trail

if TYPE_CHECKING:
    from service.api.services import Services


class Open(StrEnum):
    """Why a route asks for no API key."""

    PUBLIC = "public"
    STRIPE_SIGNATURE = "stripe_signature"


class Call(NamedTuple):
    """A request after parsing: every value here is valid."""

    path: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    traced: Trail | None = None

    @property
    def trail(self) -> Trail:
        """Return what this request leaves in the audit log: views add whom they show, use cases record through it."""
        assert self.traced is not None, "only a route that declares `audited` has a trail"  # noqa: S101 - declared so
        return self.traced


class Reply(NamedTuple):
    """An answer before it meets Flask."""

    status: int
    body: str
    media_type: str = "application/json"
    headers: Mapping[str, str] = MappingProxyType({})
    stream: Iterator[str] | None = None
    """What goes out in place of `body`, as it comes."""
    usual: bool = False
    """Whether it took the course that most requests of its route take, all day long."""


View = Callable[["Services", Call], Reply]
_compact = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A route. `path` is written as in OpenAPI, such as `/v1/readers/{reader_id}`.

    `view` is None where a blueprint from elsewhere serves the route. `slow` ones call Stripe or search for support;
    they share half of the process's threads. `idempotent` ones honour `Idempotency-Key`. `problems` are the codes
    this route answers beyond those that follow from the rest. A `body_optional` route takes no body for `{}`, and none
    takes one above its `body_limit_bytes`.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    access: Scope | Open
    view: View | None = None
    description: str = ""
    path_schema: type[Schema] | None = None
    query_schema: type[Schema] | None = None
    body_schema: type[Schema] | None = None
    body_optional: bool = False
    body_limit_bytes: int = LIMIT_BYTES
    answers: Mapping[int, type[Schema] | str | None] = field(default_factory=dict)
    """By status: the JSON's schema, another media type, or None for no body."""
    problems: tuple[str, ...] = ()
    slow: bool = False
    idempotent: bool = False
    audited: Audited | None = None
    """What it leaves in the audit log. Routes of support's and privacy's scopes are not served without."""
    example_body: Mapping[str, Any] | None = None
    example_answer: Mapping[str, Any] | None = None


def answer(status: int, value: Mapping[str, Any]) -> Reply:
    """Return `value` as JSON."""
    return Reply(status=status, body=_compact(value))


def no_content() -> Reply:
    """Return an answer that is its status alone."""
    return Reply(status=204, body="")
