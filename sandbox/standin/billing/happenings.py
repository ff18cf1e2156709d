"""What an object's own time will bring next. Pure: the same object always says the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.standin.billing.policy import BillingPolicy
from sandbox.standin.calendar import DAY_SECONDS
from sandbox.standin.store import Json

RENEWING = ("trialing", "active", "past_due", "unpaid")


@dataclass(frozen=True, order=True)
class Happening:
    """Something due at a Unix second; of two at the same second the lower rank comes first."""

    at: int
    rank: int
    name: str


def next_happening(item: Json, policy: BillingPolicy) -> Happening | None:
    """Return what is due next for one object; None for nothing."""
    source = _SOURCES.get(item["object"])
    return min(source(item, policy), default=None) if source else None


def _of_session(session: Json, _policy: BillingPolicy) -> Iterator[Happening]:
    if session["status"] == "open":
        yield Happening(session["expires_at"], 0, "expire_session")


def _of_refund(refund: Json, _policy: BillingPolicy) -> Iterator[Happening]:
    if refund.get("_settles_at") is not None:
        yield Happening(refund["_settles_at"], 1, "settle_refund")


def _of_invoice(invoice: Json, _policy: BillingPolicy) -> Iterator[Happening]:
    if not invoice["auto_advance"]:
        return
    if invoice["status"] == "draft" and invoice["automatically_finalizes_at"] is not None:
        yield Happening(invoice["automatically_finalizes_at"], 1, "finalize")
    if invoice["status"] == "open" and invoice["next_payment_attempt"] is not None:
        yield Happening(invoice["next_payment_attempt"], 1, "retry")


def _of_subscription(subscription: Json, policy: BillingPolicy) -> Iterator[Happening]:
    status = subscription["status"]
    if status in ("canceled", "incomplete_expired"):
        return
    if subscription["cancel_at"] is not None:
        yield Happening(subscription["cancel_at"], 0, "end")
    if status == "incomplete" and not subscription.get("_processing"):
        yield Happening(subscription["created"] + policy.incomplete_expires_after_seconds, 1, "give_up")
    if status == "paused" and subscription.get("_resumption"):
        yield Happening(subscription["_resumes_by"], 1, "give_up_resumption")
    if subscription["pending_update"]:
        yield Happening(subscription["pending_update"]["expires_at"], 1, "expire_update")
    pause = subscription["pause_collection"]
    if pause and pause["resumes_at"]:
        yield Happening(pause["resumes_at"], 1, "resume_collection")
    if status in RENEWING:
        yield from _of_renewal(subscription, policy)


def _of_renewal(subscription: Json, policy: BillingPolicy) -> Iterator[Happening]:
    boundary = period_end(subscription)
    yield Happening(boundary, 2, "roll")
    if subscription["status"] == "trialing" and subscription["_trial_notice_for"] != boundary:
        yield Happening(boundary - policy.trial_notice_days * DAY_SECONDS, 3, "trial_notice")
    ends_first = subscription["cancel_at"] is not None and subscription["cancel_at"] <= boundary
    if not ends_first and subscription["_upcoming_for"] != boundary:
        lead = boundary - policy.upcoming_days * DAY_SECONDS
        yield Happening(max(lead, subscription["items"]["data"][0]["current_period_start"]), 4, "upcoming")


_SOURCES: dict[str, Callable[[Json, BillingPolicy], Iterator[Happening]]] = {
    "subscription": _of_subscription,
    "invoice": _of_invoice,
    "checkout.session": _of_session,
    "refund": _of_refund,
}
KINDS = tuple(_SOURCES)
"""The objects that have a time of their own."""


def period_end(subscription: Json) -> int:
    """Return when the current period of the first item ends."""
    end: int = subscription["items"]["data"][0]["current_period_end"]
    return end
