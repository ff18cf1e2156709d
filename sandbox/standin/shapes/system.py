"""Events, webhook endpoints and test clocks."""

from __future__ import annotations

from collections.abc import Collection

from sandbox.standin.calendar import DAY_SECONDS
from sandbox.standin.shapes.common import API_VERSION, iso
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


def event_destination(endpoint: Json, include: Collection[str]) -> Json:
    """Return an endpoint as /v2 shows it; address and secret only when `include` names them."""
    shown = {"signing_secret": endpoint["_secret"], "url": endpoint["url"]}
    payload = endpoint.get("_payload", "snapshot")
    return {
        "id": endpoint["id"],
        "object": "v2.core.event_destination",
        "amazon_eventbridge": None,
        "azure_event_grid": None,
        "created": iso(endpoint["created"]),
        "description": endpoint["description"] or "",
        "enabled_events": endpoint["enabled_events"],
        "event_payload": "thin" if payload == "thin" else "snapshot",
        "events_from": ["@self"],
        "livemode": False,
        "metadata": endpoint["metadata"],
        "name": endpoint.get("_name") or endpoint["url"],
        "snapshot_api_version": None if payload == "thin" else endpoint["api_version"],
        "status": endpoint["status"],
        "status_details": {"disabled": {"reason": "user"}} if endpoint["status"] == "disabled" else None,
        "type": "webhook_endpoint",
        "updated": iso(endpoint["created"]),
        "webhook_endpoint": {
            name: value if f"webhook_endpoint.{name}" in include else None for name, value in shown.items()
        },
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
