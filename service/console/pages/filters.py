"""What the form of a filter sends, as the API's schemas take it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from service.console.frame import Visit


def filled_in(visit: Visit) -> dict[str, str]:
    """Return what was filled in: a browser sends every field of a form, the empty ones too."""
    return {name: value.strip() for name, value in visit.query.items() if value.strip()}


def with_offsets(asked: dict[str, str], zone: ZoneInfo) -> dict[str, str]:
    """Return the same with an offset on `since` and `until`, the publication's where the form gave none."""
    return asked | {name: _with_offset(asked[name], zone) for name in ("since", "until") if name in asked}


def _with_offset(value: str, zone: ZoneInfo) -> str:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    return (at.replace(tzinfo=zone) if at.tzinfo is None else at).isoformat()
