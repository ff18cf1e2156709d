"""Objects as they were before 2025-03-31.basil, for events of an endpoint that pinned no version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.standin.store import Json

BASIL = "2025-03-31"


def as_of(version: str, item: Json) -> Json:
    """Return the rendered `item` in the shapes of `version`; only what basil moved is moved back."""
    shaper = _SHAPERS.get(item["object"]) if version < BASIL else None
    return shaper(item) if shaper else item


def _subscription(item: Json) -> Json:
    """Periods stood on the subscription, not on its items."""
    if not item.get("items"):
        return item
    first = item["items"]["data"][0]
    period = {name: first[name] for name in ("current_period_start", "current_period_end")}
    items = [{name: value for name, value in each.items() if name not in period} for each in item["items"]["data"]]
    return {**item, **period, "items": {**item["items"], "data": items}}


def _invoice(item: Json) -> Json:
    """The subscription stood on the invoice, and `paid` was a boolean."""
    details: Any = (item.get("parent") or {}).get("subscription_details") or {}
    kept = {name: value for name, value in item.items() if name != "parent"}
    return {**kept, "subscription": details.get("subscription"), "paid": item.get("status") == "paid"}


_SHAPERS: dict[str, Callable[[Json], Json]] = {"subscription": _subscription, "invoice": _invoice}
