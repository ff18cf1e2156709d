"""A refusal had been paid for when what was not known then had already happened then; and in no other case."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from service.domain.refusals import covering, tells_of_cover
from service.domain.vocabulary import Grant, GrantKind, Policy
from webhooks.snapshot import HoldFacts, InvoiceFacts

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
POLICY = Policy()


def invoice(paid_at: datetime, **changes: Any) -> InvoiceFacts:
    """Return the invoice of `sub_1` that was paid then, for thirty days."""
    usual = InvoiceFacts(
        id="in_1", number=None, subscription_id="sub_1", status="paid", billing_reason=None, currency="usd",
        amount_due_minor=290, amount_paid_minor=290, attempt_count=1, next_attempt_at=None, created_at=paid_at,
        paid_at=paid_at, period_start_at=paid_at, period_end_at=paid_at + 30 * DAY, hosted_url=None,
    )  # fmt: skip
    return replace(usual, **changes)


def covers(at: datetime, known: Any, before: Any = None, grants: tuple[Grant, ...] = ()) -> bool:
    return covering(at, known, (), grants, known_before=before, policy=POLICY) is not None


@pytest.fixture
def paid(make_snapshot: Any, make_subscription: Any) -> Any:
    """A customer who bought the monthly plan at its `created_at`."""
    bought = make_subscription()
    return make_snapshot(bought, invoices=(invoice(bought.created_at),), fetched_at=bought.created_at + DAY)


@pytest.mark.parametrize(("after", "covered"), [(-DAY, False), (0 * SECOND, False), (SECOND, True), (DAY, True)])
def test_a_first_payment_covers_what_comes_after_it(paid: Any, after: timedelta, covered: bool) -> None:
    """Not the walls that made the reader buy; the second of the payment itself is given to the service."""
    assert covers(paid.subscriptions[0].created_at + after, paid) is covered


def test_a_trial_covers_from_its_start(make_snapshot: Any, make_subscription: Any) -> None:
    """Nothing need be paid."""
    begun = make_subscription().created_at
    known = make_snapshot(make_subscription(status="trialing", trial_start_at=begun, trial_end_at=begun + 30 * DAY))
    assert not covers(begun - SECOND, known)
    assert covers(begun + SECOND, known)


def test_a_late_payment_covers_no_wall_before_it(paid: Any) -> None:
    """Unpaid past its grace, then paid: between lie honest refusals, also when nothing was known before."""
    begun = paid.subscriptions[0].created_at
    paid_late_at = begun + 40 * DAY
    late = invoice(paid_late_at, id="in_2", period_start_at=begun + 30 * DAY, period_end_at=begun + 60 * DAY)
    renewed = replace(paid.subscriptions[0], period_start_at=begun + 30 * DAY, period_end_at=begun + 60 * DAY)
    unpaid = replace(paid, subscriptions=(replace(renewed, status="past_due"),), fetched_at=begun + 31 * DAY)
    known = replace(paid, subscriptions=(renewed,), invoices=(*paid.invoices, late), fetched_at=begun + 41 * DAY)
    for before in (unpaid, None):
        assert not covers(begun + 39 * DAY, known, before)
        assert covers(paid_late_at + SECOND, known, before)


def test_what_was_known_to_be_open_is_covered(paid: Any) -> None:
    """A subscriber whose pass went missing: our own record would have let the reader in."""
    begun = paid.subscriptions[0].created_at
    assert covers(begun + 3 * DAY, paid, before=paid)


def test_a_pause_that_ended_covers_nothing_before(paid: Any) -> None:
    """Stripe doesn't say when a subscription was resumed, so nobody can say who was refused in vain."""
    begun = paid.subscriptions[0].created_at
    paused = replace(paid, subscriptions=(replace(paid.subscriptions[0], status="paused"),))
    assert not covers(begun + 3 * DAY, paid, before=paused)


def test_what_is_closed_now_covers_nothing(paid: Any) -> None:
    """Only who is entitled by the newest facts was refused in vain."""
    ended = replace(paid, subscriptions=(replace(paid.subscriptions[0], status="canceled"),))
    assert not covers(paid.subscriptions[0].created_at + DAY, ended)


def test_staffs_grants_cover_their_own_time(make_snapshot: Any, make_subscription: Any) -> None:
    """They are dated, and were known here."""
    begun = make_subscription().created_at
    grant = Grant(kind=GrantKind.COURTESY, features=(), from_at=begun, until_at=begun + DAY, reason="apology")
    assert not covers(begun - SECOND, make_snapshot(), grants=(grant,))
    assert covers(begun + SECOND, make_snapshot(), grants=(grant,))
    assert not covers(begun + DAY, make_snapshot(), grants=(grant,))


def test_a_payment_without_its_instant_counts_from_the_invoices_making(paid: Any) -> None:
    """An invoice paid from a balance may carry no `paid_at`."""
    begun = paid.subscriptions[0].created_at
    undated = replace(paid, invoices=(replace(invoice(begun), paid_at=None),))
    assert covers(begun + DAY, undated)
    assert not covers(begun, undated)


def test_another_subscriptions_payment_covers_nothing_here(paid: Any) -> None:
    """What was paid on one subscription is no proof for what another opened."""
    begun = paid.subscriptions[0].created_at
    elsewhere = replace(paid, invoices=(invoice(begun, subscription_id="sub_other"),))
    assert not covers(begun + DAY, elsewhere)


def test_a_hold_known_before_still_refused_then(paid: Any) -> None:
    """Whoever was held by what we knew was refused rightly, though the hold is gone now."""
    begun = paid.subscriptions[0].created_at
    dispute = HoldFacts(
        id="dp_1", kind="dispute", status="needs_response", amount_minor=290, currency="usd", charge_id="ch_1",
        charge_amount_minor=290, invoice_id="in_1", created_at=begun,
    )  # fmt: skip
    assert not covers(begun + DAY, paid, replace(paid, holds=(dispute,)))


def test_what_was_cancelled_afterwards_was_running_then(paid: Any) -> None:
    """That a subscription is over by now says nothing of a wall before its end; from the end on it covers nothing."""
    begun = paid.subscriptions[0].created_at
    over = replace(paid.subscriptions[0], status="canceled", ended_at=begun + 10 * DAY)
    known = replace(paid, subscriptions=(over,), fetched_at=begun + 11 * DAY)
    assert covers(begun + 3 * DAY, known)
    assert covers(begun + 10 * DAY - SECOND, known)
    then = covering(begun + 3 * DAY, known, (), (), known_before=None, policy=POLICY)
    assert then is not None
    assert then.rule == "active"
    assert not covers(begun + 10 * DAY, known)
    assert not covers(begun + 3 * DAY, replace(known, subscriptions=(replace(over, status="unpaid"),)))


def test_a_new_trial_or_payment_tells_of_cover(paid: Any, make_snapshot: Any, make_subscription: Any) -> None:
    """Then refusals of the meantime are looked at; what was known before, or buys nothing of ours, is no news."""
    begun = paid.subscriptions[0].created_at
    trial = make_snapshot(make_subscription(status="trialing", trial_start_at=begun, trial_end_at=begun + 30 * DAY))
    unpaid = replace(paid, invoices=())
    for known, before, expected in [
        (paid, None, True),
        (paid, unpaid, True),
        (trial, None, True),
        (paid, paid, False),
        (unpaid, paid, False),
        (unpaid, None, False),
        (replace(paid, subscriptions=(replace(paid.subscriptions[0], plan=None),)), None, False),
    ]:
        assert tells_of_cover(known, before) is expected
