"""What a reader is told ahead of a charge, and of one that failed: at the right time, once, with where to pay."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from service.domain.money import Money
from service.domain.notices import Notice, NoticeKind, notices_from

SECOND = timedelta(seconds=1)


def kinds(snapshot: Any, now: datetime) -> list[str]:
    return [each.kind.value for each in notices_from(snapshot, now)]


def test_a_trial_s_end_is_told_seven_days_before(facts: Any) -> None:
    """From the seventh day before to the end, with the price, under an id that a mail can be sent once for."""
    snapshot, end = facts.snapshot(facts.trial()), facts.at(30)
    told = notices_from(snapshot, facts.at(23))
    assert told == (
        Notice(
            id=f"trial_ends:sub_1:{int(end.timestamp())}", kind=NoticeKind.TRIAL_ENDS, at=end,
            amount=Money(290, "usd"), pay_url=None,
        ),
    )  # fmt: skip
    assert notices_from(snapshot, end - SECOND) == told
    assert notices_from(snapshot, facts.at(23) - SECOND) == notices_from(snapshot, end) == ()


def test_a_year_s_renewal_is_told_thirty_days_before(facts: Any) -> None:
    """A month's is not: it would be told all the time."""
    year = facts.snapshot(facts.subscription(interval="year", amount_minor=1990, period_end_at=facts.at(365)))
    end = facts.at(365)
    told = notices_from(year, facts.at(335))
    assert told == (
        Notice(
            id=f"renews:sub_1:{int(end.timestamp())}", kind=NoticeKind.RENEWS, at=end, amount=Money(1990, "usd"),
            pay_url=None,
        ),
    )  # fmt: skip
    assert notices_from(year, end - SECOND) == told
    assert notices_from(year, facts.at(335) - SECOND) == notices_from(year, end) == ()
    assert notices_from(facts.snapshot(facts.subscription()), facts.at(29)) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"cancel_at_period_end": True}, {"cancel_at": "end"}, {"pause_behavior": "void"}, {"plan": None},
        {"ended_at": "end"}, {"status": "paused"}, {"trial_end_at": None},
    ],
)  # fmt: skip
def test_who_will_not_be_charged_is_told_nothing(facts: Any, change: dict[str, Any]) -> None:
    """Cancelled in either shape, paused, over, or another product's."""
    given = {name: facts.at(30) if value == "end" else value for name, value in change.items()}
    assert kinds(facts.snapshot(facts.trial()), facts.at(29)) == ["trial_ends"]
    assert kinds(facts.snapshot(facts.trial(**given)), facts.at(29)) == []


def test_who_leaves_after_another_charge_is_told_of_it(facts: Any) -> None:
    """An end that is set for after the trial's is no cancellation of the charge at its end."""
    leaving = facts.trial(cancel_at=facts.at(31))
    assert kinds(facts.snapshot(leaving), facts.at(29)) == ["trial_ends"]


@pytest.mark.parametrize("status", ["past_due", "incomplete", "unpaid"])
def test_each_failed_attempt_is_told_with_where_to_pay(facts: Any, status: str) -> None:
    """What is left of the invoice, when it is tried again, and Stripe's page."""
    open_invoice = facts.invoice(
        status="open", amount_due_minor=290, amount_paid_minor=90, attempt_count=2, next_attempt_at=facts.at(33),
        hosted_url="https://pay.example/in_1",
    )  # fmt: skip
    snapshot = facts.snapshot(facts.subscription(status=status), invoices=(open_invoice,))
    assert notices_from(snapshot, facts.at(31)) == (
        Notice(
            id="payment_due:in_1:2", kind=NoticeKind.PAYMENT_DUE, at=facts.at(33), amount=Money(200, "usd"),
            pay_url="https://pay.example/in_1",
        ),
    )  # fmt: skip


def test_what_is_paid_over_or_foreign_asks_for_nothing(facts: Any) -> None:
    """Paid, of another's subscription, of one that runs or is over; a deleted customer, and nobody at all."""
    unpaid = facts.invoice(status="open", amount_paid_minor=0)
    foreign = facts.invoice(status="open", subscription_id="sub_2")
    past_due = facts.subscription(status="past_due")
    over = facts.subscription(status="past_due", ended_at=facts.at(1))
    assert kinds(facts.snapshot(past_due, invoices=(unpaid,)), facts.at(1)) == ["payment_due"]
    quiet = [
        facts.snapshot(past_due, invoices=(facts.invoice(), foreign)),
        facts.snapshot(facts.subscription(), invoices=(unpaid,)),
        facts.snapshot(facts.subscription(status="past_due", plan=None), invoices=(unpaid,)),
        facts.snapshot(over, invoices=(unpaid,)),
        facts.snapshot(past_due, invoices=(unpaid,), deleted=True),
        None,
    ]
    assert [kinds(each, facts.at(1)) for each in quiet] == [[]] * len(quiet)


def test_several_things_are_told_together(facts: Any) -> None:
    """A trial that ends beside a payment that is due."""
    other = facts.subscription(id="sub_2", status="past_due")
    due = facts.invoice(status="open", subscription_id="sub_2", amount_paid_minor=0)
    assert kinds(facts.snapshot(facts.trial(), other, invoices=(due,)), facts.at(25)) == ["trial_ends", "payment_due"]
