"""Short words for the fields of answers: in an answer every field is there, some of them as null."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from service.api.fields import Choice
from service.domain.entitlement import Status


def _described(description: str) -> dict[str, str]:
    return {"description": description} if description else {}


def text(description: str = "") -> fields.String:
    return fields.String(required=True, metadata=_described(description))


def maybe_text(description: str = "") -> fields.String:
    return fields.String(required=True, allow_none=True, metadata=_described(description))


def number(description: str = "") -> fields.Integer:
    return fields.Integer(required=True, strict=True, metadata=_described(description))


def maybe_number(description: str = "") -> fields.Integer:
    return fields.Integer(required=True, allow_none=True, strict=True, metadata=_described(description))


def flag(description: str = "") -> fields.Boolean:
    return fields.Boolean(required=True, metadata=_described(description))


def instant(description: str = "RFC 3339, UTC.", *, nullable: bool = False) -> fields.DateTime:
    return fields.DateTime(required=True, allow_none=nullable, metadata=_described(description))


def one(shape: type[Schema]) -> fields.Nested:
    return fields.Nested(shape, required=True)


def maybe(shape: type[Schema]) -> fields.Nested:
    return fields.Nested(shape, required=True, allow_none=True)


def many(shape: type[Schema]) -> fields.List[Any]:
    return fields.List(fields.Nested(shape), required=True)


def texts() -> fields.List[Any]:
    return fields.List(fields.String(), required=True)


def quoted() -> fields.Dict:
    told = "Of a preview: hand these fields back with the act, and exactly this effect is what it has."
    return fields.Dict(keys=fields.String(), required=True, metadata={"description": told})


def status_after() -> Choice:
    told = {"description": "null: it is done, but the database did not answer when asked how the reader stands now."}
    return Choice(*Status, required=True, allow_none=True, metadata=told)
