"""What goes wrong, or takes its time, in billing itself; and the account's billing settings."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, get_args

from sandbox.standin import purchase
from sandbox.standin.account import Account
from sandbox.standin.billing import invoicing, pausing
from sandbox.standin.billing.policy import EndState
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.forms import choice, list_of, number
from sandbox.standin.levers.registry import lever
from sandbox.standin.store import Json

Params = dict[str, Any]
YEAR_DAYS = 366


@lever("/invoices/<identifier>", {"finalization": choice("fails")}, required=("finalization",))
def fail_finalization(account: Account, _params: Params, identifier: str) -> Json:
    """Let the finalization of a draft fail: it stays a draft, is not collected, and invoice.finalization_failed is
    sent; finalizing it by the API works again."""
    invoice = account.find("invoice", identifier)
    if invoice["status"] != "draft":
        raise InvalidRequest("Only a draft can fail to be finalized.", param="finalization")
    invoicing.fail_to_finalize(account, invoice)
    return invoice


@lever("/subscriptions/<identifier>", {"pause": choice(*pausing.REASONS)}, required=("pause",))
def pause(account: Account, params: Params, identifier: str) -> Json:
    """Pause a running subscription for any of Stripe's reasons."""
    subscription = account.find("subscription", identifier)
    if subscription["status"] in ("canceled", "incomplete_expired", "paused"):
        raise InvalidRequest(f"A subscription that is {subscription['status']} cannot be paused.", param="pause")
    pausing.pause(account, subscription, params["pause"])
    return subscription


@lever(
    "/checkout_sessions/<identifier>",
    {"async_payment": choice("expected", "succeeded", "failed")},
    required=("async_payment",),
)
def async_payment(account: Account, params: Params, identifier: str) -> Json:
    """`expected`: whoever pays this open session pays as by bank debit, so it completes unpaid; then `succeeded` or
    `failed` sends checkout.session.async_payment_..."""
    session = account.find("checkout.session", identifier)
    if params["async_payment"] == "expected":
        session["_async_payment"] = "expected"
    elif session.get("_async_payment") == "processing":
        purchase.settle_async(account, session, succeeded=params["async_payment"] == "succeeded")
    else:
        raise InvalidRequest("No payment of this session is under way.", param="async_payment")
    return session


_POLICY = {
    "retry_days": list_of(number(1, YEAR_DAYS)),
    "after_retries": choice(*get_args(EndState)),
    "upcoming_days": number(0, YEAR_DAYS),
    "trial_notice_days": number(0, YEAR_DAYS),
    "finalize_after_seconds": number(0, 3 * 86_400),
    "incomplete_expires_after_seconds": number(60, 30 * 86_400),
    "customers_per_clock": number(1, 1_000),
}


@lever("/policy", _POLICY)
def set_policy(account: Account, params: Params) -> Json:
    """Change the account's billing settings, until the next start: when failed payments are tried again, what happens
    at last (`canceled`, `unpaid`, `past_due`, `paused`), the leads of notices, and how many customers a test clock
    takes (three at Stripe; any number here, unless set)."""
    if "retry_days" in params:
        params["retry_days"] = tuple(params["retry_days"])
    account.adopt(replace(account.policy, **params))
    return asdict(account.policy)
