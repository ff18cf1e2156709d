"""Small shapes that several objects share."""

from __future__ import annotations

from datetime import UTC, datetime

from sandbox.standin.store import Json

API_VERSION = "2026-10-28.endive"


def empty_address() -> Json:
    """Return an address of which nothing is known."""
    return {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}


def no_automatic_tax() -> Json:
    """Return the automatic tax settings of an account that collects none."""
    return {"enabled": False, "liability": None, "disabled_reason": None}


def list_of(items: list[Json], url: str, *, has_more: bool = False) -> Json:
    """Return Stripe's list envelope."""
    return {"object": "list", "data": items, "has_more": has_more, "url": url}


def iso(instant: int) -> str:
    """Return a Unix second as v2 objects write it: `2026-01-01T12:00:00.000Z`."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
