"""Customers, their cards, and the intents that save them."""

from __future__ import annotations

from sandbox.standin.cards import TestCard
from sandbox.standin.ids import letters
from sandbox.standin.shapes.common import empty_address
from sandbox.standin.store import Json


def customer(identifier: str, now: int, facts: Json) -> Json:
    """Return a customer; `facts` overrides the defaults."""
    return {
        "id": identifier,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": letters(8).upper(),
        "invoice_settings": customer_invoice_settings(),
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
        **facts,
    }


def customer_invoice_settings() -> Json:
    """Return the invoice settings of a new customer."""
    return {"custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None}


def deleted(item: Json) -> Json:
    """Return what is left of a deleted object."""
    return {"id": item["id"], "object": item["object"], "deleted": True}


def payment_method(identifier: str, now: int, card: TestCard, expiry: tuple[int, int], email: str | None) -> Json:
    """Return a card that no customer has yet; `expiry` is (month, year)."""
    return {
        "id": identifier,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {**billing_details(email)},
        "card": {**card_facts(card, expiry), **_saved_card_only(card)},
        "created": now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_behaviour": card.behaviour,
        "_decline_code": card.decline_code,
        "_aftermath": card.aftermath,
        "_authenticated": False,
    }


def billing_details(email: str | None) -> Json:
    """Return billing details of which only the email is known."""
    return {"address": empty_address(), "email": email, "name": None, "phone": None, "tax_id": None}


def card_facts(card: TestCard, expiry: tuple[int, int]) -> Json:
    """Return what a saved card and a charge both tell of a card."""
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "exp_month": expiry[0],
        "exp_year": expiry[1],
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "last4": card.last4,
        "regulated_status": "unregulated",
        "wallet": None,
    }


def _saved_card_only(card: TestCard) -> Json:
    return {
        "display_brand": card.brand,
        "generated_from": None,
        "networks": {"available": [card.brand], "preferred": None},
        "three_d_secure_usage": {"supported": True},
    }


def setup_intent(identifier: str, now: int, customer_id: str, payment_method_id: str | None) -> Json:
    """Return a succeeded setup intent, kept for payments without the cardholder."""
    return {
        "id": identifier,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{identifier}_secret_{letters(24)}",
        "created": now,
        "customer": customer_id,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": payment_method_id,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"mandate_options": None, "network": None, "request_three_d_secure": None}},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "succeeded",
        "usage": "off_session",
    }
