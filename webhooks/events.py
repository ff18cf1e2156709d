"""A Stripe event read from verified bytes: a hint whom to look at, never a fact to apply.

Both kinds are read into one shape: a snapshot event (`object: event`) carries the object it is about, a thin one
(`object: v2.core.event`) only that object's type, id and URL.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z: datetime and PostgreSQL hold no later instant in common


class RefusalCode(StrEnum):
    """Which half of the check a delivery failed."""

    INVALID_SIGNATURE = "invalid_signature"
    INVALID_EVENT = "invalid_event"


@dataclass(frozen=True)
class Refusal:
    """Why a delivery is not taken in; `reason` is a constant word, safe to log and to answer."""

    code: RefusalCode
    reason: str


@dataclass(frozen=True, kw_only=True)
class StripeEvent:
    """What the intake needs of an event. `about` is its object: whole, or for a thin event only `object` and `id`."""

    id: str
    type: str
    created_at: datetime | None
    livemode: bool
    api_version: str | None
    account: str | None
    """A connected account, or a thin event's context: set only when the event is not our own account's."""
    about: Mapping[str, Any] = field(repr=False)
    before: Mapping[str, Any] = field(repr=False)
    """`previous_attributes`: old values of what changed."""
    thin: bool
    body: bytes = field(repr=False)

    @property
    def object_id(self) -> str | None:
        """The id of the object it is about; None for one without, such as an upcoming invoice."""
        return text_or_none(self.about.get("id"))


class _Malformed(Exception):
    """Carries the reason out of the readers below to `parse`, and no further."""


def parse(body: bytes) -> StripeEvent | Refusal:
    """Return the event in `body`, or a refusal when there is none; nothing is raised, whatever the bytes."""
    try:
        value = _json_object(body)
        return _reader_of(value)(value, body)
    except _Malformed as malformed:
        return Refusal(RefusalCode.INVALID_EVENT, str(malformed))


def text_or_none(value: object) -> str | None:
    """Return `value` if it can be an id: 1 to 255 printable ASCII characters, so that it fits a text column."""
    usable = isinstance(value, str) and 0 < len(value) <= 255 and value.isascii() and value.isprintable()
    return value if usable and isinstance(value, str) else None


def mapping_or_empty(value: object) -> Mapping[str, Any]:
    """Return `value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode())
    except (ValueError, RecursionError) as error:  # ValueError: not UTF-8, not JSON, or an integer of 4,300 digits
        raise _Malformed("not_json") from error
    if not isinstance(value, dict):
        raise _Malformed("not_an_event")
    return value


def _snapshot(value: dict[str, Any], body: bytes) -> StripeEvent:
    data = mapping_or_empty(value.get("data"))
    if not isinstance(data.get("object"), dict):
        raise _Malformed("no_object")
    return StripeEvent(
        **_common(value, body),
        account=_optional(value, "account"),
        created_at=_from_epoch(value.get("created")),
        about=data["object"],
        before=mapping_or_empty(data.get("previous_attributes")),
        thin=False,
    )


def _thin(value: dict[str, Any], body: bytes) -> StripeEvent:
    related = mapping_or_empty(value.get("related_object"))
    return StripeEvent(
        **_common(value, body),
        account=_optional(value, "context"),
        created_at=_from_text(value.get("created")),
        about={"object": related.get("type"), "id": related.get("id")} if related else {},
        before={},
        thin=True,
    )


_READERS = {"event": _snapshot, "v2.core.event": _thin}


def _reader_of(value: dict[str, Any]) -> Callable[[dict[str, Any], bytes], StripeEvent]:
    reader = _READERS.get(text_or_none(value.get("object")) or "")
    if reader is None:
        raise _Malformed("not_an_event")
    return reader


def _common(value: dict[str, Any], body: bytes) -> dict[str, Any]:
    if not isinstance(value.get("livemode"), bool):
        raise _Malformed("no_livemode")
    return {
        "id": _required(value, "id"),
        "type": _required(value, "type"),
        "livemode": value["livemode"],
        "api_version": text_or_none(value.get("api_version")),
        "body": body,
    }


def _required(value: dict[str, Any], name: str) -> str:
    found = text_or_none(value.get(name))
    if found is None:
        raise _Malformed(f"no_{name}")
    return found


def _optional(value: dict[str, Any], name: str) -> str | None:
    """Return the field or None; one of a wrong type is refused, for taking it as absent would apply it as ours."""
    return None if value.get(name) is None else _required(value, name)


def _from_epoch(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LAST_SECOND:
        return None
    return datetime.fromtimestamp(value, UTC)


def _from_text(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        return at.astimezone(UTC) if at and at.tzinfo else None
    except (ValueError, OverflowError):  # overflow: the first or last year, moved out of range by its zone
        return None
