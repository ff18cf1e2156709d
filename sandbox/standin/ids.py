"""Identifiers that look like Stripe's: a prefix that tells the kind, then random letters."""

from __future__ import annotations

import secrets
import string

_LETTERS = string.ascii_letters + string.digits

PREFIX_OF = {
    "product": "prod_",
    "price": "price_",
    "customer": "cus_",
    "payment_method": "pm_",
    "setup_intent": "seti_",
    "payment_intent": "pi_",
    "charge": "ch_",
    "subscription": "sub_",
    "subscription_item": "si_",
    "discount": "di_",
    "promotion_code": "promo_",
    "customer_balance_transaction": "cbtxn_",
    "invoice": "in_",
    "invoiceitem": "ii_",
    "line_item": "il_",
    "invoice_payment": "inpay_",
    "refund": "re_",
    "dispute": "du_",
    "radar.early_fraud_warning": "issfr_",
    "balance_transaction": "txn_",
    "checkout.session": "cs_test_",
    "item": "li_",
    "billing_portal.session": "bps_",
    "billing_portal.configuration": "bpc_",
    "event": "evt_",
    "v2.core.event": "evt_test_65",
    "v2.core.event_destination": "ed_test_",
    "webhook_endpoint": "we_",
    "test_helpers.test_clock": "clock_",
    "_delivery": "dlv_",
}


def letters(count: int) -> str:
    """Return `count` random letters and digits."""
    # One call to the system for all of them; that the first letters come a little more often does no harm.
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in secrets.token_bytes(count))


def new_id(kind: str) -> str:
    """Return a fresh identifier for an object of `kind`."""
    return PREFIX_OF[kind] + letters(58 if kind == "checkout.session" else 24)
