"""When Stripe is asked again although no event came."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from service.domain.entitlement import next_boundary

MINUTES = timedelta(minutes=1)


class TestNextBoundary:
    def test_a_trial_is_looked_at_shortly_after_its_end(self, facts, policy):
        """Five minutes after the trial's end, Stripe has made it active, or it is over."""
        assert next_boundary(facts.snapshot(facts.trial()), policy) == facts.at(30) + 5 * MINUTES

    def test_a_renewal_is_looked_at_shortly_after_the_period(self, facts, policy):
        """The next period is known five minutes after the last one ends."""
        assert next_boundary(facts.snapshot(facts.subscription()), policy) == facts.at(30) + 5 * MINUTES

    def test_a_draft_is_looked_at_after_its_hour(self, facts, policy):
        """An invoice is charged an hour after its draft: whether that succeeded is known five minutes later."""
        draft = facts.invoice(status="draft", created_at=facts.at(1))
        due = next_boundary(facts.snapshot(facts.subscription(), invoices=(draft,)), policy)
        assert due == facts.at(1) + 65 * MINUTES

    def test_a_retry_is_looked_at(self, facts, policy):
        """A failed invoice is looked at after Stripe's next attempt."""
        late = facts.subscription(status="past_due", period_end_at=facts.at(60))
        retried = facts.invoice(id="in_2", status="open", amount_paid_minor=0, next_attempt_at=facts.at(33))
        snapshot = facts.snapshot(late, invoices=(facts.invoice(), retried), fetched=31)
        assert next_boundary(snapshot, policy) == facts.at(33) + 5 * MINUTES

    def test_grace_is_looked_at_before_and_after_its_end(self, facts, policy):
        """A last look ten minutes before grace ends may still find the payment that nobody told us of."""
        late = facts.subscription(status="past_due", period_end_at=facts.at(60))
        first = facts.snapshot(late, invoices=(facts.invoice(),), fetched=31)
        assert next_boundary(first, policy) == facts.at(37) - 10 * MINUTES
        last = facts.snapshot(late, invoices=(facts.invoice(),), fetched=37 - 5 / 1440)
        assert next_boundary(last, policy) == facts.at(37) + 5 * MINUTES

    def test_a_late_stripe_is_asked_again_soon(self, facts, policy):
        """While Stripe shows a trial that is over as trialing, it is asked every quarter of an hour."""
        snapshot = facts.snapshot(facts.trial(), fetched=30 + 10 / 1440)
        assert next_boundary(snapshot, policy) == snapshot.fetched_at + 15 * MINUTES

    def test_a_renewal_that_is_late_is_asked_for_soon_too(self, facts, policy):
        """Active past its period's end: looked at again in a quarter of an hour; unpaid: not."""
        snapshot = facts.snapshot(facts.subscription(), fetched=30 + 10 / 1440)
        assert next_boundary(snapshot, policy) == snapshot.fetched_at + 15 * MINUTES
        unpaid = facts.snapshot(facts.subscription(status="unpaid"), fetched=30 + 10 / 1440)
        assert next_boundary(unpaid, policy) is None

    def test_a_look_is_never_due_in_the_instant_of_the_last(self, facts, policy):
        """A look taken exactly when it was due does not make itself due again at once."""
        first = facts.snapshot(facts.subscription(cancel_at=facts.at(12)))
        due = next_boundary(first, policy)
        assert due == facts.at(12) - 10 * MINUTES
        assert next_boundary(replace(first, fetched_at=due), policy) == facts.at(12) + 5 * MINUTES

    def test_only_an_open_invoice_with_a_retry_is_waited_for(self, facts, policy):
        """A paid invoice's leftover retry, and an open one without any, are no reason to look."""
        paid = facts.invoice(next_attempt_at=facts.at(3))
        stuck = facts.invoice(id="in_2", status="open", amount_paid_minor=0)
        snapshot = facts.snapshot(facts.subscription(), invoices=(paid, stuck))
        assert next_boundary(snapshot, policy) == facts.at(30) + 5 * MINUTES

    def test_a_cancellation_is_looked_at_after_its_instant(self, facts, policy):
        """A cancellation inside the period is a boundary too."""
        ending = facts.subscription(cancel_at=facts.at(12))
        last_look = facts.snapshot(ending, fetched=12)
        assert next_boundary(last_look, policy) == facts.at(12) + 5 * MINUTES

    def test_what_is_over_needs_no_look(self, facts, policy):
        """Ended and foreign subscriptions, and deleted customers, are left alone."""
        over = facts.subscription(status="canceled", ended_at=facts.at(1))
        draft = facts.invoice(status="draft")
        assert next_boundary(facts.snapshot(over, invoices=(draft,)), policy) is None
        assert next_boundary(facts.snapshot(facts.subscription(plan=None)), policy) is None
        assert next_boundary(facts.snapshot(facts.subscription(), deleted=True), policy) is None
