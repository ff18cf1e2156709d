"""Subscriptions and their items."""

from __future__ import annotations

from sandbox.standin.shapes.catalog import plan_of
from sandbox.standin.shapes.common import list_of, no_automatic_tax
from sandbox.standin.store import Json, rendered


def subscription(identifier: str, now: int, facts: Json) -> Json:
    """Return a subscription without items; `facts` overrides the defaults."""
    return {
        "id": identifier,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": no_automatic_tax(),
        "billing_cycle_anchor": now,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": now},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": now,
        "currency": "usd",
        "customer_account": None,
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "items": list_of([], f"/v1/subscription_items?subscription={identifier}"),
        "latest_invoice": None,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": payment_settings(),
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": now,
        "status": "incomplete",
        "status_details": None,
        "test_clock": None,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
        "_free_until": 0,
        "_pending_lines": [],
        "_trial_notice_for": None,
        "_upcoming_for": None,
        **facts,
    }


def payment_settings() -> Json:
    """Return the payment settings of a subscription that asked for nothing special."""
    return {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    }


def subscription_item(
    identifier: str, now: int, its_price: Json, quantity: int, subscription_id: str, period: tuple[int, int]
) -> Json:
    """Return an item billed for `period`, which is (start, end) in Unix seconds."""
    return {
        "id": identifier,
        "object": "subscription_item",
        "billed_until": None,
        "billing_thresholds": None,
        "created": now,
        "current_period_end": period[1],
        "current_period_start": period[0],
        "discounts": [],
        "metadata": {},
        "plan": plan_of(its_price),
        "price": rendered(its_price),
        "quantity": quantity,
        "subscription": subscription_id,
        "tax_rates": [],
    }
