"""A second opinion on access: what Stripe's own objects say, read by somebody who has never seen the service's rules.

Written from the documentation of Stripe's statuses (https://docs.stripe.com/billing/subscriptions/overview), from the
contract's words for a reader's status, and from the publication's terms in plans.yaml. It works on Stripe's raw JSON,
in Unix seconds, and shares no code with what it judges; an import contract sees to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]
DAY = 86_400
FOREVER = float("inf")
TRIAL_SLACK = 2 * 3_600
"""A trial whose end has been seen pass without a change at Stripe is believed this much longer."""
BACK = ("pending", "requires_action", "succeeded")
"""Refunds in these states have taken the money away; failed and canceled ones have not."""


@dataclass(frozen=True)
class Terms:
    """What plans.yaml promises: grace in seconds, whether a whole refund ends access, and how many seconds a fraud
    warning may hold it."""

    renewal_grace: int
    first_grace: int
    refund_ends: bool
    warning_holds: int = 120 * DAY


def terms_of(plans_file: Path) -> Terms:
    """Read the publication's terms, with its documented defaults."""
    offer = yaml.safe_load(plans_file.read_text())
    grace, refund = offer.get("grace") or {}, offer.get("refund") or {}
    return Terms(
        renewal_grace=grace.get("renewal_days", 7) * DAY,
        first_grace=grace.get("first_payment_days", 0) * DAY,
        refund_ends=refund.get("on_full_refund", "end_access") == "end_access",
        warning_holds=(offer.get("fraud") or {}).get("hold_days", 120) * DAY,
    )


@dataclass(frozen=True)
class Truth:
    """One customer's objects as they stand at Stripe, raw; each list oldest first."""

    customer: Json
    subscriptions: Sequence[Json]
    invoices: Sequence[Json]
    charges: Sequence[Json]
    invoice_payments: Sequence[Json]
    refunds: Sequence[Json]
    disputes: Sequence[Json]
    warnings: Sequence[Json]


@dataclass(frozen=True)
class Courtesy:
    """Access that staff gave, in seconds: from, until, and when they took it back."""

    begins: float
    until: float
    revoked: float = FOREVER

    def is_open(self, now: float) -> bool:
        return self.begins <= now < min(self.until, self.revoked)


@dataclass(frozen=True)
class Staff:
    """What staff have decided about one reader: what they gave, and the ids at Stripe of what is to close nothing."""

    given: Sequence[Courtesy] = ()
    released: frozenset[str] = frozenset()


SILENT = Staff()


@dataclass(frozen=True)
class Opinion:
    """Whether articles open, in the contract's words. `ends` is the second at which it stops unless Stripe is asked
    again (None: it is not known to stop)."""

    granted: bool
    status: str
    cause: str | None = None
    plan: str | None = None
    ends: float | None = None


NOBODY = Opinion(granted=False, status="none")


def opinion(truth: Truth | None, seen_at: float, now: float, terms: Terms, staff: Staff = SILENT) -> Opinion:
    """Return what somebody knows at `now` who looked at Stripe at `seen_at` and saw `truth`, and knows staff's word.

    What was sold speaks first; what was given opens when nothing that was sold does.
    """
    sold = _sold(truth, seen_at, now, terms, staff.released)
    given = [each.until for each in staff.given if each.is_open(now)]
    if sold.granted or not given:
        return sold
    return Opinion(granted=True, status="courtesy", cause="courtesy", ends=max(given))


def _sold(truth: Truth | None, seen_at: float, now: float, terms: Terms, released: frozenset[str]) -> Opinion:
    if truth is None:
        return NOBODY
    sold = [each for each in truth.subscriptions if plan_of(each)]
    if not sold:
        return NOBODY
    if truth.customer.get("deleted"):
        return Opinion(granted=False, status="ended")
    money = _Money(truth, seen_at, terms, released)
    return max((_one(each, money, seen_at, now, terms) for each in sold), key=_worth)


def plan_of(subscription: Json) -> str | None:
    """Return the plan of ours that a subscription sells, or None."""
    plans = (each["price"]["metadata"].get("newsstand_plan") for each in subscription["items"]["data"])
    return next(filter(None, plans), None)


class _Money:
    """Which payments still stand, and what hangs over the others.

    What staff released closes nothing while it is what it was: a dispute until it is lost, a warning, and the refund
    that took the last of a payment. The money is gone all the same.
    """

    def __init__(self, truth: Truth, seen_at: float, terms: Terms, released: frozenset[str]) -> None:
        self._truth = truth
        self._released = released
        sold = {each["id"] for each in truth.subscriptions if plan_of(each)}
        self._invoices = [each for each in truth.invoices if _subscription_of(each) in sold]
        lost, emptied = self._lost_in_dispute(), self._emptied() if terms.refund_ends else {}
        self.gone = self._invoices_of({*lost, *emptied})
        pardoned = {charge for charge, refund in emptied.items() if refund in released}
        self._taken = self._invoices_of({*lost, *(emptied.keys() - pardoned)})
        self.frozen = self._is_disputed() or self._is_suspected(seen_at, terms)

    def paid_until(self, subscription: Json) -> int | None:
        """Return the end of what the latest standing payment bought."""
        until = None
        for each in self._invoices:
            is_own = _subscription_of(each) == subscription["id"] and each["id"] not in self.gone
            if is_own and _buys(each, subscription) and (period := _bought(each)) is not None:
                until = period[1]
        return until

    def was_let_off(self, subscription: Json) -> bool:
        """Tell whether the last bill for this period was presented in vain and then struck off by the publisher.

        While collection is paused, bills are struck off without having been presented.
        """
        since = _period(subscription)[0]
        own = [each for each in self._invoices if _subscription_of(each) == subscription["id"]]
        bills = [each for each in own if each["status"] != "draft" and (_bought(each) or (-1, 0))[0] >= since]
        if not bills or subscription["pause_collection"]:
            return False
        last = bills[-1]
        struck_off = last["status"] in ("void", "uncollectible") and last["attempt_count"] > 0
        return struck_off and last["amount_due"] > 0 and not last["amount_paid"]

    def is_taken_back(self, subscription: Json) -> bool:
        """Tell whether money was taken back, and no other payment since carries the subscription."""
        own = [each for each in self._invoices if _subscription_of(each) == subscription["id"]]
        lost = [each for each in own if each["id"] in self._taken]
        carrying = [each for each in own if each["id"] not in self.gone and each["status"] == "paid"]
        return any(not any(_carries(other, each) for other in carrying) for each in lost)

    def _lost_in_dispute(self) -> set[str]:
        return {each["charge"] for each in self._truth.disputes if each["status"] == "lost"}

    def _emptied(self) -> dict[str, str]:
        """Return of each charge of which nothing is left the refund that took the last of it."""
        emptied, left = {}, {each["id"]: each["amount"] for each in self._truth.charges}
        for refund in self._truth.refunds:
            charge = refund["charge"]
            if refund["status"] in BACK and charge not in emptied:
                left[charge] -= refund["amount"]
                if left[charge] <= 0:
                    emptied[charge] = refund["id"]
        return emptied

    def _invoices_of(self, charges: set[str]) -> set[str]:
        return {invoice for charge in charges if (invoice := self._invoice_of(charge))}

    def _is_disputed(self) -> bool:
        """Tell whether a bank has yet to decide about a payment for a plan of ours, and staff do not vouch for it."""
        ours = {each["id"] for each in self._invoices}
        doubted = [each for each in self._open_disputes() if each["id"] not in self._released]
        return any(self._invoice_of(each["charge"]) in ours for each in doubted)

    def _is_suspected(self, seen_at: float, terms: Terms) -> bool:
        """Tell whether an issuer's warning still counts: fresh enough, and nothing good was paid since it came."""
        unanswered = [each for each in self._standing_warnings() if each["id"] not in self._released]
        fresh = [each for each in unanswered if seen_at < each["created"] + terms.warning_holds]
        by_id = {each["id"]: each for each in self._invoices}
        accused = [(by_id.get(self._invoice_of(each["charge"]) or ""), each["created"]) for each in fresh]
        return any(invoice and not self._was_paid_since(invoice, told) for invoice, told in accused)

    def _was_paid_since(self, accused: Json, told: int) -> bool:
        doubtful = {self._invoice_of(each["charge"]) for each in self._standing_warnings()}
        doubtful |= {self._invoice_of(each["charge"]) for each in self._open_disputes()} | self.gone
        return any(
            _subscription_of(each) == _subscription_of(accused) and each["amount_paid"] and _paid_at(each) > told
            for each in self._invoices
            if each["status"] == "paid" and each["id"] not in doubtful
        )

    def _open_disputes(self) -> list[Json]:
        return [each for each in self._truth.disputes if _is_open(each["status"])]

    def _standing_warnings(self) -> list[Json]:
        return [each for each in self._truth.warnings if each["actionable"]]

    def _invoice_of(self, charge_id: str) -> str | None:
        intent = next((each["payment_intent"] for each in self._truth.charges if each["id"] == charge_id), None)
        paying = (each for each in self._truth.invoice_payments if each["payment"]["payment_intent"] == intent)
        return next((each["invoice"] for each in paying), None) if intent else None


def _is_open(status: str) -> bool:
    return not status.startswith("warning_") and status not in ("won", "lost", "prevented")


def _subscription_of(invoice: Json) -> str | None:
    parent = invoice["parent"] or {}
    found: str | None = (parent.get("subscription_details") or {}).get("subscription")
    return found


def _bought(invoice: Json) -> tuple[int, int] | None:
    """Return the stretch of time that an invoice sells: of its lines that cost something or are free, the longest."""
    sold = [each["period"] for each in invoice["lines"]["data"] if each["amount"] >= 0]
    return max(((each["start"], each["end"]) for each in sold), key=lambda each: each[1], default=None)


def _buys(invoice: Json, subscription: Json) -> bool:
    """Tell whether an invoice is a payment: paid, for some time, and not the free one that opens a trial."""
    period = _bought(invoice)
    if invoice["status"] != "paid" or period is None:
        return False
    return bool(invoice["amount_paid"]) or subscription["trial_end"] is None or period[0] >= subscription["trial_end"]


def _carries(other: Json, lost: Json) -> bool:
    later = _paid_at(other) > _paid_at(lost)
    period, gone = _bought(other), _bought(lost)
    reaches = period is not None and (gone is None or period[1] >= gone[1])
    return bool(other["amount_paid"]) and period is not None and (later or reaches)


def _paid_at(invoice: Json) -> int:
    at: int = invoice["status_transitions"]["paid_at"] or invoice["created"]
    return at


def _one(subscription: Json, money: _Money, seen_at: float, now: float, terms: Terms) -> Opinion:
    """Return what one subscription is worth."""
    found = _by_status(subscription, money, seen_at, now, terms)
    if found.granted and (money.frozen or money.is_taken_back(subscription)):
        return Opinion(granted=False, status="held", plan=found.plan, ends=found.ends)
    return found


def _by_status(subscription: Json, money: _Money, seen_at: float, now: float, terms: Terms) -> Opinion:
    status, plan = subscription["status"], plan_of(subscription)
    paid = money.paid_until(subscription)
    trial = subscription["trial_end"]
    covered = max(filter(None, (paid, trial)), default=None)
    if status == "paused":
        return Opinion(granted=False, status="paused", plan=plan)
    if status == "past_due":
        return _dunning(subscription, paid, trial, now, terms)
    if status not in ("trialing", "active"):
        return Opinion(granted=False, status="ended" if covered else "none", plan=plan)
    if status == "trialing":
        words, boundary, slack = ("trialing", "trial"), trial, TRIAL_SLACK
    else:
        words, boundary, slack = ("active", "subscription"), _period_end(subscription), terms.renewal_grace
    ends = FOREVER if seen_at < boundary else boundary + slack
    if status == "active" and money.was_let_off(subscription) and (covered or 0) < boundary:
        if not covered:
            return Opinion(granted=False, status="none", plan=plan)
        ends = min(ends, covered)
    return _running(subscription, words, ends, covered, now)


def _running(subscription: Json, words: tuple[str, str], ends: float, covered: int | None, now: float) -> Opinion:
    """Return the opinion of a subscription that runs: unless it is not billed, or leaves, until `ends`."""
    plan, (status, cause), refused_as = plan_of(subscription), words, "ended"
    if (subscription["pause_collection"] or {}).get("behavior") == "void":
        if covered is None:
            return Opinion(granted=False, status="paused", plan=plan)
        ends, refused_as = min(ends, covered), "paused"
    leaves = leaving_at(subscription)
    if leaves is not None:
        ends, status, refused_as = min(ends, leaves), "cancelling", "ended"
    if now >= ends:
        return Opinion(granted=False, status=refused_as, plan=plan)
    return Opinion(granted=True, status=status, cause=cause, plan=plan, ends=None if ends == FOREVER else ends)


def _dunning(subscription: Json, paid: int | None, trial: int | None, now: float, terms: Terms) -> Opinion:
    """A payment has failed: grace, counted from what was last covered, and never beyond a cancellation."""
    since = max(filter(None, (paid, trial)), default=subscription["created"])
    ends = since + (terms.first_grace if paid is None else terms.renewal_grace)
    leaves = leaving_at(subscription)
    ends = ends if leaves is None else min(ends, leaves)
    plan = plan_of(subscription)
    if now >= ends:
        return Opinion(granted=False, status="ended", plan=plan)
    return Opinion(granted=True, status="grace", cause="grace", plan=plan, ends=ends)


def leaving_at(subscription: Json) -> int | None:
    """Return when a cancellation that was asked for takes effect; the portal and the API say it differently."""
    said = [subscription["cancel_at"], _period_end(subscription) if subscription["cancel_at_period_end"] else None]
    return min(filter(None, said), default=None)


def _period_end(subscription: Json) -> int:
    return _period(subscription)[1]


def _period(subscription: Json) -> tuple[int, int]:
    ours = [each for each in subscription["items"]["data"] if each["price"]["metadata"].get("newsstand_plan")]
    return ours[0]["current_period_start"], ours[0]["current_period_end"]


def _worth(found: Opinion) -> tuple[bool, int, float]:
    """Order opinions: what opens articles first, paid before free before grace, then what lasts longest."""
    causes, refusals = ("grace", "trial", "subscription"), ("none", "ended", "paused", "held")
    rank = causes.index(found.cause) if found.cause else refusals.index(found.status)
    return found.granted, rank, FOREVER if found.ends is None else found.ends


def live_subscriptions(subscriptions: Iterable[Json]) -> list[str]:
    """Return the ids of those that are running or could be charged: a reader has one at most."""
    return [
        each["id"] for each in subscriptions if each["status"] not in ("canceled", "incomplete_expired", "incomplete")
    ]
