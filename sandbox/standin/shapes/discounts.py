"""Coupons, the codes that hand them out, and their application: discounts."""

from __future__ import annotations

from sandbox.standin.store import Json


def coupon(identifier: str, now: int, facts: Json) -> Json:
    """Return a coupon; `facts` overrides the defaults."""
    return {
        "id": identifier,
        "object": "coupon",
        "amount_off": None,
        "created": now,
        "currency": None,
        "duration": "once",
        "duration_in_months": None,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "name": None,
        "percent_off": None,
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
        **facts,
    }


def promotion_code(identifier: str, now: int, facts: Json) -> Json:
    """Return a code for a coupon; `facts` overrides the defaults."""
    return {
        "id": identifier,
        "object": "promotion_code",
        "active": True,
        "code": identifier,
        "created": now,
        "customer": None,
        "customer_account": None,
        "expires_at": None,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "promotion": {"coupon": None, "type": "coupon"},
        "restrictions": {"first_time_transaction": False, "minimum_amount": None, "minimum_amount_currency": None},
        "times_redeemed": 0,
        **facts,
    }


def discount(identifier: str, now: int, coupon_id: str, facts: Json) -> Json:
    """Return a coupon's application from now on; `facts` overrides the defaults."""
    return {
        "id": identifier,
        "object": "discount",
        "checkout_session": None,
        "customer": None,
        "customer_account": None,
        "end": None,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None,
        "source": {"coupon": coupon_id, "type": "coupon"},
        "start": now,
        "subscription": None,
        "subscription_item": None,
        **facts,
    }
