"""Cursors: opaque to the caller, who may only hand them back."""

from __future__ import annotations

import base64
import binascii
import json

from marshmallow import ValidationError

from service.store.account_search import Place
from service.store.event_search import EventPlace
from service.store.story import Reached

_LARGEST_ID = 2**63 - 1


def cursor_of(last: str) -> str:
    """Return the cursor that continues after the item of id `last`."""
    return base64.urlsafe_b64encode(json.dumps([last], ensure_ascii=False).encode()).decode().rstrip("=")


def after(cursor: str | None) -> str | None:
    """Return what `cursor_of` was given; raises ValidationError for anything it did not make."""
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        (last,) = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise _foreign() from None
    if not isinstance(last, str) or not _storable(last) or cursor_of(last) != cursor:
        raise _foreign()
    return last


def before(cursor: str | None) -> int | None:
    """Return the row that a cursor of a list by number names; raises ValidationError for another list's."""
    named = after(cursor)
    if named is None:
        return None
    if not (named.isascii() and named.isdigit() and len(named) < 20 and int(named) <= _LARGEST_ID):
        raise _foreign()
    return int(named)


def place(cursor: str | None, *, by_match: bool) -> Place | None:
    """Return where a page of accounts ended; raises ValidationError for another list's cursor."""
    named = after(cursor)
    if named is None:
        return None
    try:
        found = Place.parse(named)
    except (ValueError, TypeError, RecursionError):
        raise _foreign() from None
    if (found.match is not None) is not by_match or not (_storable(found.key) and _storable(found.reader_id)):
        raise _foreign()
    return found


def story_place(cursor: str | None) -> Reached | None:
    """Return how far a timeline was told; raises ValidationError for another list's cursor."""
    named = after(cursor)
    if named is None:
        return None
    try:
        return Reached.parse(named)
    except (ValueError, TypeError, RecursionError):
        raise _foreign() from None


def event_place(cursor: str | None) -> EventPlace | None:
    """Return where a page of events ended; raises ValidationError for another list's cursor."""
    named = after(cursor)
    if named is None:
        return None
    try:
        found = EventPlace.parse(named)
    except (ValueError, TypeError, RecursionError, OverflowError):
        raise _foreign() from None
    if not _storable(found.id):
        raise _foreign()
    return found


def _storable(text: str) -> bool:
    """Tell whether PostgreSQL could hold this text."""
    return "\x00" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def _foreign() -> ValidationError:
    return ValidationError({"cursor": ["Not a cursor of this list."]})
