"""Each figure of the record against a case counted by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, insert

from service.numbers.record import KEPT_DAYS, Count, counts, months
from service.store.tables import invoices, subscriptions

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def at(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, 0, tzinfo=UTC)


def sold(engine: Engine, sub_id: str, created_at: datetime, **changes: Any) -> None:
    """Store a running monthly subscription without a trial, with `changes`."""
    usual = {
        "id": sub_id, "customer_id": "cus_1", "status": "active", "plan": "monthly", "price_id": "price_1",
        "amount_minor": 290, "currency": "usd", "interval": "month", "created_at": created_at, "fetched_at": NOW,
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(subscriptions).values(usual | changes))


def billed(engine: Engine, number: int, sub_id: str | None, made_at: datetime, **changes: Any) -> None:
    """Store an invoice paid at the first attempt, with `changes`."""
    usual = {
        "id": f"in_{number}", "customer_id": "cus_1", "subscription_id": sub_id, "status": "paid", "currency": "usd",
        "amount_due_minor": 290, "amount_paid_minor": 290, "attempt_count": 1, "created_at": made_at,
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(invoices).values(usual | changes))


def found(engine: Engine, figure: str) -> dict[tuple[date, str], int]:
    with engine.connect() as connection:
        every: list[Count] = list(counts(connection, PARIS, NOW))
    return {(each.day, each.key): each.value for each in every if each.figure == figure}


def test_a_subscription_stands_from_its_trials_end_to_its_own(engine: Engine) -> None:
    """In a trial for ten days, paying from the eleventh, ended on the twentieth: by the day's end in Paris."""
    sold(engine, "sub_1", at(11, 1), trial_end_at=at(11, 11), ended_at=at(11, 20), status="canceled")
    active = found(engine, "active")
    in_trial = [day for (day, key), value in active.items() if key == "trial" and value]
    paying = [day for (day, key), value in active.items() if key == "plan monthly" and value]
    assert in_trial == [date(2026, 11, day) for day in range(1, 11)]
    assert paying == [date(2026, 11, day) for day in range(11, 20)]


def test_days_are_the_publications(engine: Engine) -> None:
    """Half past eleven at night in UTC is tomorrow in Paris."""
    sold(engine, "sub_1", datetime(2026, 11, 9, 23, 30, tzinfo=UTC))
    active = found(engine, "active")
    assert min(day for day, _ in active) == date(2026, 11, 10)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "incomplete"}, {"status": "incomplete_expired"}, {"status": "unpaid"}, {"status": "paused"},
        {"plan": None}, {"created_at": at(11, 23)},
    ],
)  # fmt: skip
def test_what_does_not_run_is_not_counted(engine: Engine, changes: dict[str, Any]) -> None:
    """Never paid for, paused, another product, or begun after now."""
    sold(engine, "sub_1", at(11, 1), **changes) if "created_at" not in changes else sold(
        engine, "sub_1", changes["created_at"]
    )
    assert found(engine, "active") == {}
    assert found(engine, "mrr") == {}


def test_a_trial_that_was_cancelled_never_pays(engine: Engine) -> None:
    """Ended with its trial: in a trial until then, and in no other number."""
    sold(engine, "sub_1", at(11, 1), trial_end_at=at(11, 11), ended_at=at(11, 11), status="canceled")
    active = found(engine, "active")
    assert {key for (_, key), value in active.items() if value} == {"trial"}
    assert active[date(2026, 11, 11), "trial"] == 0
    assert found(engine, "churn") == {}


def test_revenue_is_added_up_in_twelfths(engine: Engine) -> None:
    """Two monthly at 290 and three yearly at 1990: 12 × 580 + 3 × 1990 twelfths. Trials pay nothing."""
    for number in (1, 2):
        sold(engine, f"sub_m{number}", at(11, 1))
    for number in (1, 2, 3):
        sold(engine, f"sub_y{number}", at(11, 2), plan="annual", interval="year", amount_minor=1990)
    sold(engine, "sub_trial", at(11, 2), trial_end_at=at(12, 2), status="trialing")
    sold(engine, "sub_euro", at(11, 3), currency="eur", amount_minor=250, status="past_due")
    revenue = found(engine, "mrr")
    assert revenue[date(2026, 11, 1), "usd"] == 12 * 580
    assert revenue[date(2026, 11, 22), "usd"] == 12 * 580 + 3 * 1990
    assert revenue[date(2026, 11, 22), "eur"] == 12 * 250


def test_what_began_long_ago_stands_on_the_first_day_that_is_kept(engine: Engine) -> None:
    """Thirteen months are kept; older beginnings and ends are in the first day's level."""
    sold(engine, "sub_old", datetime(2020, 1, 1, tzinfo=UTC))
    sold(
        engine,
        "sub_gone",
        datetime(2020, 1, 1, tzinfo=UTC),
        ended_at=datetime(2021, 1, 1, tzinfo=UTC),
        status="canceled",
    )
    active = found(engine, "active")
    assert len(active) == KEPT_DAYS
    assert set(active.values()) == {1}


def test_trials_are_counted_by_the_day_they_began(engine: Engine) -> None:
    """Four of one day: one paid since, one runs, one lapsed, one never got past its first payment."""
    for name, changes in {
        "sub_paid": {"trial_end_at": at(11, 15)},
        "sub_runs": {"trial_end_at": at(12, 10), "status": "trialing"},
        "sub_lapsed": {"trial_end_at": at(11, 15), "status": "canceled", "ended_at": at(11, 15)},
        "sub_never": {"trial_end_at": at(12, 10), "status": "incomplete_expired"},
    }.items():
        sold(engine, name, at(11, 10), **changes)
    sold(engine, "sub_no_trial", at(11, 10))
    billed(engine, 1, "sub_paid", at(11, 15))
    billed(engine, 2, "sub_paid", at(11, 16))
    billed(engine, 3, "sub_lapsed", at(11, 15), status="open", amount_paid_minor=0)
    day = date(2026, 11, 10)
    assert found(engine, "trials") == {(day, "started"): 3, (day, "converted"): 1, (day, "running"): 1}


def test_churn_is_of_those_who_paid_when_the_month_began(engine: Engine) -> None:
    """Four paying when November began, one of whom ended in it; who came and went within it is in neither."""
    for number in range(3):
        sold(engine, f"sub_{number}", at(10, 5))
    sold(engine, "sub_ended", at(10, 5), ended_at=at(11, 7), status="canceled")
    sold(engine, "sub_brief", at(11, 2), ended_at=at(11, 9), status="canceled")
    sold(engine, "sub_trial", at(10, 20), trial_end_at=at(11, 3), ended_at=at(11, 8), status="canceled")
    churned = found(engine, "churn")
    november = date(2026, 11, 1)
    assert churned == {(november, "at_start"): 4, (november, "ended"): 1}


def test_a_months_beginning_is_the_publications(engine: Engine) -> None:
    """Ended at half past eleven on the last night of October in UTC: that is November in Paris."""
    sold(engine, "sub_1", at(9, 5), ended_at=datetime(2026, 10, 31, 23, 30, tzinfo=UTC), status="canceled")
    churned = found(engine, "churn")
    assert churned[date(2026, 11, 1), "ended"] == 1
    assert churned[date(2026, 11, 1), "at_start"] == 1
    assert (date(2026, 10, 1), "ended") not in churned


def test_failed_payments_are_told_by_what_became_of_them(engine: Engine) -> None:
    """Paid at the first attempt, not tried yet, of no subscription: none of these; the others by their end."""
    sold(engine, "sub_1", at(10, 1))
    sold(engine, "sub_foreign", at(10, 1), plan=None)
    unpaid = {"amount_paid_minor": 0, "status": "open"}
    billed(engine, 1, "sub_1", at(11, 5))
    billed(engine, 2, "sub_1", at(11, 5), attempt_count=3)
    billed(engine, 3, "sub_1", at(11, 5), **unpaid, attempt_count=2)
    billed(engine, 4, "sub_1", at(11, 5), **(unpaid | {"status": "uncollectible"}), attempt_count=4)
    billed(engine, 5, "sub_1", at(11, 6), **(unpaid | {"status": "void"}), attempt_count=1)
    billed(engine, 6, "sub_1", at(11, 6), **unpaid, attempt_count=0)
    billed(engine, 7, None, at(11, 6), **unpaid, attempt_count=2)
    billed(engine, 8, "sub_foreign", at(11, 6), **unpaid, attempt_count=2)
    billed(engine, 9, "sub_1", at(11, 6), **unpaid, attempt_count=None)
    fifth, sixth = date(2026, 11, 5), date(2026, 11, 6)
    assert found(engine, "failed_payments") == {
        (fifth, "failed"): 3, (fifth, "recovered"): 1, (fifth, "retried"): 1, (fifth, "lost"): 1,
        (sixth, "failed"): 1, (sixth, "lost"): 1,
    }  # fmt: skip


@pytest.mark.parametrize("status", ["canceled", "unpaid", "paused", "incomplete_expired"])
def test_what_stripe_has_given_up_is_lost(engine: Engine, status: str) -> None:
    """After its last retry Stripe ends the subscription and leaves the invoice open: nobody tries it any more."""
    sold(engine, "sub_1", at(10, 1), status=status, ended_at=at(11, 19))
    billed(engine, 1, "sub_1", at(11, 5), status="open", amount_paid_minor=0, attempt_count=9)
    day = date(2026, 11, 5)
    assert found(engine, "failed_payments") == {(day, "failed"): 1, (day, "lost"): 1}


def test_thirteen_months_are_named_from_this_one_back() -> None:
    """Also over the turn of a year."""
    assert months(date(2026, 1, 31))[:3] == [date(2026, 1, 1), date(2025, 12, 1), date(2025, 11, 1)]
    assert months(date(2026, 11, 22))[-1] == date(2025, 11, 1)
