"""Thin events: `v2.core.event` notifications that say only which v1 object changed, and where to fetch it.

Shape and names: the SDK's `stripe.v2.core.Event` and `stripe.events`. Beside the twin of each snapshot event there are
finer ones for subscriptions, such as `v1.customer.subscription.past_due`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.standin.ids import new_id
from sandbox.standin.shapes.common import iso
from sandbox.standin.store import Json

KIND = "v2.core.event"
_NOT_PLURAL = {
    "checkout.session": "checkout/sessions",
    "test_helpers.test_clock": "test_helpers/test_clocks",
    "billing_portal.session": "billing_portal/sessions",
    "billing_portal.configuration": "billing_portal/configurations",
    "radar.early_fraud_warning": "radar/early_fraud_warnings",
}
_STATUSES = ("active", "incomplete", "incomplete_expired", "past_due", "trialing", "unpaid")


def types_of(kind: str, item: Json, previous: dict[str, Any] | None) -> Iterator[str]:
    """Yield the thin types that tell of one change: the snapshot event's twin, then the finer ones."""
    yield f"v1.{kind}"
    if kind != "customer.subscription.updated" or previous is None:
        return
    if "status" in previous and item["status"] in _STATUSES:
        yield f"v1.customer.subscription.{item['status']}"
    for member in ("cancel_at", "default_payment_method"):
        if member in previous:
            yield f"v1.customer.subscription.{member}_changed"
    if "items" in previous and _prices(previous["items"]) != _prices(item["items"]):
        yield "v1.customer.subscription.item_price_changed"


def _prices(items: Json) -> list[str]:
    return [each["price"]["id"] for each in items["data"]]


def thin_event(kind: str, snapshot: Json, item: Json) -> Json:
    """Return the thin event of type `kind` that goes with a snapshot event about `item`."""
    request = snapshot["request"]
    cause = {"id": request["id"], "idempotency_key": request["idempotency_key"] or ""}
    return {
        "id": new_id(KIND),
        "object": KIND,
        "context": snapshot.get("account"),
        "created": iso(snapshot["created"]),
        "livemode": snapshot["livemode"],
        "reason": {"type": "request", "request": cause} if request["id"] else None,
        "related_object": _related(item),
        "snapshot_event": snapshot["id"],
        "type": kind,
        "_pending_webhooks": 0,
    }


def _related(item: Json) -> Json | None:
    """Return the reference to what changed; an upcoming invoice is nothing yet."""
    if "id" not in item:
        return None
    collection = _NOT_PLURAL.get(item["object"], f"{item['object']}s")
    return {"id": item["id"], "type": item["object"], "url": f"/v1/{collection}/{item['id']}"}
