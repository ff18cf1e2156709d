"""What takes money back: refunds, disputes, early fraud warnings, and the balance's record of a dispute."""

from __future__ import annotations

from sandbox.standin.calendar import DAY_SECONDS
from sandbox.standin.store import Json

EVIDENCE_TEXTS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
RESPONSE_DAYS = 14
DISPUTE_FEE_MINOR = 1_500


def refund(identifier: str, now: int, charge: Json, facts: Json) -> Json:
    """Return a succeeded card refund of `charge`; `facts` overrides the defaults."""
    return {
        "id": identifier,
        "object": "refund",
        "amount": charge["amount"] - charge["amount_refunded"],
        "balance_transaction": None,
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
        **facts,
    }


def dispute(identifier: str, now: int, charge: Json, facts: Json, *, case_type: str) -> Json:
    """Return a dispute of `charge`. It names no customer: the way there is the charge."""
    brand = charge["payment_method_details"]["card"]["brand"]
    network_reason = {"visa": "10.4", "mastercard": "4837"}.get(brand, "F29")
    return {
        "id": identifier,
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE_TEXTS), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + RESPONSE_DAYS * DAY_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": case_type == "inquiry",
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": brand,
                "case_type": case_type,
                "network": brand,
                "network_reason_code": network_reason,
            },
            "type": "card",
        },
        "reason": "fraudulent",
        "status": "needs_response",
        "_customer": charge["customer"],
        **facts,
    }


def early_fraud_warning(identifier: str, now: int, charge: Json, facts: Json) -> Json:
    """Return an actionable warning about `charge`. It names no customer: the way there is the charge."""
    return {
        "id": identifier,
        "object": "radar.early_fraud_warning",
        "actionable": True,
        "charge": charge["id"],
        "created": now,
        "fraud_type": "misc",
        "livemode": False,
        "payment_intent": charge["payment_intent"],
        "_customer": charge["customer"],
        **facts,
    }


def dispute_transaction(identifier: str, now: int, its_dispute: Json, *, reinstated: bool) -> Json:
    """Return the balance's record of money that a dispute withdrew, or that came back."""
    fee = 0 if reinstated else DISPUTE_FEE_MINOR
    amount = its_dispute["amount"] if reinstated else -its_dispute["amount"]
    kind = "Chargeback reversal" if reinstated else "Chargeback withdrawal"
    detail = {"amount": fee, "application": None, "currency": its_dispute["currency"], "description": "Dispute fee"}
    return {
        "id": identifier,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": now,
        "balance_type": "payments",
        "created": now,
        "currency": its_dispute["currency"],
        "description": f"{kind} for {its_dispute['charge']}",
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [{**detail, "type": "stripe_fee"}] if fee else [],
        "net": amount - fee,
        "reporting_category": "dispute_reversal" if reinstated else "dispute",
        "source": its_dispute["id"],
        "status": "available",
        "type": "adjustment",
    }
