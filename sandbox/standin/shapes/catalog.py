"""Products, prices, and the legacy plan that still rides on a subscription's items."""

from __future__ import annotations

from sandbox.standin.store import Json


def product(identifier: str, now: int, facts: Json) -> Json:
    """Return a product; `facts` overrides the defaults."""
    return {
        "id": identifier,
        "object": "product",
        "active": True,
        "created": now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": "",
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": now,
        "url": None,
        **facts,
    }


def price(identifier: str, now: int, facts: Json) -> Json:
    """Return a per-unit price; `facts` overrides the defaults."""
    return {
        "id": identifier,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": now,
        "currency": "usd",
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": None,
        "recurring": None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": None,
        "unit_amount_decimal": None,
        **facts,
    }


def recurring(facts: Json) -> Json:
    """Return a price's `recurring` member."""
    return {
        "interval": "month",
        "interval_count": 1,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
        **facts,
    }


def plan_of(its_price: Json) -> Json:
    """Return the plan that mirrors a recurring price."""
    return {
        "id": its_price["id"],
        "object": "plan",
        "active": its_price["active"],
        "amount": its_price["unit_amount"],
        "amount_decimal": its_price["unit_amount_decimal"],
        "billing_scheme": its_price["billing_scheme"],
        "created": its_price["created"],
        "currency": its_price["currency"],
        "interval": its_price["recurring"]["interval"],
        "interval_count": its_price["recurring"]["interval_count"],
        "livemode": False,
        "metadata": its_price["metadata"],
        "meter": None,
        "nickname": its_price["nickname"],
        "product": its_price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }
