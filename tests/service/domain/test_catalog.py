"""The offer answers for itself: which window holds an instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from metering.window import window_at
from service.domain.catalog import Catalog

NOW = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "changes",
    [{"window": "month"}, {"window": "week", "first_weekday": 6}, {"window": "rolling", "rolling_days": 30}],
)
def test_the_window_is_cut_as_the_offer_says(catalog: Catalog, changes: dict[str, object]) -> None:
    """Kind, zone, first weekday and length all come from plans.yaml."""
    meter = replace(catalog.meter, **changes)  # type: ignore[arg-type]
    expected = window_at(meter.window, NOW, catalog.zone, meter.first_weekday, meter.rolling_days)
    assert replace(catalog, meter=meter).window_at(NOW) == expected
