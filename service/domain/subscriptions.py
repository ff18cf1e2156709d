"""One Stripe subscription's worth: what it opens, until when, by the status Stripe gave it.

Stripe's statuses, and why `current_period_end` is no proof of payment, are described at
https://docs.stripe.com/billing/subscriptions/overview; an unpaid subscription's period has already rolled on, so
grace is counted from the last *paid* invoice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from service.domain.vocabulary import Entitlement, GrantKind, Policy, Status
from webhooks.snapshot import InvoiceFacts, SubscriptionFacts

_GIVEN_UP = frozenset({"uncollectible", "void"})


@dataclass(frozen=True)
class _Facts:
    """A subscription, with what its invoices prove and how fresh the look at Stripe is."""

    subscription: SubscriptionFacts
    paid_through: datetime | None
    given_up: bool
    fetched_at: datetime
    policy: Policy

    @property
    def covered_until(self) -> datetime | None:
        """Return the end of what was paid for or given as a trial, whichever is later; it never rolls on by itself."""
        return max(filter(None, (self.paid_through, self.subscription.trial_end_at)), default=None)


def judge(
    subscription: SubscriptionFacts,
    invoices: Sequence[InvoiceFacts],
    fetched_at: datetime,
    policy: Policy,
    now: datetime,
) -> Entitlement:
    """Return what this subscription (of one of our plans) gives at `now`; cause None when it gives nothing."""
    paid_through, given_up = _paid_through(subscription, invoices), _is_given_up(subscription, invoices)
    facts = _Facts(subscription, paid_through, given_up, fetched_at, policy)
    verdict = _RULES.get(subscription.status, _unknown)(facts)
    if verdict.cause is None or verdict.grants_at(now):
        return verdict
    status = Status.PAUSED if verdict.rule == "collection_paused" else Status.ENDED
    return replace(verdict, status=status, cause=None, features=(), renews=False)


def _paid_through(subscription: SubscriptionFacts, invoices: Sequence[InvoiceFacts]) -> datetime | None:
    """Return the end of the paid period that began last: who left a yearly plan has not paid for the rest of the year.

    An invoice of nothing counts as paid (a full discount, or a balance in the customer's favour) unless it opened
    the trial: Stripe "pays" a trial's $0 invoice at once, for the whole trial.
    """
    paid = (
        (invoice.period_start_at or invoice.created_at, invoice.period_end_at)
        for invoice in invoices
        if invoice.subscription_id == subscription.id and invoice.status == "paid" and invoice.period_end_at is not None
        if invoice.amount_paid_minor > 0 or not _of_the_trial(invoice, subscription)
    )
    return max(paid, default=(None, None))[1]


def _is_given_up(subscription: SubscriptionFacts, invoices: Sequence[InvoiceFacts]) -> bool:
    """Tell whether the running period was last asked for by an invoice that failed, and that staff then gave up.

    Only what was tried and not paid counts: a bill of nothing, or one that Stripe closed by itself because collection
    was paused when it came, is no debt that anybody failed to pay.
    """
    asked = [each for each in invoices if _asks_for_running_period(each, subscription)]
    newest = max(asked, key=lambda each: (each.created_at, each.id), default=None)
    if newest is None or newest.status not in _GIVEN_UP:
        return False
    return newest.amount_due_minor > 0 and newest.amount_paid_minor == 0 and newest.attempt_count > 0


def _asks_for_running_period(invoice: InvoiceFacts, subscription: SubscriptionFacts) -> bool:
    """Tell whether the invoice is final, and sells time that begins in the period which Stripe says is running.

    One of an earlier period may end later: of a change to a yearly plan that was never paid, and so never made.
    """
    running, sold = subscription.period_start_at, invoice.period_start_at
    is_own = invoice.subscription_id == subscription.id and invoice.status != "draft"
    return is_own and running is not None and sold is not None and sold >= running


def _of_the_trial(invoice: InvoiceFacts, subscription: SubscriptionFacts) -> bool:
    """Tell whether the invoice's period began in the trial: its start, for a trial may be cut short afterwards."""
    if subscription.trial_end_at is None:
        return False
    return invoice.period_start_at is None or invoice.period_start_at < subscription.trial_end_at


def _trialing(facts: _Facts) -> Entitlement:
    ends = facts.subscription.trial_end_at or facts.subscription.period_end_at
    running = _granted(
        facts, Status.TRIALING, GrantKind.TRIAL, until=ends, rule="trialing",
        horizon=_after_silence(ends, facts.policy.renewal_slack, facts.fetched_at), renews=True,
    )  # fmt: skip
    return _unless_cancelled(_unless_unbilled(running, facts), facts)


def _active(facts: _Facts) -> Entitlement:
    ends = facts.subscription.period_end_at
    running = _granted(
        facts, Status.ACTIVE, GrantKind.SUBSCRIPTION, until=ends, rule="active",
        horizon=_after_silence(ends, facts.policy.grace_renewal, facts.fetched_at), renews=True,
    )  # fmt: skip
    return _unless_cancelled(_unless_given_up(_unless_unbilled(running, facts), facts), facts)


def _past_due(facts: _Facts) -> Entitlement:
    """Grace: from what was paid, or from the end of the trial (or the very start) when nothing ever was."""
    covered = facts.covered_until or facts.subscription.created_at
    renewal = facts.paid_through is not None
    ends = covered + (facts.policy.grace_renewal if renewal else facts.policy.grace_first_payment)
    rule = "past_due_renewal" if renewal else "past_due_first_payment"
    grace = _granted(facts, Status.GRACE, GrantKind.GRACE, until=ends, horizon=ends, renews=False, rule=rule)
    cancelled_at = _cancelled_at(facts.subscription)
    return grace if cancelled_at is None else _ending(grace, cancelled_at)


def _paused(facts: _Facts) -> Entitlement:
    return _denied(facts, Status.PAUSED, "paused")


def _over(facts: _Facts) -> Entitlement:
    """Nothing: `ended` for those who once had access, `none` for a first payment that never succeeded."""
    status = Status.NONE if facts.covered_until is None else Status.ENDED
    return _denied(facts, status, facts.subscription.status)


def _unknown(facts: _Facts) -> Entitlement:
    """A status newer than this code: what was paid for stays open, nothing is added."""
    ends = facts.paid_through
    if ends is None:
        return _denied(facts, Status.NONE if facts.covered_until is None else Status.ENDED, "unknown_status")
    return _granted(
        facts, Status.ACTIVE, GrantKind.SUBSCRIPTION, until=ends, horizon=ends, renews=False, rule="unknown_status"
    )


def is_known(status: str) -> bool:
    """Tell whether there is a rule for a subscription of this status."""
    return status in _RULES


_RULES: Mapping[str, Callable[[_Facts], Entitlement]] = {
    "trialing": _trialing,
    "active": _active,
    "past_due": _past_due,
    "paused": _paused,
    "canceled": _over,
    "unpaid": _over,
    "incomplete": _over,
    "incomplete_expired": _over,
}


def _after_silence(boundary: datetime | None, slack: timedelta, fetched_at: datetime) -> datetime | None:
    """Return when a subscription that should renew at `boundary` stops opening articles.

    Seen before its boundary, never: silence refuses no payer, only a later look can. Seen after it and still not
    renewed, Stripe is late, and gets `slack`.
    """
    return None if boundary is None or fetched_at < boundary else boundary + slack


def _unless_unbilled(running: Entitlement, facts: _Facts) -> Entitlement:
    """Apply `pause_collection`, by what Stripe says each behaviour is for (docs: /billing/subscriptions/pause-payment).

    `void`: the service is not provided for now, so access ends with what is covered. `keep_as_draft` (billed later)
    and `mark_uncollectible` (offered free) leave access as it is.
    """
    if facts.subscription.pause_behavior != "void":
        return running
    if facts.covered_until is None:
        return _denied(facts, Status.PAUSED, "collection_paused")
    return replace(_ending(running, facts.covered_until), rule="collection_paused")


def _unless_given_up(running: Entitlement, facts: _Facts) -> Entitlement:
    """Apply that `active` is not paid: Stripe calls a subscription so again when its failed invoice is given up.

    Access then ends with what is covered, for the grace of that invoice is over. What reaches to the period's end all
    the same was paid for by another invoice; while collection is paused, that says what access is.
    """
    ends, covered = facts.subscription.period_end_at, facts.covered_until
    if not facts.given_up or facts.subscription.pause_behavior is not None:
        return running
    if covered is None:
        return _denied(facts, Status.NONE, "invoice_given_up")
    if ends is not None and covered >= ends:
        return running
    return replace(_ending(running, covered), rule="invoice_given_up")


def _unless_cancelled(running: Entitlement, facts: _Facts) -> Entitlement:
    cancelled_at = _cancelled_at(facts.subscription)
    if cancelled_at is None or running.cause is None:
        return running
    return replace(_ending(running, cancelled_at), status=Status.CANCELLING, rule="cancelling")


def _cancelled_at(subscription: SubscriptionFacts) -> datetime | None:
    """Return when a cancellation already asked for takes effect: Stripe sets an instant, or only the boolean."""
    period_end_at = subscription.period_end_at if subscription.cancel_at_period_end else None
    return min(filter(None, (subscription.cancel_at, period_end_at)), default=None)


def _ending(running: Entitlement, at: datetime) -> Entitlement:
    """Return `running`, ended at `at` unless it ends sooner."""
    ends = at if running.horizon is None else min(at, running.horizon)
    return replace(running, until=ends, horizon=ends, renews=False)


def _granted(
    facts: _Facts, status: Status, cause: GrantKind, *, until: datetime | None, horizon: datetime | None,
    renews: bool, rule: str,
) -> Entitlement:  # fmt: skip
    plan = facts.subscription.plan
    return Entitlement(
        status=status, cause=cause, plan=plan, features=facts.policy.features_of(plan), until=until, horizon=horizon,
        renews=renews, subscription_id=facts.subscription.id, rule=rule,
    )  # fmt: skip


def _denied(facts: _Facts, status: Status, rule: str) -> Entitlement:
    return Entitlement(
        status=status, cause=None, plan=facts.subscription.plan, features=(), until=facts.subscription.ended_at,
        horizon=None, renews=False, subscription_id=facts.subscription.id, rule=rule,
    )  # fmt: skip
