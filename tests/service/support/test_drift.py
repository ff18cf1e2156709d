"""Drift is shown newest first, page by page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from service.clocks import wall_clock
from service.store import drift
from service.store.drift import Drift, DriftKind
from service.support.drift import PAGE, DriftReport


def one(number: int, **changes: Any) -> Drift:
    usual: dict[str, Any] = {"customer_id": "cus_1", "subscription_id": f"sub_{number}", "kind": DriftKind.MISSING_HERE}
    return Drift(**usual | changes)


def test_pages_follow_one_another(engine: Engine) -> None:
    """Newest first; the last page leads nowhere."""
    report = DriftReport(engine)
    assert (list(report.page(None).rows), report.page(None).next_before) == ([], None)
    with engine.begin() as connection:
        drift.record(connection, [one(number) for number in range(PAGE + 1)], wall_clock())
    first = report.page(None)
    assert len(first.rows) == PAGE
    assert first.rows[0]["subscription_id"] == f"sub_{PAGE}"
    last = report.page(first.next_before)
    assert ([row["subscription_id"] for row in last.rows], last.next_before) == (["sub_0"], None)


@pytest.mark.parametrize("repaired", [False, True])
def test_the_same_difference_is_one_row_until_it_is_repaired(engine: Engine, *, repaired: bool) -> None:
    """Seen again it stays as found, with today's words; after a repair it is a new finding."""
    now = wall_clock()
    with engine.begin() as connection:
        drift.record(connection, [one(1, kind=DriftKind.DIFFERS, field="status", ours="a", theirs="b")], now)
        if repaired:
            drift.close(connection, "cus_1", now)
        again = one(1, kind=DriftKind.DIFFERS, field="status", ours="a", theirs="c")
        drift.record(connection, [again], now + timedelta(days=1))
    rows = DriftReport(engine).page(None).rows
    assert (rows[0]["theirs"], rows[0]["seen_at"]) == ("c", now + timedelta(days=1))
    assert (len(rows), rows[0]["found_at"] == now) == ((2, False) if repaired else (1, True))
