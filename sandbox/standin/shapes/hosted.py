"""Checkout sessions, and the Billing Portal's sessions and configurations."""

from __future__ import annotations

from sandbox.standin.shapes.common import empty_address, no_automatic_tax
from sandbox.standin.store import Json


def checkout_session(identifier: str, now: int, facts: Json) -> Json:
    """Return an open subscription session on a hosted page; `facts` overrides the defaults."""
    return {
        "id": identifier,
        "object": "checkout.session",
        "adaptive_pricing": None,
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": 0,
        "amount_total": 0,
        "automatic_tax": {**_session_tax()},
        "billing_address_collection": None,
        "cancel_url": None,
        "client_reference_id": None,
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": now,
        "currency": "usd",
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": None,
        "customer_account": None,
        "customer_creation": "always",
        "customer_details": None,
        "customer_email": None,
        "discounts": [],
        "expires_at": now,
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": None,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "mode": "subscription",
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "always",
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": None,
        "wallet_options": None,
        **facts,
    }


def _session_tax() -> Json:
    tax = {**no_automatic_tax(), "provider": None, "status": None}
    del tax["disabled_reason"]
    return tax


def customer_details(email: str | None) -> Json:
    """Return what the hosted page collected about the customer."""
    return {
        "address": empty_address(),
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def checkout_line(identifier: str, price: Json, quantity: int, name: str, amount: int) -> Json:
    """Return a line of a checkout session (`object` is `item`); `amount` is what is due today."""
    return {
        "id": identifier,
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": name,
        "metadata": {},
        "price": price,
        "quantity": quantity,
    }


def portal_configuration(identifier: str, now: int, facts: Json) -> Json:
    """Return a portal configuration; `facts` overrides the defaults."""
    return {
        "id": identifier,
        "object": "billing_portal.configuration",
        "active": True,
        "application": None,
        "business_profile": {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None},
        "created": now,
        "default_return_url": None,
        "features": portal_features(),
        "is_default": False,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": now,
        **facts,
    }


def portal_features() -> Json:
    """Return the features of a configuration that names none, all off."""
    return {
        "customer_update": {"allowed_updates": [], "enabled": False},
        "invoice_history": {"enabled": False},
        "payment_method_update": {"enabled": False, "payment_method_configuration": None},
        "subscription_cancel": {
            "cancellation_reason": {"enabled": False, "options": []},
            "enabled": False,
            "mode": "at_period_end",
            "proration_behavior": "none",
        },
        "subscription_pause": {"duration": {"interval_options": [], "type": "indefinite"}, "enabled": False},
        "subscription_update": {
            "billing_cycle_anchor": None,
            "default_allowed_updates": [],
            "enabled": False,
            "products": [],
            "proration_behavior": "none",
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": "end_trial",
        },
    }


def portal_session(identifier: str, now: int, facts: Json) -> Json:
    """Return a portal session; `facts` brings configuration, customer and address."""
    return {
        "id": identifier,
        "object": "billing_portal.session",
        "configuration": None,
        "created": now,
        "customer": None,
        "customer_account": None,
        "flow": None,
        "livemode": False,
        "locale": None,
        "on_behalf_of": None,
        "return_url": None,
        "url": None,
        **facts,
    }


def portal_flow(kind: str, details: Json | None, after: Json | None) -> Json:
    """Return a portal session's `flow`; `details` is what was sent for its kind, `after` what follows it."""
    confirm: Json = {"discounts": None, "items": [], "subscription": None}
    added: Json = {"subscription_cancel": {"retention": None}, "subscription_update_confirm": confirm}
    kinds = ("subscription_cancel", "subscription_update", "subscription_update_confirm")
    own = {each: {**added.get(each, {}), **details} if details and each == kind else None for each in kinds}
    if own["subscription_update_confirm"]:
        items = own["subscription_update_confirm"]["items"]
        own["subscription_update_confirm"]["items"] = [{"price": None, "quantity": None, **each} for each in items]
    after = {"hosted_confirmation": None, "redirect": None, **(after or {"type": "portal_homepage"})}
    return {"after_completion": after, **own, "type": kind}
