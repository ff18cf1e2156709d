"""The drift report's route: rows go out by name, a cursor of another list is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from service.api.cursors import cursor_of
from service.store.runs import Finished, Unfinished
from service.support.drift import DriftPage

KEY = "support:read-key"
NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
ROW = {
    "id": 9, "customer_id": "cus_1", "reader_id": "r-81", "subscription_id": "sub_1", "kind": "missing_here",
    "field": "", "ours": None,
    "theirs": None, "found_at": NOW, "seen_at": NOW, "repaired_at": None,
}  # fmt: skip


def test_what_was_found_is_shown(api: Any) -> None:
    """Our word and Stripe's for a field; neither when the whole subscription is missing."""
    differs = ROW | {"kind": "differs", "field": "status", "ours": "active", "theirs": "canceled", "repaired_at": NOW}
    api.drift.page_shown = DriftPage(rows=[differs, ROW], next_before=9)
    shown = api.call("GET", "/v1/support/drift", key=KEY).json
    assert shown["data"][0] == {
        "customer_id": "cus_1", "reader_id": "r-81", "subscription_id": "sub_1", "kind": "differs", "field": "status",
        "ours": "active",
        "theirs": "canceled", "found_at": "2026-11-10T09:00:00Z", "seen_at": "2026-11-10T09:00:00Z",
        "repaired_at": "2026-11-10T09:00:00Z",
        "sentence": "The status: our record said active, Stripe says canceled.",
    }  # fmt: skip
    assert (shown["last_run"], shown["under_way"], shown["open"]) == (None, None, 0)
    assert (shown["data"][1]["field"], shown["data"][1]["repaired_at"]) == (None, None)
    api.call("GET", "/v1/support/drift", key=KEY, query_string={"cursor": shown["next"]})
    assert api.drift.asked == [None, 9]


@pytest.mark.parametrize("foreign", ["r-80", "-1", "9" * 25, str(2**63), "²"])
def test_a_cursor_of_another_list_is_refused(api: Any, foreign: str) -> None:
    """Well-made by us, but for accounts, or beyond any row."""
    answer = api.call("GET", "/v1/support/drift", key=KEY, query_string={"cursor": cursor_of(foreign)})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["cursor"])
    assert api.drift.asked == []


def test_the_last_run_and_one_under_way_are_told(api: Any) -> None:
    """What was compared and came of it; a run counts from where it was resumed."""
    counts = {"compared": 40, "differing": 2, "repaired": 1, "failed": 1}
    ended = Finished(name="reconcile", started_at=NOW, finished_at=NOW, found=counts | {"resumed": 1})
    begun = Unfinished(name="reconcile", started_at=NOW, updated_at=NOW)
    api.drift.page_shown = DriftPage(rows=[], next_before=None, last_run=ended, under_way=begun, open=1)
    shown = api.call("GET", "/v1/support/drift", key=KEY).json
    assert shown["last_run"] == counts | {
        "name": "reconcile", "resumed": True, "refused": False, "started_at": "2026-11-10T09:00:00Z",
        "finished_at": "2026-11-10T09:00:00Z",
    }  # fmt: skip
    assert (shown["under_way"]["updated_at"], shown["open"]) == ("2026-11-10T09:00:00Z", 1)


def test_it_is_support_s_alone(api: Any) -> None:
    """The site's key opens no support route."""
    assert api.call("GET", "/v1/support/drift").status_code == 403
