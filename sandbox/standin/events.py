"""Events: what happened, as Stripe tells it, in the order in which it happened; and as the faults distort it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.standin import thin
from sandbox.standin.ids import letters, new_id
from sandbox.standin.shapes import old, system
from sandbox.standin.store import Json, rendered

if TYPE_CHECKING:
    from sandbox.standin.account import Account

UNKNOWN = "stand_in.novelty"
"""An object, and an event type, that no client has heard of."""


def emit(account: Account, kind: str, item: Json, *, previous: dict[str, Any] | None, now: int) -> Json:
    """Record the event `kind` about `item` as it is now, and queue it for every endpoint that wants it."""
    faults = account.faults
    event = _record(account, kind, item, previous, now)
    if faults.strikes(faults.twin):
        _record(account, kind, item, previous, now)
    if faults.strikes(faults.unknown_type):
        novelty = {"id": f"nov_{letters(24)}", "object": UNKNOWN, "customer": item.get("customer")}
        novelty["_customer"] = _lane_of(item) or None
        _record(account, f"{UNKNOWN}.appeared", novelty, None, now)
    if faults.strikes(faults.replay):
        queue(account, faults.dice.choice(account.store.all("event")))
    return event


def _record(account: Account, kind: str, item: Json, previous: dict[str, Any] | None, now: int) -> Json:
    version = account.faults.api_version
    data: Json = {"object": old.as_of(version, rendered(item)) if version else rendered(item)}
    if previous is not None:
        data["previous_attributes"] = previous
    request = {"id": account.request.id, "idempotency_key": account.request.idempotency_key}
    event = account.add(system.event(new_id("event"), now, kind, data, request))
    event.update(_distortions(account), _lane=_lane_of(item))
    queue(account, event)
    _tell_thinly(account, event, item, previous)
    return event


def _distortions(account: Account) -> Json:
    faults = account.faults
    wrong: Json = {"livemode": faults.livemode}
    if faults.api_version:
        wrong["api_version"] = faults.api_version
    if faults.account:
        wrong["account"] = faults.account
    return wrong


def _tell_thinly(account: Account, event: Json, item: Json, previous: dict[str, Any] | None) -> None:
    for kind in thin.types_of(event["type"], item, previous):
        takers = [each for each in account.store.all("webhook_endpoint") if wants(each, kind, payload="thin")]
        if takers:
            made = account.add({**thin.thin_event(kind, event, item), "_lane": event["_lane"]})
            for endpoint in takers:
                _deliver(account, made, endpoint)


def wants(endpoint: Json, kind: str, *, payload: str = "snapshot") -> bool:
    """Tell whether an endpoint asked for events of this type in this form (a webhook endpoint's types also as thin)."""
    if endpoint["status"] != "enabled" or endpoint.get("_payload", "snapshot") not in (payload, "both"):
        return False
    enabled = endpoint["enabled_events"]
    return "*" in enabled or kind in enabled or kind.removeprefix("v1.") in enabled


def queue(account: Account, event: Json) -> int:
    """Queue a recorded snapshot event, new or old, for every endpoint that wants it; return for how many."""
    takers = [each for each in account.store.all("webhook_endpoint") if wants(each, event["type"])]
    for endpoint in takers:
        _deliver(account, account.find("event", event["id"]), endpoint)
    return len(takers)


def _deliver(account: Account, event: Json, endpoint: Json) -> None:
    count_pending(event, 1)
    account.add(
        {
            "object": "_delivery",
            "id": new_id("_delivery"),
            "event": event["id"],
            "event_kind": event["object"],
            "type": event["type"],
            "endpoint": endpoint["id"],
            "lane": event.get("_lane", ""),
            "url": endpoint["url"],
            "status": "pending",
            "attempts": [],
            "queued_at": account.wall(),
            "next_attempt_at": account.wall() + account.faults.delay_seconds,
        }
    )


def _lane_of(item: Json) -> str:
    """Return whose events keep their order among each other: a customer's; what concerns nobody has one lane."""
    owner = item.get("id") if item["object"] == "customer" else item.get("customer") or item.get("_customer")
    return owner if isinstance(owner, str) else ""


def count_pending(event: Json, change: int) -> None:
    """Count the deliveries an event still waits for; only a snapshot event shows the number."""
    name = "pending_webhooks" if event["object"] == "event" else "_pending_webhooks"
    event[name] += change


def previous_attributes(before: Json, item: Json) -> dict[str, Any]:
    """Return what `before` had where `item` differs now: whole lists, but only the changed members of groups."""
    after = rendered(item)
    return {name: _old(before[name], after[name]) for name in before if before[name] != after.get(name)}


def _old(before: Any, after: Any) -> Any:
    if not (isinstance(before, dict) and isinstance(after, dict)) or before.get("object") == "list":
        return before
    names = {*before, *after}
    return {name: before.get(name) for name in sorted(names) if before.get(name) != after.get(name)}
