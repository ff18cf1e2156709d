"""Every route of the service. What is not here is not served; a test walks the URL map to hold that."""

from __future__ import annotations

from service.api import (
    acts,
    audit,
    cancellations,
    checkouts,
    decisions,
    drift,
    events,
    explain,
    gifts,
    links,
    numbers,
    operators,
    plan_changes,
    plans,
    portals,
    privacy,
    readers,
    refunds,
    support,
    timeline,
    webhooks,
)
from service.api.documents import Documents
from service.api.operations import Operation

_SERVED: tuple[Operation, ...] = (
    decisions.DECIDE,
    decisions.DECIDE_BATCH,
    plans.SHOW_PLANS,
    checkouts.OPEN_CHECKOUT,
    checkouts.SHOW_CHECKOUT,
    portals.OPEN_PORTAL,
    readers.SHOW_READER,
    privacy.EXPORT_READER,
    privacy.ERASE_READER,
    readers.LINK_VISITOR,
    gifts.GIVE,
    gifts.SHOW_GIFTS,
    links.MINT_LINK,
    cancellations.CANCEL,
    cancellations.UNDO_CANCELLATION,
    plan_changes.CHANGE_PLAN,
    webhooks.STRIPE_WEBHOOK,
    support.SEARCH_ACCOUNTS,
    support.EXPORT_ACCOUNTS,
    support.SHOW_ACCOUNT,
    support.SYNC_ACCOUNT,
    privacy.EXPORT_ACCOUNT,
    timeline.SHOW_TIMELINE,
    *acts.OPERATIONS,
    explain.EXPLAIN,
    explain.EXPLAIN_ANYBODY,
    refunds.REFUND,
    drift.SHOW_DRIFT,
    *events.OPERATIONS,
    numbers.SHOW_NUMBERS,
    numbers.EXPORT_NUMBERS,
    audit.SHOW_AUDIT,
    operators.LIVE,
    operators.READY,
    operators.METRICS,
)

OPERATIONS = Documents(_SERVED).operations
"""All of it, the documentation's own routes included."""
