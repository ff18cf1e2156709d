"""Long work stays below half of what Stripe allows, over all processes together."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from service.convergence.allowance import Allowance, Rate, long_work_rate, reserve

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
RATE = Rate(per_second=10, burst=5)


def test_half_of_stripes_allowance_is_kept_for_live_work() -> None:
    """Stripe answers 100 reads a second in live mode, 25 in test mode."""
    assert long_work_rate(livemode=True).per_second == 50
    assert long_work_rate(livemode=False).per_second == 12.5


def test_a_rested_bucket_gives_its_burst_and_then_its_rate() -> None:
    """Five calls at once, then one each tenth of a second."""
    free_at, waits = NOON - timedelta(hours=1), []
    for _ in range(8):
        free_at, delay = reserve(free_at, NOON, RATE)
        waits.append(delay.total_seconds())
    assert waits == pytest.approx([0, 0, 0, 0, 0, 0.1, 0.2, 0.3])


def test_rest_earns_no_more_than_the_burst() -> None:
    """After a night the sixth call still waits."""
    free_at, _ = reserve(NOON - timedelta(days=1), NOON, RATE)
    assert free_at == NOON + RATE.interval


def test_a_clock_set_back_stops_nobody_for_long() -> None:
    """A bucket that claims to be empty for an hour is taken for full: better a burst than an hour's silence."""
    assert reserve(NOON + timedelta(hours=1), NOON, RATE) == (NOON + RATE.interval, timedelta(0))


@given(st.lists(st.floats(min_value=0, max_value=3), min_size=2, max_size=60))
def test_no_second_sees_more_than_the_burst_and_the_rate(pauses: list[float]) -> None:
    """Whenever the callers come, any stretch of one second holds at most `burst + rate` calls."""
    now, free_at, calls = NOON, NOON, []
    for pause in pauses:
        now += timedelta(seconds=pause)
        free_at, delay = reserve(free_at, now, RATE)
        calls.append(now + delay)
    for first in calls:
        within = [each for each in calls if first <= each < first + timedelta(seconds=1)]
        assert len(within) <= RATE.burst + RATE.per_second


def test_processes_share_one_bucket(engine: Engine) -> None:
    """Twenty callers at once, each with its own object: the burst goes at once, the others queue one by one."""
    delays: list[float] = []
    slow = Rate(per_second=0.5, burst=5)  # so slow that this test's own duration earns nothing
    callers = [threading.Thread(target=Allowance(engine, slow, sleep=delays.append).wait) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(delays) == 15
    assert [round(each / 2) for each in sorted(delays)] == list(range(1, 16))
