"""What happens to a subscription by itself: notices, trial end, renewals, retries, the end."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.standin.account import Account
from sandbox.standin.billing import cardholders, collecting, discounting, ending, invoicing, pausing, pending, refunding
from sandbox.standin.billing.happenings import next_happening, period_end
from sandbox.standin.billing.prorating import period_lines
from sandbox.standin.calendar import Period, next_boundary
from sandbox.standin.store import Json, Key, rendered


def perform(account: Account, key: Key) -> None:
    """Let what is due next for one object happen. The clock already stands at that instant."""
    item = account.find(*key)
    happening = next_happening(item, account.policy)
    if happening is not None:
        _HAPPENINGS[happening.name](account, item)


def _give_up(account: Account, subscription: Json) -> None:
    """An incomplete first payment expires after 23 hours, and its invoice with it."""
    collecting.void(account, account.find("invoice", subscription["latest_invoice"]))


def _give_up_resumption(account: Account, subscription: Json) -> None:
    """A resumption that nobody paid in time is void, and the subscription stays paused."""
    collecting.void(account, account.find("invoice", subscription["_resumption"]))


def _resume_collection(account: Account, subscription: Json) -> None:
    before = rendered(subscription)
    subscription["pause_collection"] = None
    account.emit_update("customer.subscription.updated", subscription, before)


def _trial_notice(account: Account, subscription: Json) -> None:
    subscription["_trial_notice_for"] = period_end(subscription)
    account.emit("customer.subscription.trial_will_end", subscription)


def _upcoming(account: Account, subscription: Json) -> None:
    """Announce the next invoice. As at Stripe, it has no id yet."""
    subscription["_upcoming_for"] = period_end(subscription)
    lines = next_lines(account, subscription)
    if not lines:
        return
    invoice = invoicing.preview(account, subscription, lines, "upcoming")
    del invoice["id"]
    invoice["lines"]["data"] = [{**line, "invoice": None} for line in invoice["lines"]["data"]]
    account.emit("invoice.upcoming", invoice)


def next_period(subscription: Json, item: Json) -> Period:
    """Return the period after the item's current one, counted from the subscription's anchor."""
    recurring, start = item["price"]["recurring"], item["current_period_end"]
    anchor = subscription["billing_cycle_anchor"]
    return start, next_boundary(anchor, start, recurring["interval"], recurring["interval_count"])


def next_lines(account: Account, subscription: Json) -> list[Json]:
    """Return the lines of the invoice for the next period, prorations that wait for it first."""
    periods = [next_period(subscription, item) for item in subscription["items"]["data"]]
    return [*subscription["_pending_lines"], *period_lines(account, subscription, periods)]


def _roll(account: Account, subscription: Json) -> None:
    """A period ends and the next one begins: the end of a trial, or a renewal."""
    if subscription["status"] == "trialing" and cardholders.method_for(account, subscription) is None:
        missing = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
        if missing == "cancel":
            collecting.end(account, subscription, reason=None)
            return
        if missing == "pause":
            pausing.pause(account, subscription, "trial_end_without_payment_method")
            return
    _renew(account, subscription)


def _renew(account: Account, subscription: Json) -> None:
    before = rendered(subscription)
    discounting.drop_ended(account, subscription)
    first = subscription["items"]["data"][0]
    past = (first["current_period_start"], first["current_period_end"])
    lines = next_lines(account, subscription)
    for item in subscription["items"]["data"]:
        item["current_period_start"], item["current_period_end"] = next_period(subscription, item)
    subscription["_pending_lines"] = []
    invoice = invoicing.draft(account, subscription, lines, "subscription_cycle", past) if lines else None
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    account.emit_update("customer.subscription.updated", subscription, before)
    if invoice is not None:
        _plan_collection(account, subscription, invoice)
        account.emit("invoice.created", invoice)


def _plan_collection(account: Account, subscription: Json, invoice: Json) -> None:
    paused = subscription["pause_collection"]
    if subscription["status"] == "unpaid" or (paused and paused["behavior"] == "keep_as_draft"):
        invoice["auto_advance"] = False
    else:
        finalizes_at = account.now_for(subscription) + account.policy.finalize_after_seconds
        invoice["automatically_finalizes_at"] = invoice["next_payment_attempt"] = finalizes_at


def _finalize(account: Account, invoice: Json) -> None:
    subscription = account.store.get("subscription", invoice["_subscription"] or "") or {}
    invoice["next_payment_attempt"] = None
    invoicing.finalize(account, invoice)
    behavior = (subscription.get("pause_collection") or {}).get("behavior")
    if behavior == "void":
        collecting.void(account, invoice)
    elif behavior == "mark_uncollectible":
        collecting.mark_uncollectible(account, invoice)
    else:
        collecting.collect(account, invoice)


def _retry(account: Account, invoice: Json) -> None:
    collecting.collect(account, invoice)


def _expire_session(account: Account, session: Json) -> None:
    expire_session(account, session)


def expire_session(account: Account, session: Json) -> None:
    """Close an open checkout session for good."""
    session["status"], session["url"] = "expired", None
    account.emit("checkout.session.expired", session)


_HAPPENINGS: dict[str, Callable[[Account, Json], None]] = {
    "end": ending.end_as_scheduled,
    "give_up": _give_up,
    "give_up_resumption": _give_up_resumption,
    "resume_collection": _resume_collection,
    "trial_notice": _trial_notice,
    "upcoming": _upcoming,
    "roll": _roll,
    "finalize": _finalize,
    "retry": _retry,
    "expire_update": pending.expire,
    "settle_refund": refunding.settle,
    "expire_session": _expire_session,
}
