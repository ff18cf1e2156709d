"""The Billing Portal's configuration: what a reader may do there, and the step that makes it so at Stripe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import stripe

from service.catalog.change import Change
from service.domain.catalog import Catalog

PORTAL_METADATA = {"newsstand": "portal"}
"""Marks the configuration that is ours; the account's default one is left alone."""
_LONGEST_HEADLINE = 60
_REASONS = [
    "customer_service", "low_quality", "missing_features", "switched_service", "too_complex", "too_expensive",
    "unused", "other",
]  # fmt: skip


def portal_changes(client: stripe.StripeClient, catalog: Catalog) -> Iterator[Change]:
    """Yield the step that makes or corrects the portal configuration, if one is needed."""
    wanted = _wanted(catalog)
    found = find_portal_configuration(client)
    service = client.v1.billing_portal.configurations
    if found is None:
        creation = cast(
            "stripe.params.billing_portal.ConfigurationCreateParams", wanted | {"metadata": PORTAL_METADATA}
        )
        yield Change("create the portal configuration", lambda: service.create(creation))
        return
    differing = list(_differences(wanted, found.to_dict()))
    if differing:
        update = cast("stripe.params.billing_portal.ConfigurationUpdateParams", wanted)
        line = f"update portal configuration {found.id}: {', '.join(differing)}"
        yield Change(line, lambda: service.update(found.id, update))


def find_portal_configuration(client: stripe.StripeClient) -> stripe.billing_portal.Configuration | None:
    """Return our active portal configuration, or None before the first `plans apply`."""
    for each in client.v1.billing_portal.configurations.list({"active": True, "limit": 100}).auto_paging_iter():
        if each.metadata is not None and PORTAL_METADATA.items() <= each.metadata.to_dict().items():
            return each
    return None


def _wanted(catalog: Catalog) -> dict[str, Any]:
    """Return what a reader may do: see invoices, change the card, and cancel at the end of what is paid for.

    Changing plans stays off: Stripe's default ends a trial at once (`trial_update_behavior`).
    """
    return {
        "business_profile": {"headline": catalog.publication[:_LONGEST_HEADLINE]},
        "features": {
            "customer_update": {"enabled": False},
            "invoice_history": {"enabled": True},
            "payment_method_update": {"enabled": True},
            "subscription_cancel": {
                "enabled": True,
                "mode": "at_period_end",
                "proration_behavior": "none",
                "cancellation_reason": {"enabled": True, "options": _REASONS},
            },
            "subscription_update": {"enabled": False},
        },
    }


def _differences(wanted: Mapping[str, Any], found: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """Yield the paths of `wanted` at which `found` says otherwise; what `wanted` leaves out is Stripe's business."""
    for name, value in wanted.items():
        there = found.get(name)
        if isinstance(value, Mapping):
            yield from _differences(value, there if isinstance(there, Mapping) else {}, f"{where}{name}.")
        elif (sorted(value) != sorted(there or [])) if isinstance(value, list) else (value != there):
            yield f"{where}{name}"
