"""What still counts is still told: partitions are kept for as long as the offer's window reaches back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from service.domain.catalog import Catalog
from service.journal import upkeep
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
    Upkeep(engine, offer, tail_days=2).tend(NOW)
    assert dropped == [kept_from]
