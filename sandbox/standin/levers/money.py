"""Refunds that fail, disputes, early fraud warnings."""

from __future__ import annotations

from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.billing import disputing, refunding, warning
from sandbox.standin.forms import boolean, choice, number, text
from sandbox.standin.levers.registry import lever
from sandbox.standin.store import Json

Params = dict[str, Any]

_REASONS = (
    "bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated", "debit_not_authorized",
    "duplicate", "fraudulent", "general", "incorrect_account_details", "insufficient_funds", "noncompliant",
    "product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized",
)  # fmt: skip
_FAILURES = (
    "charge_for_pending_refund_disputed", "declined", "expired_or_canceled_card", "insufficient_funds",
    "lost_or_stolen_card", "merchant_request", "unknown",
)  # fmt: skip
_REFUND = {"status": choice(*refunding.COUNTED, "failed", "canceled"), "failure_reason": choice(*_FAILURES)}
_DISPUTE = {
    "charge": text,
    "status": choice(*disputing.CASE_TYPES),
    "reason": choice(*_REASONS),
    "amount": number(1, 99_999_999),
}


def _charge(account: Account, params: Params) -> Json:
    return account.find("charge", params.pop("charge"), param="charge")


@lever("/refunds/<identifier>", _REFUND, required=("status",))
def move_refund(account: Account, params: Params, identifier: str) -> Json:
    """Bring a refund to another status: `failed` takes the money back and sends refund.failed; `requires_action` is
    the only status that can be canceled."""
    refund = account.find("refund", identifier)
    refunding.move(account, refund, params["status"], params.get("failure_reason", "unknown"))
    return refund


@lever("/disputes", _DISPUTE, required=("charge",))
def dispute(account: Account, params: Params) -> Json:
    """Dispute a charge: `needs_response` (default) is a chargeback, `warning_needs_response` an inquiry, `prevented`
    one that was resolved before it began."""
    return disputing.dispute(account, _charge(account, params), params)


@lever("/disputes/<identifier>", {"status": choice(*disputing.STATUSES)}, required=("status",))
def move_dispute(account: Account, params: Params, identifier: str) -> Json:
    """Bring a dispute to any other status; `won`, `lost`, `warning_closed` and `prevented` close it."""
    found = account.find("dispute", identifier)
    disputing.move(account, found, params["status"])
    return found


@lever("/early_fraud_warnings", {"charge": text, "fraud_type": text, "actionable": boolean}, required=("charge",))
def warn(account: Account, params: Params) -> Json:
    """Let the issuer warn of fraud with a charge."""
    return warning.warn(account, _charge(account, params), params)


@lever("/early_fraud_warnings/<identifier>", {"actionable": boolean}, required=("actionable",))
def set_warning(account: Account, params: Params, identifier: str) -> Json:
    """Say whether a warning can still be acted upon; full refunds and disputes do so by themselves."""
    found = account.find(warning.KIND, identifier)
    warning.change(account, found, actionable=params["actionable"])
    return found
