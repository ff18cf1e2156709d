"""Readers are told the truth in one sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from newsstand_client import Cancellation, Entitlement, Money, Reader, Subscription
from sandbox.site.told import Invoice, Moment, cancelled, day, meanwhile, renews_first, state_sentence

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PRICE = Money(amount=290, currency="usd", display="$2.90")


def reader(status: str, *, until: datetime | None = NOW, ended_at: datetime | None = None) -> Reader:
    """Return a reader in this state; `until` of None is one without an entitlement."""
    return Reader(
        reader_id="r", status=status, meter=None, trial_eligible=False, trial_reason="trial_used_reader",
        entitlement=Entitlement(plan="monthly", features=(), until=until, renews=True) if until else None,
        subscription=Subscription(
            id="sub_1", status="active", plan="monthly", price=PRICE, interval="month", created_at=NOW,
            trial_ends_at=None, period_ends_at=until, cancels_at=None, ended_at=ended_at,
        ),
    )  # fmt: skip


def invoice(number: int, days: float, paid: int, *, due: int = 290, failed: bool = False) -> Invoice:
    """Return an invoice `days` after NOW."""
    return Invoice(id=f"in_{number}", created_at=NOW + timedelta(days=days), paid_minor=paid, due_minor=due,
                   currency="usd", failed=failed)  # fmt: skip


def moment(days: float, who: Reader | None, *invoices: Invoice, window_days: float | None = None) -> Moment:
    """Return a moment `days` after NOW, whose meter's window ends `window_days` after NOW."""
    ends_at = None if window_days is None else NOW + timedelta(days=window_days)
    return Moment(now=NOW + timedelta(days=days), reader=who, invoices=invoices, window_ends_at=ends_at)


@pytest.mark.parametrize(
    ("status", "words"),
    [("trialing", "free trial runs until 22 November 2026; after that it is $2.90 per month"),
     ("active", "renews on 22 November 2026"), ("cancelling", "nothing more is charged"),
     ("grace", "did not go through"), ("paused", "paused"), ("held", "disputed"), ("courtesy", "compliments"),
     ("ended", "ended"), ("none", "no subscription"), ("of_a_newer_service", "no subscription")],
)  # fmt: skip
def test_every_state_is_one_sentence(status: str, words: str) -> None:
    """Whatever the status, there is exactly one sentence, and it says the thing that matters."""
    sentence = state_sentence(reader(status))
    assert words in sentence
    assert sentence.count(". ") == 0
    assert sentence.endswith(".")


def test_an_end_far_ahead_is_told_with_the_charges_before_it() -> None:
    """Staff can set one; it is no cancellation yet, so the reader may still cancel."""
    leaving = reader("cancelling", until=NOW + timedelta(days=75))
    assert leaving.subscription is not None
    far = replace(leaving, subscription=replace(leaving.subscription, period_ends_at=NOW, cancels_at=NOW + SECOND))
    assert (renews_first(far), "until then it renews at $2.90 per month" in state_sentence(far)) == (True, True)
    soon = replace(leaving, subscription=replace(leaving.subscription, period_ends_at=NOW, cancels_at=NOW))
    assert (renews_first(soon), renews_first(leaving)) == (False, False)
    assert not renews_first(replace(leaving, subscription=None))


def test_what_came_of_cancelling_is_told() -> None:
    """Until when there is still something to read, or that there is nothing."""
    told = Cancellation(access_until=NOW, final="access has ended, no further charge", undo_until=NOW)
    assert cancelled(told, NOW) == "Cancelled: access has ended, no further charge."
    assert cancelled(told, NOW - SECOND).startswith("Cancelled. You can read everything until 22 November 2026; ")


def test_an_end_has_its_day() -> None:
    """A reader learns when it ended."""
    assert "ended on 22 November 2026" in state_sentence(reader("ended", until=None, ended_at=NOW))


def test_a_day_is_the_publications() -> None:
    """Half past eleven at night in London is the next day in Paris."""
    assert day(datetime(2026, 11, 22, 23, 30, tzinfo=UTC)) == "23 November 2026"


def test_the_first_charge_ends_the_trial_and_the_next_renews() -> None:
    """Both are told with day and amount, in order; the trial's own invoice of nothing is not."""
    before = moment(0, reader("trialing"), invoice(1, 0, 0, due=0))
    after = moment(70, reader("active"), invoice(3, 61, 290), invoice(2, 30, 290), invoice(1, 0, 0, due=0))
    assert meanwhile(before, after) == [
        "22 December 2026: your free trial was over, and $2.90 was charged.",
        "22 January 2027: your subscription renewed, and $2.90 was charged.",
    ]


def test_what_was_told_before_is_not_told_again() -> None:
    """A charge of an earlier step is no news."""
    paid = invoice(1, 0, 290)
    assert meanwhile(moment(1, reader("active"), paid), moment(2, reader("active"), paid)) == [
        "Nothing was charged; you can read on."
    ]


def test_a_failed_charge_is_told_and_its_payment_too() -> None:
    """An open invoice failed; once it is paid, that is a charge."""
    failed, paid = invoice(2, 30, 0, failed=True), invoice(2, 30, 290)
    first = moment(0, reader("active"), invoice(1, 0, 290))
    second = moment(31, reader("grace"), invoice(1, 0, 290), failed)
    third = moment(33, reader("active"), invoice(1, 0, 290), paid)
    assert meanwhile(first, second) == ["22 December 2026: $2.90 could not be charged; we will try again."]
    assert meanwhile(second, third) == ["22 December 2026: your subscription renewed, and $2.90 was charged."]


def test_the_end_is_told_once() -> None:
    """When the subscription ends, and not again afterwards."""
    over = reader("ended", until=None, ended_at=NOW + timedelta(days=30))
    told = meanwhile(moment(0, reader("cancelling")), moment(31, over))
    assert told == ["22 December 2026: your subscription ended. Nothing more is charged."]
    assert meanwhile(moment(31, over), moment(32, over)) == ["Nothing happened to you, and nothing was charged."]


def test_a_new_month_brings_the_free_article_back() -> None:
    """For whoever is metered; a subscriber has no use for the news."""
    before = moment(0, None, window_days=9)
    assert meanwhile(before, moment(10, None)) == ["1 December 2026: a new month began, and your free article is back."]
    assert meanwhile(before, moment(8, None)) == ["Nothing happened to you, and nothing was charged."]
    assert "new month" not in meanwhile(before, moment(10, reader("active")))[0]
