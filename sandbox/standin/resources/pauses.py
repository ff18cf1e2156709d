"""/v1/subscriptions/{id}/pause and /resume"""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing import resuming
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.forms import Only, Spec, choice, instant, record
from sandbox.standin.resources.subscriptions import ANCHOR, PRORATION_BEHAVIOR, writable
from sandbox.standin.routing import Params, route
from sandbox.standin.store import Json

_ON_SUCCESS = "resume_on_payment_success"
_RESUME: Spec = {
    "billing_cycle_anchor": ANCHOR,
    "payment_behavior": choice("resume_on_payment_attempt", _ON_SUCCESS),
    "proration_behavior": PRORATION_BEHAVIOR,
    "proration_date": instant,
}
_BILL_FOR = record(
    {
        # There are no metered prices, so none of their usage is outstanding.
        "outstanding_usage_through": record({"type": Only("none", "now")}, required=("type",)),
        "unused_time_from": record({"type": choice("item_current_period_start", "none", "now")}, required=("type",)),
    }
)
_PAUSE: Spec = {
    "bill_for": _BILL_FOR,
    "invoicing_behavior": choice("invoice", "pending_invoice_item"),
    "type": Only("subscription"),
}


@route("POST", "/v1/subscriptions/<subscription_id>/pause", _PAUSE)
def pause(account: Account, params: Params, subscription_id: str) -> Json:
    """Pause a subscription that runs and has no trial."""
    subscription = writable(account, subscription_id)
    _check_flexible(subscription)
    if subscription["status"] not in ("active", "past_due", "unpaid"):
        raise InvalidRequest(f"A subscription that is {subscription['status']} cannot be paused.")
    unused = (params.get("bill_for") or {}).get("unused_time_from") or {"type": "now"}
    invoice_now = params.get("invoicing_behavior") == "invoice"
    resuming.pause(account, subscription, credit_from=unused["type"], invoice_now=invoice_now)
    return subscription


@route("POST", "/v1/subscriptions/<subscription_id>/resume", _RESUME)
def resume(account: Account, params: Params, subscription_id: str) -> Json:
    """Resume a paused subscription; whoever does not say otherwise pays its invoice themselves."""
    subscription = writable(account, subscription_id)
    if subscription["status"] != "paused":
        raise InvalidRequest("You can only resume a paused subscription.")
    if params.get("payment_behavior") == _ON_SUCCESS:
        _check_flexible(subscription)
    resuming.resume(account, subscription, _how(account, subscription, params))
    return subscription


def _how(account: Account, subscription: Json, params: Params) -> resuming.Resumption:
    sent = {
        "anchor": (params.get("billing_cycle_anchor") or {}).get("type"),
        "payment": params.get("payment_behavior"),
        "prorations": params.get("proration_behavior"),
    }
    chosen = {name: value for name, value in sent.items() if value is not None}
    return resuming.Resumption(at=params.get("proration_date") or account.now_for(subscription), **chosen)


def _check_flexible(subscription: Json) -> None:
    if subscription["billing_mode"]["type"] != "flexible":
        raise InvalidRequest("This needs a subscription with flexible billing mode.")
