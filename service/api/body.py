"""The body: one JSON object in UTF-8, of bounded size, whose every oddity has a clear answer."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from service.errors import InvalidRequest

LIMIT_BYTES = 64 * 1024
"""What a route takes unless it says otherwise."""


def json_object(request: Request, *, optional: bool, limit_bytes: int) -> dict[str, Any]:
    """Return the request's object; where the body is `optional`, none at all is `{}`.

    Raises InvalidRequest (400 malformed, 415 no JSON, 422 no object) and werkzeug's RequestEntityTooLarge.
    """
    raw = _read(request, limit_bytes)
    if optional and not raw:
        return {}
    if request.mimetype != "application/json":
        raise InvalidRequest("Send `Content-Type: application/json`.", status=415, code="unsupported_media_type")
    value = parsed(raw)
    if not isinstance(value, dict):
        raise InvalidRequest("The body must be a JSON object.")
    return value


def _read(request: Request, limit_bytes: int) -> bytes:
    """Read up to one byte too many: of a longer body without a stated length werkzeug silently drops the rest."""
    request.max_content_length = limit_bytes + 1
    raw = request.get_data()
    if len(raw) > limit_bytes:
        raise RequestEntityTooLarge
    return raw


def parsed(raw: bytes) -> Any:
    """Parse strictly: nesting too deep, numbers too long, NaN and repeated names are InvalidRequest (400)."""
    try:
        text = raw.decode("utf-8")
        return _plain(text) or _DECODER.decode(text)
    except UnicodeDecodeError:
        raise _malformed("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _malformed(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _malformed("it is nested too deeply") from None
    except ValueError as error:
        raise _malformed(str(error) if isinstance(error, _Refused) else "a number is too long") from None


def _plain(text: str) -> Any:
    """Return the object that the text is from its first character to its last, as clients write it; else None."""
    try:
        value, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError:
        return None
    return value if end == len(text) else None


class _Refused(ValueError):
    """JSON that parsers read in different ways."""


def _refuse_constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is not JSON")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Refused("a name is given twice in one object")
    return value


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_without_repeats)


def _malformed(why: str) -> InvalidRequest:
    return InvalidRequest(f"The body is not JSON: {why}.", status=400, code="malformed_json")
