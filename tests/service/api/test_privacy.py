"""What is held on a reader is handed out and erased over the API."""

from __future__ import annotations

from typing import Any

import pytest

PRIVACY, READ, WRITE = "privacy-key", "support:read-key", "support:write-key"


def test_an_erasure_is_previewed(api: Any) -> None:
    """What would go, what is to be done at Stripe, what is in the way; nothing is done."""
    shown = api.call("DELETE", "/v1/readers/r-81", key=PRIVACY, query_string={"preview": "true"}).json
    assert (shown["preview"], shown["rows"], shown["erased_before_at"]) == (True, {"accounts": 1}, None)
    assert shown["at_stripe"][0].startswith("Note cus_1 now")
    assert shown["obstacle"] == {"code": "subscription_running", "detail": "A subscription is running."}
    (entry,) = api.audit.entries
    assert (entry.act, entry.subjects, entry.detail) == ("account.erase", ("r-81",), {"preview": "true", "status": 200})


def test_an_erasure_tells_that_there_was_one_before(api: Any) -> None:
    """So that nobody takes an answer without steps for a reader who never was at Stripe."""
    done = api.call("DELETE", "/v1/readers/r-81", key=PRIVACY, query_string={"reason": "asked by letter"}).json
    assert (done["preview"], done["obstacle"], done["erased_before_at"]) == (False, None, "2026-11-10T09:00:00Z")
    assert api.audit.entries[-1].reason == "asked by letter"


def test_an_answer_with_the_customers_number_is_not_kept(api: Any) -> None:
    """An Idempotency-Key is passed over: what is kept under one is kept for a day."""
    for _ in range(2):
        answer = api.call("DELETE", "/v1/readers/r-81", key=PRIVACY, headers={"Idempotency-Key": "k-1"})
        assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (200, False)
    assert len(api.audit.entries) == 2


def test_the_reason_of_an_export_is_on_record(api: Any) -> None:
    """The site may give one; staff must."""
    for query in ({}, {"reason": "asked by letter"}):
        assert api.call("GET", "/v1/readers/r-81/export", key=PRIVACY, query_string=query).status_code == 200
    assert [each.reason for each in api.audit.entries] == [None, "asked by letter"]
    at = "/v1/support/accounts/r-81/export"
    assert list(api.call("GET", at, key=WRITE).json["errors"]) == ["reason"]
    assert api.call("GET", at, key=WRITE, query_string={"reason": "rang"}).status_code == 200
    assert api.audit.entries[-1].reason == "rang"


@pytest.mark.parametrize("key", [READ, PRIVACY])
def test_a_key_that_stands_for_a_viewer_takes_nothing_whole_away(api: Any, key: str) -> None:
    """What Stripe sent is in an export unmasked, as no page shows it to a viewer."""
    answer = api.call("GET", "/v1/support/accounts/r-81/export", key=key, query_string={"reason": "rang"})
    assert (answer.status_code, answer.json["code"]) == (403, "insufficient_scope")
