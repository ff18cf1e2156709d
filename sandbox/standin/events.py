"""Events: what happened, as Stripe tells it, in the order in which it happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.standin.ids import new_id
from sandbox.standin.shapes import system
from sandbox.standin.store import Json, rendered

if TYPE_CHECKING:
    from sandbox.standin.account import Account


def emit(account: Account, kind: str, item: Json, *, previous: dict[str, Any] | None, now: int) -> Json:
    """Record the event `kind` about `item` as it is now, and queue it for every endpoint that wants it."""
    data: Json = {"object": rendered(item)}
    if previous is not None:
        data["previous_attributes"] = previous
    request = {"id": account.request.id, "idempotency_key": account.request.idempotency_key}
    event = account.add(system.event(new_id("event"), now, kind, data, request))
    for endpoint in account.store.all("webhook_endpoint"):
        if wants(endpoint, kind):
            _queue(account, event, endpoint)
    return event


def wants(endpoint: Json, kind: str) -> bool:
    """Tell whether an endpoint asked for events of this type."""
    enabled = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in enabled or kind in enabled)


def _queue(account: Account, event: Json, endpoint: Json) -> None:
    event["pending_webhooks"] += 1
    account.add(
        {
            "object": "_delivery",
            "id": new_id("_delivery"),
            "event": event["id"],
            "type": event["type"],
            "endpoint": endpoint["id"],
            "url": endpoint["url"],
            "status": "pending",
            "attempts": [],
            "queued_at": account.wall(),
            "next_attempt_at": account.wall() + account.faults.delay_seconds,
        }
    )


def previous_attributes(before: Json, item: Json) -> dict[str, Any]:
    """Return what `before` had where `item` differs now: whole lists, but only the changed members of groups."""
    after = rendered(item)
    return {name: _old(before[name], after[name]) for name in before if before[name] != after.get(name)}


def _old(before: Any, after: Any) -> Any:
    if not (isinstance(before, dict) and isinstance(after, dict)) or before.get("object") == "list":
        return before
    names = {*before, *after}
    return {name: before.get(name) for name in sorted(names) if before.get(name) != after.get(name)}
