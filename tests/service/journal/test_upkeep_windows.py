"""What still counts is still told: partitions are kept for as long as the offer's window reaches back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine
from structlog.testing import capture_logs

from service.clocks import wall_clock
from service.domain.catalog import Catalog
from service.journal import partitions, upkeep
from service.journal.upkeep import Upkeep

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "kept_from"),
    [({"window": "month"}, date(2026, 10, 29)), ({"window": "rolling", "rolling_days": 30}, date(2026, 10, 21))],
)
def test_partitions_of_the_window_and_the_tail_are_kept(
    engine: Engine, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, window: dict[str, Any], kept_from: date
) -> None:
    """Claim: a calendar's window from its beginning, a rolling one for its whole length, and two days of tail."""
    dropped: list[date] = []
    monkeypatch.setattr(upkeep.partitions, "drop_before", lambda _engine, day: dropped.append(day) or 0)
    offer = replace(catalog, meter=replace(catalog.meter, **window))
    Upkeep(engine, offer, tail_days=2, database_clock=lambda _: NOW).tend(NOW)
    assert dropped == [kept_from]


@pytest.mark.parametrize("ahead", ["worker", "database"])
def test_a_clock_that_runs_weeks_ahead_forgets_nothing(engine: Engine, catalog: Catalog, ahead: str) -> None:
    """Claim: days are dropped by the earlier of the worker's clock and PostgreSQL's; a difference is counted."""
    days = [NOW.date() - partitions.DAY * back for back in (0, 20, 40)]
    with engine.begin() as connection:
        partitions.ensure(connection, days)
    later = NOW + timedelta(weeks=9)
    worker_at, database_at = (later, NOW) if ahead == "worker" else (NOW, later)
    upkeep, before = Upkeep(engine, catalog, tail_days=2, database_clock=lambda _: database_at), clocks_apart()
    with capture_logs() as lines:
        assert upkeep.tend(worker_at) == 1  # the day of 40 days ago alone
    assert [(line["event"], line["log_level"]) for line in lines] == [("clocks_disagree", "error")]
    assert clocks_apart() == before + 1
    with engine.connect() as connection:
        assert set(days[:2]) <= set(partitions.present(connection))


def test_clocks_that_agree_are_not_spoken_of(engine: Engine, catalog: Catalog) -> None:
    """Claim: PostgreSQL's own clock is asked, and beside it on one machine nothing is wrong."""
    before = clocks_apart()
    Upkeep(engine, catalog, tail_days=2).tend(wall_clock())
    assert clocks_apart() == before
    Upkeep(engine, catalog, tail_days=2).tend(wall_clock() + timedelta(minutes=6))
    assert clocks_apart() == before + 1


def clocks_apart() -> float:
    return REGISTRY.get_sample_value("newsstand_clocks_apart_total") or 0
