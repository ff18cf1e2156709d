"""A subscription changes: cancellation and its undoing, price, trial end, anchor, resumption."""

from __future__ import annotations

from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.billing import collecting, discounting, invoicing, items, life, pausing, pending
from sandbox.standin.billing.happenings import period_end
from sandbox.standin.billing.prorating import proration_lines
from sandbox.standin.calendar import next_boundary
from sandbox.standin.errors import CardError, InvalidRequest, NotFound
from sandbox.standin.forms import merged_metadata
from sandbox.standin.shapes import billing as shapes
from sandbox.standin.store import Json, rendered

Params = dict[str, Any]


def update(account: Account, subscription: Json, params: Params) -> None:
    """Apply an update request: one `customer.subscription.updated`, then the invoice it causes, if any."""
    before, old_terms = rendered(subscription), pending.terms_of(subscription)
    _apply_simple(account, subscription, params)
    if "discounts" in params:
        discounting.redeem(account, subscription, params["discounts"])
    _set_cancellation(account, subscription, params)
    lines = _apply_items(account, subscription, params)
    if params.get("trial_end") is not None:
        lines += _apply_trial_end(account, subscription, params["trial_end"])
    elif (params.get("billing_cycle_anchor") or {}).get("type") == "now":
        lines += restart_period(account, subscription)
    invoice = _invoice_now(account, subscription, lines) if lines else None
    if invoice is not None and params.get("payment_behavior") == "pending_if_incomplete":
        pending.hold_back(subscription, invoice, old_terms)
    account.emit_update("customer.subscription.updated", subscription, before)
    failure = _issue(account, invoice) if invoice is not None else None
    if failure is not None and params.get("payment_behavior") == "error_if_incomplete":
        raise CardError(failure[2], code=failure[0], decline_code=failure[1])  # which undoes the change
    if failure is not None and params.get("payment_behavior") == "pending_if_incomplete":
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
        _schedule_end(account, subscription, _instant(subscription, params["cancel_at"]), at_period_end=False)


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


def _apply_items(account: Account, subscription: Json, params: Params) -> list[Json]:
    """Change the items; return the lines to invoice at once (others wait for the renewal)."""
    prorations, restarts = items.apply(account, subscription, params)
    if restarts:
        return [*prorations, *restart_period(account, subscription)]
    if params.get("proration_behavior") == "always_invoice":
        return prorations
    subscription["_pending_lines"] += prorations
    return []


def restart_period(account: Account, subscription: Json) -> list[Json]:
    """Let a new period begin now, whatever was left of the old one; return the lines that sell it."""
    now = account.now_for(subscription)
    subscription["billing_cycle_anchor"] = now
    lines = []
    for item in subscription["items"]["data"]:
        recurring = item["price"]["recurring"]
        end = next_boundary(now, now, recurring["interval"], recurring["interval_count"])
        item["current_period_start"], item["current_period_end"] = now, end
        lines.append(invoicing.period_line(account, item, (now, end), trial=False))
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = period_end(subscription)
    return lines


def _apply_trial_end(account: Account, subscription: Json, trial_end: int | str) -> list[Json]:
    """End the trial now (which charges at once), or move its end."""
    now = account.now_for(subscription)
    if trial_end == "now":
        if subscription["status"] != "trialing":
            return []
        subscription["status"], subscription["trial_end"] = "active", now
        return restart_period(account, subscription)
    end = int(trial_end)
    if end <= now:
        raise InvalidRequest("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
    subscription.update(status="trialing", trial_end=end, billing_cycle_anchor=end)
    subscription["trial_start"] = subscription["trial_start"] or now
    for item in subscription["items"]["data"]:
        item["current_period_end"] = end
    return []


def _invoice_now(account: Account, subscription: Json, lines: list[Json]) -> Json:
    now = account.now_for(subscription)
    return invoicing.draft(account, subscription, lines, "subscription_update", (now, now))


def _issue(account: Account, invoice: Json) -> collecting.Failure | None:
    account.emit("invoice.created", invoice)
    invoicing.finalize(account, invoice)
    return collecting.collect(account, invoice)


def resume(account: Account, subscription: Json, *, anchor: str) -> None:
    """Take a paused subscription up again: at once while what was paid still runs, else once its invoice is paid."""
    lines = _resumption_lines(account, subscription, anchor)
    if lines:
        lines, subscription["_pending_lines"] = [*subscription["_pending_lines"], *lines], []
    else:
        pausing.take_up(account, subscription)
        return
    invoice = _invoice_now(account, subscription, lines)
    subscription["_resumption"] = invoice["id"]
    subscription["_resumes_by"] = invoice["created"] + account.policy.incomplete_expires_after_seconds
    account.emit("invoice.created", invoice)
    invoicing.finalize(account, invoice)
    collecting.collect(account, invoice)


def _resumption_lines(account: Account, subscription: Json, anchor: str) -> list[Json]:
    if anchor == "now":
        return restart_period(account, subscription)
    now, items = account.now_for(subscription), subscription["items"]["data"]
    if period_end(subscription) > now:
        _bill_the_rest(account, subscription)
        return []
    while period_end(subscription) <= now:
        for item in items:
            item["current_period_start"], item["current_period_end"] = life.next_period(subscription, item)
    period = (items[0]["current_period_start"], period_end(subscription))
    return [invoicing.period_line(account, item, period, trial=False) for item in items]


def _bill_the_rest(account: Account, subscription: Json) -> None:
    """Sell again, with the next invoice, what a pause had credited and what is left of it now."""
    if subscription.pop("_credited", False):
        now = account.now_for(subscription)
        for item in subscription["items"]["data"]:
            both = proration_lines(account, item, item["price"], item["quantity"], now, credit_only=False)
            subscription["_pending_lines"].append(both[1])


def pause(account: Account, subscription: Json, *, credit_from: str, invoice_now: bool) -> None:
    """Pause on request. Unused time is credited from `credit_from`: `now`, `item_current_period_start` or `none`."""
    now, lines = account.now_for(subscription), []
    for item in subscription["items"]["data"]:
        since = item["current_period_start"] if credit_from == "item_current_period_start" else now
        if credit_from != "none" and subscription["status"] != "trialing":
            lines += proration_lines(account, item, item["price"], item["quantity"], since, credit_only=True)
    subscription["_credited"] = bool(lines)
    invoice = _invoice_now(account, subscription, lines) if lines and invoice_now else None
    if invoice is None:
        subscription["_pending_lines"] += lines
    pausing.pause(account, subscription, "pause_requested")
    if invoice is not None:
        _issue(account, invoice)


def preview(account: Account, subscription: Json, details: Params) -> Json:
    """Return the next invoice as it would be after a change of items; nothing is kept."""
    draft = rendered(subscription) | {"_pending_lines": list(subscription["_pending_lines"])}
    immediate = _apply_items(account, draft, details)
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
