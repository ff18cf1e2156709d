"""Events, webhook endpoints and test clocks."""

from __future__ import annotations

from sandbox.standin.calendar import DAY_SECONDS
from sandbox.standin.shapes.common import API_VERSION
from sandbox.standin.store import Json


def event(identifier: str, now: int, kind: str, data: Json, request: Json) -> Json:
    """Return an event of type `kind`."""
    return {
        "id": identifier,
        "object": "event",
        "api_version": API_VERSION,
        "created": now,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": request,
        "type": kind,
    }


def webhook_endpoint(identifier: str, now: int, facts: Json) -> Json:
    """Return an enabled endpoint; its secret is kept apart, in `_secret`."""
    return {
        "id": identifier,
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": now,
        "description": None,
        "enabled_events": ["*"],
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": "",
        **facts,
    }


def test_clock(identifier: str, wall: int, frozen_time: int, name: str | None) -> Json:
    """Return a ready clock. `_cursor` is where an advance has come to."""
    return {
        "id": identifier,
        "object": "test_helpers.test_clock",
        "created": wall,
        "deletes_after": wall + 30 * DAY_SECONDS,
        "frozen_time": frozen_time,
        "livemode": False,
        "name": name,
        "status": "ready",
        "status_details": {},
        "_cursor": frozen_time,
    }
