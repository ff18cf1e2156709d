"""Who has access, status by status, as shared between the live answer, support and the replay."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.domain.entitlement import (
    Entitlement,
    Grant,
    GrantKind,
    Hold,
    Policy,
    Status,
    entitlement_from,
    entitlement_from_json,
    entitlement_to_json,
)

HOUR = 1 / 24


def _find(policy: Policy, snapshot, now, holds=(), grants=()) -> Entitlement:
    return entitlement_from(snapshot, holds, grants, policy, now)


class TestTrialing:
    def test_a_trial_opens_every_feature_until_its_end(self, facts, policy):
        """A trial grants with cause trial; people are told its end, and that it goes on."""
        found = _find(policy, facts.snapshot(facts.trial()), facts.at(10))
        assert (found.status, found.cause, found.until) == (Status.TRIALING, GrantKind.TRIAL, facts.at(30))
        assert found.renews
        assert found.features == policy.features_of("monthly")

    def test_silence_after_the_trial_refuses_nobody(self, facts, policy):
        """Without a look at Stripe since the trial's end, access goes on: the charge may well have succeeded."""
        seen_before = facts.snapshot(facts.trial(), fetched=29)
        assert _find(policy, seen_before, facts.at(30)).grants_at(facts.at(90))

    def test_a_trial_seen_after_its_end_has_two_hours(self, facts, policy):
        """A look after the end that still says `trialing` is Stripe being late: two hours, and no more."""
        seen_after = facts.snapshot(facts.trial(), fetched=30 + 0.1 * HOUR)
        assert _find(policy, seen_after, facts.at(30 + 1.9 * HOUR)).cause is GrantKind.TRIAL
        assert _find(policy, seen_after, facts.at(30 + 2 * HOUR)).cause is None

    def test_a_look_at_the_very_end_counts_as_after_it(self, facts, policy):
        """Stripe asked in the instant of the boundary has answered for it; a microsecond before, it has not."""
        at_the_end = replace(facts.snapshot(facts.trial()), fetched_at=facts.at(30))
        just_before = replace(at_the_end, fetched_at=facts.at(30) - timedelta(microseconds=1))
        assert _find(policy, at_the_end, facts.at(30)).horizon == facts.at(30 + 2 * HOUR)
        assert _find(policy, just_before, facts.at(30)).horizon is None

    def test_a_trial_without_an_end_of_its_own_ends_with_its_period(self, facts, policy):
        """Where Stripe gives no `trial_end`, the item's period says when."""
        assert _find(policy, facts.snapshot(facts.trial(trial_end_at=None)), facts.at(1)).until == facts.at(30)

    def test_an_earlier_cancellation_ends_a_trial(self, facts, policy):
        """A trial cancelled for day 20 ends on day 20, to the instant."""
        found = _find(policy, facts.snapshot(facts.trial(cancel_at=facts.at(20))), facts.at(5))
        assert (found.status, found.cause, found.until) == (Status.CANCELLING, GrantKind.TRIAL, facts.at(20))
        assert found.grants_at(facts.at(20) - timedelta(microseconds=1))
        assert not found.grants_at(facts.at(20))


class TestActive:
    def test_an_active_subscription_survives_silence(self, facts, policy):
        """A renewing subscription seen before its period's end has no horizon."""
        found = _find(policy, facts.snapshot(facts.subscription()), facts.at(10))
        assert (found.status, found.cause, found.horizon) == (Status.ACTIVE, GrantKind.SUBSCRIPTION, None)
        assert (found.until, found.renews) == (facts.at(30), True)

    def test_a_period_seen_over_gets_the_renewal_grace(self, facts, policy):
        """A look after the period's end that shows no renewal leaves the renewal grace."""
        found = _find(policy, facts.snapshot(facts.subscription(), fetched=31), facts.at(31))
        assert found.horizon == facts.at(37)
        over = _find(policy, facts.snapshot(facts.subscription(), fetched=31), facts.at(37))
        assert (over.status, over.renews) == (Status.ENDED, False)

    @pytest.mark.parametrize("shape", ["instant", "boolean"])
    def test_cancelling_ends_at_the_periods_end_in_either_shape(self, facts, policy, shape):
        """`cancel_at` and `cancel_at_period_end` mean the same; access ends though `deleted` never arrives."""
        change = {"cancel_at": facts.at(30)} if shape == "instant" else {"cancel_at_period_end": True}
        found = _find(policy, facts.snapshot(facts.subscription(**change)), facts.at(10))
        assert (found.status, found.until, found.horizon) == (Status.CANCELLING, facts.at(30), facts.at(30))
        assert not found.renews
        assert _find(policy, facts.snapshot(facts.subscription(**change)), facts.at(30)).status is Status.ENDED

    def test_the_earlier_of_two_cancellations_wins(self, facts, policy):
        """With both shapes set, the earlier instant ends access, whichever it is."""
        early = facts.subscription(cancel_at=facts.at(12), cancel_at_period_end=True)
        late = facts.subscription(cancel_at=facts.at(45), cancel_at_period_end=True)
        assert _find(policy, facts.snapshot(early), facts.at(1)).horizon == facts.at(12)
        assert _find(policy, facts.snapshot(late), facts.at(1)).horizon == facts.at(30)

    def test_billing_paused_as_void_ends_with_what_was_paid(self, facts, policy):
        """`pause_collection` with `void` gives nothing beyond the paid period, and is called paused afterwards."""
        paused = facts.subscription(pause_behavior="void", period_end_at=facts.at(60))
        snapshot = facts.snapshot(paused, invoices=(facts.invoice(),), fetched=31)
        assert _find(policy, snapshot, facts.at(29)).grants_at(facts.at(29))
        assert (_find(policy, snapshot, facts.at(30)).status, _find(policy, snapshot, facts.at(30)).cause) == (
            Status.PAUSED, None,
        )  # fmt: skip

    def test_void_with_nothing_ever_paid_is_paused(self, facts, policy):
        """`void` on a subscription that never paid and had no trial opens nothing."""
        found = _find(policy, facts.snapshot(facts.subscription(pause_behavior="void")), facts.at(1))
        assert (found.status, found.cause) == (Status.PAUSED, None)

    def test_void_and_cancelled_ends_at_the_earlier(self, facts, policy):
        """A cancellation inside the covered time still ends access first."""
        paused = facts.subscription(pause_behavior="void", cancel_at=facts.at(12))
        assert _find(policy, facts.snapshot(paused, invoices=(facts.invoice(),)), facts.at(1)).horizon == facts.at(12)

    @pytest.mark.parametrize("behavior", ["keep_as_draft", "mark_uncollectible"])
    def test_billing_paused_otherwise_leaves_access(self, facts, policy, behavior):
        """The two behaviours meant for free or deferred service change nothing."""
        found = _find(policy, facts.snapshot(facts.subscription(pause_behavior=behavior)), facts.at(1))
        assert found.status is Status.ACTIVE


class TestPastDue:
    def test_grace_runs_from_the_last_paid_period(self, facts, policy):
        """The unpaid next period, already on the item, gives away nothing: a week from the paid one's end."""
        late = facts.subscription(status="past_due", period_start_at=facts.at(30), period_end_at=facts.at(60))
        unpaid = facts.invoice(
            id="in_2", status="open", amount_paid_minor=0, period_start_at=facts.at(30), period_end_at=facts.at(60)
        )
        found = _find(policy, facts.snapshot(late, invoices=(facts.invoice(), unpaid), fetched=31), facts.at(31))
        assert (found.status, found.cause) == (Status.GRACE, GrantKind.GRACE)
        assert (found.until, found.horizon, found.renews) == (facts.at(37), facts.at(37), False)

    def test_a_plan_that_was_left_is_not_paid_through(self, facts, policy):
        """Who changed from a year to a month, and had the rest credited, has paid to the end of the month."""
        year = facts.invoice(period_end_at=facts.at(365))
        month = facts.invoice(id="in_2", amount_paid_minor=0, period_start_at=facts.at(20), period_end_at=facts.at(50))
        late = facts.subscription(status="past_due", period_start_at=facts.at(50), period_end_at=facts.at(80))
        for invoices in ((year, month), (month, year)):
            assert _find(policy, facts.snapshot(late, invoices=invoices, fetched=51), facts.at(51)).until == facts.at(
                57
            )

    def test_grace_is_over_when_it_is_over(self, facts, policy):
        """On the day grace ends the reader has ended, whatever Stripe goes on trying."""
        late = facts.subscription(status="past_due", period_end_at=facts.at(60))
        found = _find(policy, facts.snapshot(late, invoices=(facts.invoice(),), fetched=31), facts.at(37))
        assert (found.status, found.cause, found.features, found.renews) == (Status.ENDED, None, (), False)

    def test_a_trials_invoice_of_nothing_is_no_payment(self, facts, policy):
        """A first charge that fails after the trial gets the first-payment grace, not a renewal's."""
        late = facts.trial(status="past_due", period_start_at=facts.at(30), period_end_at=facts.at(60))
        free = facts.invoice(amount_due_minor=0, amount_paid_minor=0)
        found = _find(policy, facts.snapshot(late, invoices=(free,), fetched=31), facts.at(31))
        assert (found.horizon, found.rule) == (facts.at(33), "past_due_first_payment")

    def test_a_trial_that_cost_the_least_was_paid_for(self, facts, policy):
        """A single cent paid for the trial makes what follows a renewal."""
        late = facts.trial(status="past_due", period_start_at=facts.at(30), period_end_at=facts.at(60))
        cent = facts.invoice(amount_due_minor=1, amount_paid_minor=1)
        found = _find(policy, facts.snapshot(late, invoices=(cent,), fetched=31), facts.at(31))
        assert (found.horizon, found.rule) == (facts.at(37), "past_due_renewal")

    def test_a_trial_cut_short_gives_no_paid_month(self, facts, policy):
        """Ending a trial early leaves its $0 invoice for the whole trial; it is still no payment."""
        late = facts.trial(status="past_due", trial_end_at=facts.at(1), period_end_at=facts.at(31))
        free = facts.invoice(amount_due_minor=0, amount_paid_minor=0)
        assert _find(policy, facts.snapshot(late, invoices=(free,), fetched=2), facts.at(2)).horizon == facts.at(4)

    def test_a_period_paid_from_a_balance_counts_as_paid(self, facts, policy):
        """An invoice of nothing outside any trial (a balance, a full discount) covers its period."""
        late = facts.subscription(status="past_due", period_end_at=facts.at(60))
        credited = facts.invoice(amount_due_minor=0, amount_paid_minor=0)
        snapshot = facts.snapshot(late, invoices=(credited,), fetched=31)
        assert _find(policy, snapshot, facts.at(31)).horizon == facts.at(37)

    def test_a_balance_right_after_the_trial_counts_as_paid(self, facts, policy):
        """A period that begins as the trial ends is no part of it; one that begins nowhere is."""
        late = facts.trial(status="past_due", period_end_at=facts.at(90))
        credited = facts.invoice(
            amount_due_minor=0, amount_paid_minor=0, period_start_at=facts.at(30), period_end_at=facts.at(60)
        )
        paid = facts.snapshot(late, invoices=(credited,), fetched=61)
        assert _find(policy, paid, facts.at(61)).horizon == facts.at(67)
        vague = facts.snapshot(late, invoices=(replace(credited, period_start_at=None),), fetched=31)
        assert _find(policy, vague, facts.at(31)).horizon == facts.at(33)

    def test_the_last_of_several_paid_periods_counts(self, facts, policy):
        """However Stripe lists its invoices, grace runs from the period that was paid for last."""
        late = facts.subscription(status="past_due", period_end_at=facts.at(90))
        second = facts.invoice(id="in_2", period_start_at=facts.at(30), period_end_at=facts.at(60))
        for paid in ((facts.invoice(), second), (second, facts.invoice())):
            assert _find(policy, facts.snapshot(late, invoices=paid, fetched=61), facts.at(61)).until == facts.at(67)

    def test_days_given_after_payment_count_too(self, facts, policy):
        """Free days added by a later trial end come before grace begins."""
        late = facts.trial(status="past_due", trial_end_at=facts.at(45), period_end_at=facts.at(75))
        assert _find(policy, facts.snapshot(late, invoices=(facts.invoice(),), fetched=46), facts.at(46)).until == (
            facts.at(52)
        )

    def test_an_invoice_of_another_subscription_pays_nothing_here(self, facts, policy):
        """Only the subscription's own invoices say what was paid; from its start, three days."""
        late = facts.subscription(status="past_due")
        other = facts.invoice(subscription_id="sub_9")
        assert _find(policy, facts.snapshot(late, invoices=(other,)), facts.at(2)).horizon == facts.at(3)

    def test_a_cancellation_ends_grace(self, facts, policy):
        """A subscription cancelled for within the grace ends there."""
        late = facts.subscription(status="past_due", cancel_at=facts.at(32), period_end_at=facts.at(60))
        snapshot = facts.snapshot(late, invoices=(facts.invoice(),), fetched=31)
        assert _find(policy, snapshot, facts.at(31)).horizon == facts.at(32)


class TestOver:
    @pytest.mark.parametrize("status", ["canceled", "unpaid", "incomplete", "incomplete_expired"])
    def test_a_subscription_that_was_paid_for_has_ended(self, facts, policy, status):
        """None of these statuses opens anything; who once had access has ended."""
        over = facts.subscription(status=status, ended_at=facts.at(5))
        found = _find(policy, facts.snapshot(over, invoices=(facts.invoice(),), fetched=6), facts.at(6))
        assert (found.status, found.cause, found.until, found.renews) == (Status.ENDED, None, facts.at(5), False)

    @pytest.mark.parametrize("status", ["canceled", "incomplete", "incomplete_expired"])
    def test_a_first_payment_that_never_succeeded_leaves_none(self, facts, policy, status):
        """Who never had access is not told that it ended."""
        found = _find(policy, facts.snapshot(facts.subscription(status=status)), facts.at(1))
        assert (found.status, found.cause) == (Status.NONE, None)

    @pytest.mark.parametrize(
        "reason",
        ["first_payment_failure", "final_payment_failure", "pause_requested", "trial_end_without_payment_method",
         "system", "a_reason_of_2031", None],
    )  # fmt: skip
    def test_paused_is_paused_for_whatever_reason(self, facts, policy, reason):
        """Nothing opens, not even what is left of a paid period: Stripe credits that; resuming opens it again."""
        paused = facts.subscription(status="paused", paused_reason=reason)
        found = _find(policy, facts.snapshot(paused, invoices=(facts.invoice(),)), facts.at(1))
        assert (found.status, found.cause, found.features, found.renews) == (Status.PAUSED, None, (), False)
        resumed = facts.snapshot(facts.subscription(), invoices=(facts.invoice(),))
        assert _find(policy, resumed, facts.at(2)).status is Status.ACTIVE

    def test_an_unknown_status_keeps_what_was_paid_for(self, facts, policy):
        """A status newer than this code adds nothing, and takes no paid day away."""
        strange = facts.subscription(status="hibernating", period_end_at=facts.at(60))
        paid = facts.snapshot(strange, invoices=(facts.invoice(),))
        assert (_find(policy, paid, facts.at(2)).horizon, _find(policy, paid, facts.at(2)).renews) == (
            facts.at(30),
            False,
        )
        assert _find(policy, facts.snapshot(strange), facts.at(2)).cause is None
        trial = facts.trial(status="hibernating")
        assert _find(policy, facts.snapshot(trial), facts.at(2)).status is Status.ENDED

    def test_a_deleted_customer_has_ended(self, facts, policy):
        """Deleting the customer at Stripe cancels everything at once."""
        found = _find(policy, facts.snapshot(facts.subscription(), deleted=True), facts.at(1))
        assert (found.status, found.cause) == (Status.ENDED, None)

    def test_without_facts_there_is_nothing(self, facts, policy):
        """No customer, or one with foreign products only, is `none`, even when deleted."""
        foreign = facts.snapshot(facts.subscription(plan=None))
        for snapshot in (None, foreign, facts.snapshot(deleted=True)):
            found = _find(policy, snapshot, facts.at(1))
            assert (found.status, found.cause, found.renews) == (Status.NONE, None, False)


class TestSeveral:
    def test_a_running_subscription_outshines_an_ended_one(self, facts, policy):
        """Who subscribed again is active, however the old subscription ended, in either order."""
        old = facts.subscription(id="sub_0", status="canceled", ended_at=facts.at(0))
        new = facts.subscription(id="sub_1")
        for order in ((old, new), (new, old)):
            assert _find(policy, facts.snapshot(*order), facts.at(1)).subscription_id == "sub_1"

    def test_paid_outshines_trial_and_grace(self, facts, policy):
        """The cause named is the best one in force."""
        paid = facts.subscription(id="sub_a", cancel_at=facts.at(9))
        trial = facts.trial(id="sub_b")
        grace = facts.subscription(id="sub_c", status="past_due", created_at=facts.at(1))
        assert _find(policy, facts.snapshot(grace, trial, paid), facts.at(2)).cause is GrantKind.SUBSCRIPTION
        assert _find(policy, facts.snapshot(grace, trial), facts.at(2)).cause is GrantKind.TRIAL
        assert _find(policy, facts.snapshot(grace), facts.at(2)).cause is GrantKind.GRACE

    def test_of_two_paid_ones_the_longer_speaks(self, facts, policy):
        """A renewing subscription outlasts one that is cancelling."""
        ending = facts.subscription(id="sub_z", cancel_at=facts.at(20))
        found = _find(policy, facts.snapshot(ending, facts.subscription(id="sub_a")), facts.at(1))
        assert (found.subscription_id, found.horizon) == ("sub_a", None)

    def test_of_two_that_end_the_later_end_speaks(self, facts, policy):
        """Access counts, not the date told: one late to renew keeps its slack beyond another's cancellation."""
        late = facts.subscription(id="sub_a", period_end_at=facts.at(30))
        ending = facts.subscription(id="sub_z", cancel_at=facts.at(34), period_end_at=facts.at(60))
        for order in ((late, ending), (ending, late)):
            found = _find(policy, facts.snapshot(*order, fetched=31), facts.at(31))
            assert (found.subscription_id, found.horizon) == ("sub_a", facts.at(37))

    def test_of_two_that_are_over_the_last_speaks(self, facts, policy):
        """Support reads when the reader's latest subscription ended."""
        first = facts.subscription(id="sub_z", status="canceled", ended_at=facts.at(10))
        last = facts.subscription(id="sub_a", status="canceled", ended_at=facts.at(20))
        for order in ((first, last), (last, first)):
            assert _find(policy, facts.snapshot(*order), facts.at(21)).until == facts.at(20)

    def test_each_plan_brings_its_features(self, facts, policy):
        """A plan's features are its own; those of a plan no longer sold are all a subscriber can have."""
        lite = facts.snapshot(facts.subscription(plan="lite"))
        former = facts.snapshot(facts.subscription(plan="monthly_2019"))
        assert _find(policy, lite, facts.at(1)).features == ("unlimited_articles",)
        assert _find(policy, former, facts.at(1)).features == policy.subscriber_features


class TestHoldsAndGrants:
    def test_a_blocking_hold_closes_a_subscription(self, facts, policy):
        """An open dispute closes what was sold, until it is released."""
        dispute = Hold(kind="dispute", blocks=True, from_at=facts.at(2), released_at=None)
        snapshot = facts.snapshot(facts.subscription())
        held = _find(policy, snapshot, facts.at(2), holds=[dispute])
        assert (held.status, held.cause, held.features, held.rule) == (Status.HELD, None, (), "held_dispute")
        assert not held.renews
        released = replace(dispute, released_at=facts.at(9))
        assert _find(policy, snapshot, facts.at(2), holds=[released]).status is Status.ACTIVE

    def test_a_hold_is_believed_although_its_clock_is_ahead(self, facts, policy):
        """Stripe's seconds may be ahead of ours by a moment; nobody would look again when ours has caught up."""
        dispute = Hold(kind="dispute", blocks=True, from_at=facts.at(2), released_at=None)
        assert _find(policy, facts.snapshot(facts.subscription()), facts.at(1), holds=[dispute]).cause is None

    def test_an_inquiry_blocks_nothing(self, facts, policy):
        """A hold that does not block is a note."""
        inquiry = Hold(kind="dispute", blocks=False, from_at=facts.at(0), released_at=None)
        assert _find(policy, facts.snapshot(facts.subscription()), facts.at(1), holds=[inquiry]).cause is not None

    def test_nothing_to_hold_is_not_held(self, facts, policy):
        """An ended reader with an open dispute has ended."""
        dispute = Hold(kind="dispute", blocks=True, from_at=facts.at(0), released_at=None)
        over = facts.snapshot(facts.subscription(status="canceled"), invoices=(facts.invoice(),))
        assert _find(policy, over, facts.at(1), holds=[dispute]).status is Status.ENDED

    def test_a_courtesy_opens_what_nothing_else_does(self, facts, policy):
        """Staff's courtesy grants from its first to its last instant, for a stranger and for a held reader alike."""
        courtesy = _courtesy(facts, 2, 9)
        dispute = Hold(kind="dispute", blocks=True, from_at=facts.at(0), released_at=None)
        for snapshot in (None, facts.snapshot(facts.subscription())):
            found = _find(policy, snapshot, facts.at(2), holds=[dispute], grants=[courtesy])
            assert (found.status, found.cause, found.horizon) == (
                Status.COURTESY, GrantKind.COURTESY, facts.at(9),
            )  # fmt: skip
            assert not found.renews
        for day in (1.9, 9):
            assert _find(policy, None, facts.at(day), grants=[courtesy]).cause is None

    def test_a_courtesy_adds_to_a_subscription(self, facts, policy):
        """With a subscription in force, the courtesy only adds its features."""
        lite = facts.snapshot(facts.subscription(plan="lite"))
        found = _find(policy, lite, facts.at(3), grants=[_courtesy(facts, 2, 9)])
        assert (found.status, found.features) == (Status.ACTIVE, ("unlimited_articles", "archives"))

    def test_the_longest_grant_speaks(self, facts, policy):
        """Of several grants the one that lasts longest gives the horizon; a gift keeps its own reason."""
        gift = Grant(kind=GrantKind.GIFT, features=(), from_at=facts.at(0), until_at=facts.at(20), reason="a friend")
        for order in ([gift, _courtesy(facts, 2, 9)], [_courtesy(facts, 2, 9), gift]):
            found = _find(policy, None, facts.at(3), grants=order)
            assert (found.cause, found.horizon) == (GrantKind.GIFT, facts.at(20))
            assert found.features == ("archives",)


def test_an_entitlement_survives_json(facts, policy):
    """What is stored, and carried by a pass, reads back equal, with and without instants."""
    for snapshot in (None, facts.snapshot(facts.trial()), facts.snapshot(facts.subscription(cancel_at=facts.at(3)))):
        found = _find(policy, snapshot, facts.at(1))
        assert entitlement_from_json(json.loads(json.dumps(entitlement_to_json(found)))) == found


def _courtesy(facts, first: float, last: float) -> Grant:
    return Grant(
        kind=GrantKind.COURTESY,
        features=("archives",),
        from_at=facts.at(first),
        until_at=facts.at(last),
        reason="sorry",
    )


def test_a_debt_given_up_pays_for_nothing(facts: Any, policy: Any) -> None:
    """Stripe calls the subscription active once the failed invoice is uncollectible or void; access ends as covered."""
    trial = {"trial_start_at": facts.start, "trial_end_at": facts.at(30)}
    running = {"period_start_at": facts.at(30), "period_end_at": facts.at(60)}
    bill = facts.invoice(
        id="in_2", created_at=facts.at(30), paid_at=None, amount_paid_minor=0, period_start_at=facts.at(30),
        period_end_at=facts.at(60),
    )  # fmt: skip

    def on(day: float, status: str, *before: Any, **changes: Any) -> Any:
        invoices = (*before, replace(bill, status=status, **changes))
        snapshot = facts.snapshot(facts.subscription(**running, **trial), invoices=invoices, fetched=31)
        return entitlement_from(snapshot, (), (), policy, facts.at(day))

    for status in ("uncollectible", "void"):
        assert (on(31, status).status, on(31, status).rule) == (Status.ENDED, "invoice_given_up")
        assert on(31, status).until == facts.at(30)
    assert on(31, "open").grants_at(facts.at(31)), "an open invoice is Stripe's to judge: it says past_due"
    earlier = facts.invoice(period_end_at=facts.at(40))
    kept = on(31, "void", earlier)
    assert (kept.status, kept.until, kept.renews, kept.rule) == (
        Status.ACTIVE, facts.at(40), False, "invoice_given_up",
    )  # fmt: skip
    assert on(41, "void", earlier).status is Status.ENDED


def test_what_was_no_failed_debt_refuses_nobody(facts: Any, policy: Any) -> None:
    """A bill of nothing, one never tried, one part of which was paid, an older one, and all while collection pauses."""
    bill = facts.invoice(
        id="in_2", status="void", created_at=facts.at(30), paid_at=None, amount_paid_minor=0,
        period_start_at=facts.at(30), period_end_at=facts.at(60),
    )  # fmt: skip

    def rule(*invoices: Any, **changes: Any) -> str:
        sold = facts.subscription(period_start_at=facts.at(30), period_end_at=facts.at(60), **changes)
        snapshot = facts.snapshot(sold, invoices=(facts.invoice(), *invoices), fetched=31)
        found = entitlement_from(snapshot, (), (), policy, facts.at(90))
        return found.rule if found.cause is not None else f"refused: {found.rule}"

    assert rule(bill) == "refused: invoice_given_up"
    assert rule(replace(bill, amount_due_minor=1)) == "refused: invoice_given_up"
    next_try = replace(bill, id="in_3", status="draft", created_at=facts.at(31))
    assert rule(bill, next_try) == "refused: invoice_given_up", "a draft asks for nothing yet"
    for change in (
        {"amount_due_minor": 0}, {"attempt_count": 0}, {"amount_paid_minor": 1}, {"status": "draft"},
        {"subscription_id": "sub_2"}, {"period_start_at": facts.at(10), "period_end_at": facts.at(375)},
    ):  # fmt: skip
        assert rule(replace(bill, **change)) == "active", change
    newer = facts.invoice(id="in_3", created_at=facts.at(31), period_start_at=facts.at(31), period_end_at=facts.at(60))
    assert rule(bill, newer) == "active", "the period was paid for after all"
    proration = replace(bill, created_at=facts.at(32), period_start_at=facts.at(32))
    assert rule(facts.invoice(id="in_3", period_start_at=facts.at(30), period_end_at=facts.at(60)), proration) == (
        "active"
    )
    for behavior in ("keep_as_draft", "mark_uncollectible"):
        assert rule(bill, pause_behavior=behavior) == "active"


def test_a_first_debt_given_up_was_never_a_sale(facts: Any, policy: Any) -> None:
    """Nothing was ever covered, so there is nothing to have ended."""
    bill = facts.invoice(status="uncollectible", amount_paid_minor=0, paid_at=None)
    found = entitlement_from(facts.snapshot(facts.subscription(), invoices=(bill,)), (), (), policy, facts.at(1))
    assert (found.status, found.cause, found.rule) == (Status.NONE, None, "invoice_given_up")
