"""A subscription changes: cancellation and its undoing, price, trial end, anchor."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.billing import cardholders, collecting, discounting, invoicing, items, life, pending, periods
from sandbox.standin.billing.happenings import period_end
from sandbox.standin.billing.prorating import unused_time
from sandbox.standin.errors import CardError, InvalidRequest, NotFound
from sandbox.standin.forms import merged_metadata
from sandbox.standin.shapes import billing as shapes
from sandbox.standin.store import Json, rendered

Params = dict[str, Any]


def update(account: Account, subscription: Json, params: Params) -> None:
    """Apply an update request: one `customer.subscription.updated`, then the invoice it causes, if any."""
    before, old_terms = rendered(subscription), pending.terms_of(subscription)
    may_wait = params.get("payment_behavior") == "pending_if_incomplete"
    if may_wait:
        pending.check(params)
    _apply_simple(account, subscription, params)
    if "discounts" in params:
        discounting.redeem(account, subscription, params["discounts"])
    _set_cancellation(account, subscription, params)
    lines = _apply_terms(account, subscription, params)
    invoice = _invoice_now(account, subscription, lines) if lines else None
    if invoice is not None and may_wait:
        pending.hold_back(subscription, invoice, old_terms)
    account.emit_update("customer.subscription.updated", subscription, before)
    if invoice is not None:
        invoicing.issue(account, invoice)
        _ask_for_payment(account, subscription, invoice, params)


def _ask_for_payment(account: Account, subscription: Json, invoice: Json, params: Params) -> None:
    """Collect what a change costs, or leave it to the client, as `payment_behavior` says."""
    behavior = params.get("payment_behavior")
    if behavior == "default_incomplete" and invoice["amount_due"] > 0:
        collecting.await_client(account, subscription, invoice)
        return
    presence = cardholders.Presence(off_session=bool(params.get("off_session")))
    failure = collecting.collect(account, invoice, presence=presence)
    if failure is not None and behavior == "error_if_incomplete":
        raise CardError(failure[2], code=failure[0], decline_code=failure[1])  # which undoes the change
    if failure is not None and behavior == "pending_if_incomplete":
        pending.show(account, subscription)


def _apply_simple(account: Account, subscription: Json, params: Params) -> None:
    method = params.get("default_payment_method")
    if method and (account.store.get("payment_method", method) or {}).get("customer") != subscription["customer"]:
        raise NotFound("payment_method", method, param="default_payment_method")
    for name in ("default_payment_method", "description", "trial_settings"):
        if name in params:
            subscription[name] = params[name]
    if "pause_collection" in params:
        pause = params["pause_collection"]
        subscription["pause_collection"] = pause and {"resumes_at": None, **pause}
    if params.get("payment_settings"):
        subscription["payment_settings"] = payment_settings(params["payment_settings"])
    subscription["metadata"] = merged_metadata(subscription["metadata"], params.get("metadata"))
    subscription["cancellation_details"].update(params.get("cancellation_details") or {})


def payment_settings(sent: Params) -> Json:
    """Return the whole member for what was sent of it."""
    return {**shapes.payment_settings(), **sent}


def apply_cancellation(account: Account, subscription: Json, params: Params) -> None:
    """Set or undo a scheduled end, and tell of it when something changed."""
    before = rendered(subscription)
    _set_cancellation(account, subscription, params)
    account.emit_update("customer.subscription.updated", subscription, before)


def _set_cancellation(account: Account, subscription: Json, params: Params) -> None:
    """The boolean sets `cancel_at` too; `cancel_at` alone leaves the boolean false, as the portal does."""
    if "cancel_at" in params and params.get("cancel_at_period_end") is not None:
        raise InvalidRequest("Send only one of cancel_at and cancel_at_period_end.", param="cancel_at")
    if "cancel_at_period_end" in params:
        wanted = params["cancel_at_period_end"]
        _schedule_end(account, subscription, period_end(subscription) if wanted else None, at_period_end=wanted)
    elif "cancel_at" in params:
        at = _instant(subscription, params["cancel_at"])
        _schedule_end(account, subscription, at, at_period_end=False)
        is_soon = at is not None and at <= period_end(subscription)
        subscription["_ends_unprorated"] = is_soon and params.get("proration_behavior") == "none"


def _instant(subscription: Json, cancel_at: int | str | None) -> int | None:
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    if cancel_at == "min_period_end":
        return int(min(ends))
    if cancel_at == "max_period_end":
        return int(max(ends))
    return None if cancel_at is None else int(cancel_at)


def _schedule_end(account: Account, subscription: Json, at: int | None, *, at_period_end: bool) -> None:
    now = account.now_for(subscription)
    if at is not None and at <= now:
        raise InvalidRequest("cancel_at must be a timestamp in the future.", param="cancel_at")
    if at == subscription["cancel_at"] and at_period_end == subscription["cancel_at_period_end"]:
        return
    subscription["cancel_at"], subscription["cancel_at_period_end"] = at, at_period_end
    subscription["canceled_at"] = None if at is None else now
    subscription["cancellation_details"]["reason"] = None if at is None else "cancellation_requested"


def _apply_terms(account: Account, subscription: Json, params: Params) -> list[Json]:
    """Change items, trial and anchor; return the lines to invoice at once (others wait for the renewal)."""
    since = items.prorated_from(account, subscription, params)
    unused = [] if since is None else unused_time(account, subscription, since)
    prorations, restarts = items.apply(account, subscription, params)
    if isinstance(params.get("trial_end"), int):
        _move_trial(account, subscription, params["trial_end"])
        prorations, restarts = unused, False
    elif _ends_trial(account, subscription, params):
        restarts = True
    if _anchors_now(subscription, params):
        restarts = True
    if restarts:
        return [*unused, *periods.restart(account, subscription)]
    if params.get("proration_behavior") == "always_invoice":
        return prorations
    subscription["_pending_lines"] += prorations
    return []


def _ends_trial(account: Account, subscription: Json, params: Params) -> bool:
    if params.get("trial_end") != "now" or subscription["status"] != "trialing":
        return False
    subscription["status"], subscription["trial_end"] = "active", account.now_for(subscription)
    return True


def _anchors_now(subscription: Json, params: Params) -> bool:
    if (params.get("billing_cycle_anchor") or {}).get("type") != "now":
        return False
    if subscription["status"] == "trialing":
        raise InvalidRequest("A trial's end is its billing_cycle_anchor.", param="billing_cycle_anchor")
    return True


def _move_trial(account: Account, subscription: Json, end: int) -> None:
    """Begin a trial now that ends then, or let the one that runs end then."""
    now = account.now_for(subscription)
    if end <= now:
        raise InvalidRequest("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
    subscription.update(status="trialing", trial_end=end, billing_cycle_anchor=end)
    subscription["trial_start"] = subscription["trial_start"] or now
    for item in subscription["items"]["data"]:
        item["current_period_end"] = end


def _invoice_now(account: Account, subscription: Json, lines: list[Json]) -> Json:
    now = account.now_for(subscription)
    return invoicing.draft(account, subscription, lines, "subscription_update", (now, now))


def preview(account: Account, subscription: Json, details: Params) -> Json:
    """Return the next invoice as it would be after a change of items; nothing is kept."""
    own = {name: value for name, value in subscription.items() if name.startswith("_")}
    draft = rendered(subscription) | copy.deepcopy(own)
    immediate = _apply_terms(account, draft, details)
    lines = immediate or life.next_lines(account, draft)
    wanted = details["discounts"] if "discounts" in details else [{"discount": each} for each in draft["discounts"]]
    reason = "subscription_update" if immediate else "upcoming"
    if all(each.get("discount") for each in wanted):
        draft["discounts"] = [each["discount"] for each in wanted]
        invoice = invoicing.preview(account, draft, lines, reason)
    else:
        with discounting.supposed(account, draft, wanted):
            invoice = invoicing.preview(account, draft, lines, reason)
    return {**invoice, "id": f"upcoming_{invoice['id']}"}
