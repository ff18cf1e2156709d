"""A year of mixed readers in virtual time, compared with Stripe at the end of every day: no difference, no drift."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.simulation.newsroom import open_newsroom
from sandbox.simulation.year import Year

pytestmark = pytest.mark.slow

PLANS = Path(__file__).parents[2] / "plans.yaml"
SEED = int(os.environ.get("SEED", "20261122"))


def live(database_url: str, redis_url: str, *, readers: int, days: int) -> Year:
    room = open_newsroom(database_url, redis_url, PLANS)
    try:
        year = Year(room, PLANS, readers, SEED)
        year.live(days)
    finally:
        room.close()
    return year


def test_some_weeks_of_a_dozen_readers(database_url: str, redis_url: str) -> None:
    """Twelve readers for seven weeks: each evening every reader's access is what Stripe says, and reconcile is idle."""
    year = live(database_url, redis_url, readers=12, days=45)
    assert year.acted["buy"] > 6


@pytest.mark.simulate
@pytest.mark.timeout(7200)
def test_a_year_of_two_hundred_readers(database_url: str, redis_url: str, covered: Callable[..., None]) -> None:
    """Trials, failures, recoveries, refunds, disputes, switches, pauses, cancellations: a year of 200 readers."""
    year = live(database_url, redis_url, readers=200, days=365)
    covered("year", readers=200, days=365, comparisons=year.judge.compared, reconciliations=365, drift=0)
    covered("year, acts", **year.acted)
