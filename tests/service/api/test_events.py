"""The inbox's routes: what is asked reaches it, what it knows goes out in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from service.api.cursors import cursor_of
from service.store.event_search import EventPlace
from service.support.event_words import REPLAYED
from service.support.events import EventQuery, EventState, Replay

READ, WRITE = "support:read-key", "support:write-key"
NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
PLACE = EventPlace(received_at=NOW, id="evt_1")


def test_a_filter_is_passed_on_and_the_cursor_is_ours(api: Any) -> None:
    """All of it is optional; what is shown is told in words beside the codes."""
    shown = api.call("GET", "/v1/support/events", key=READ).json
    asked = {"status": "failed", "type": "invoice.paid", "customer": "cus_1", "cause": "APIError"}
    api.call("GET", "/v1/support/events", key=READ, query_string=asked | {"cursor": shown["next"]})
    assert api.events.queries == [
        EventQuery(),
        EventQuery(
            state=EventState.FAILED, type="invoice.paid", customer_id="cus_1", reason="APIError", after=PLACE
        ),
    ]  # fmt: skip
    (row,) = shown["data"]
    assert (row["status"], row["reader_id"], row["received_at"]) == ("quarantined", "r-81", "2026-11-10T09:00:00Z")
    assert row["story"].startswith("It has failed so often")
    assert row["reason_in_words"] == "Stripe refused our key: look at STRIPE_SECRET_KEY."
    assert api.audit.entries[-1].detail["filter_status"] == "failed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "lost"}, {"type": ""}, {"customer": "a\x00b"}, {"cursor": "x"}, {"cursor": cursor_of("r-80")},
        {"cursor": cursor_of('["2026-11-10T09:00:00", "evt_1"]')}, {"cursor": cursor_of('["2026-11-10", 5]')},
        {"cursor": cursor_of("[1, 2]")}, {"cursor": cursor_of('["2026-11-10T09:00:00+00:00", "\\u0000"]')},
        {"until": "x"},
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused(api: Any, wrong: dict[str, str]) -> None:
    """By field; nothing is asked of the database."""
    answer = api.call("GET", "/v1/support/events", key=READ, query_string=wrong)
    assert (answer.status_code, list(answer.json["errors"])) == (422, list(wrong))
    assert api.events.queries == []


def test_an_event_is_shown_with_whose_it_is_on_record(api: Any) -> None:
    """A payload, though masked, is a reader's."""
    shown = api.call("GET", "/v1/support/events/evt_1", key=READ).json
    assert (shown["payload"], shown["livemode"]) == ({"id": "evt_1"}, False)
    assert (api.audit.entries[-1].act, api.audit.entries[-1].subjects) == ("event.read", ("r-81",))
    api.events.known = None
    answer = api.call("GET", "/v1/support/events/evt_none", key=READ)
    assert (answer.status_code, answer.json["code"]) == (404, "no_event")


@pytest.mark.parametrize("options", [{}, {"json": {}}, {"json": {"reason": "mended"}}])
def test_one_event_is_replayed(api: Any, options: dict[str, Any]) -> None:
    """With a reason or without, which then is on record; a body is not needed."""
    answer = api.call("POST", "/v1/support/events/evt_1/replay", key=WRITE, **options)
    told = {"id": "evt_1", "preview": False, "effect": [REPLAYED], "outcome": "resumed"}
    assert (answer.status_code, answer.json) == (200, told)
    assert api.events.replayed == ["evt_1"]
    assert api.audit.entries[-1].reason == options.get("json", {}).get("reason", "(none given)")


@pytest.mark.parametrize("preview", [True, False])
def test_a_replay_is_told_before_it_is_done(api: Any, preview: bool) -> None:
    """What it would do, or why it would not; only what is not a preview is replayed."""
    asked = {"key": WRITE, "json": {"reason": "mended", "preview": preview}}
    assert api.call("POST", "/v1/support/events/evt_1/replay", **asked).json["effect"] == [REPLAYED]
    assert api.events.replayed == ([] if preview else ["evt_1"])
    api.events.outcome = Replay.IGNORED
    assert api.call("POST", "/v1/support/events/evt_1/replay", **asked).json["code"] == "event_without_effect"


@pytest.mark.parametrize(
    ("outcome", "told"), [(Replay.UNKNOWN, (404, "no_event")), (Replay.IGNORED, (409, "event_without_effect"))]
)
def test_what_can_not_be_replayed_is_told(api: Any, outcome: Replay, told: tuple[int, str]) -> None:
    """Not there, and there without an effect."""
    api.events.outcome = outcome
    answer = api.call("POST", "/v1/support/events/evt_1/replay", key=WRITE)
    assert (answer.status_code, answer.json["code"]) == told


def test_a_filter_is_replayed_after_a_preview(api: Any) -> None:
    """The preview replays nothing; both are on record, before and after."""
    body = {"status": "quarantined", "cause": "AuthenticationError", "reason": "rolled", "preview": True}
    told = {"events": 12, "customers": 9, "more": False}
    assert api.call("POST", "/v1/support/events/replays", key=WRITE, json=body).json == told | {"preview": True}
    assert api.events.replayed == []
    body |= {"preview": False, "until": "2026-11-10T09:00:00Z"}
    assert api.call("POST", "/v1/support/events/replays", key=WRITE, json=body).json == told | {"preview": False}
    assert api.events.replayed == ["all"]
    assert api.events.queries[-1] == EventQuery(state=EventState.QUARANTINED, reason="AuthenticationError", until=NOW)
    assert [(each.act, each.reason) for each in api.audit.entries[-2:]] == [
        ("events.replay.asked", "rolled"),
        ("events.replay", "rolled"),
    ]


@pytest.mark.parametrize("wrong", [{"status": "done"}, {"status": "ignored"}, {"status": None}, {"reason": ""}])
def test_only_what_is_stuck_is_replayed_and_for_a_reason(api: Any, wrong: dict[str, Any]) -> None:
    """What is done or without effect would be a year of events."""
    body = {"status": "failed", "reason": "rolled"} | wrong
    answer = api.call("POST", "/v1/support/events/replays", key=WRITE, json=body)
    assert (answer.status_code, list(answer.json["errors"])) == (422, list(wrong))
    assert api.events.replayed == []


def test_the_inbox_is_told_in_numbers(api: Any) -> None:
    """With what a count that stops there means."""
    shown = api.call("GET", "/v1/support/inbox", key=READ).json
    assert shown["counts"] == {"pending": 1, "failed": 1, "quarantined": 1, "ignored": 1}
    assert shown["newest"] == {"pending": 0, "failed": 0, "quarantined": 0, "done": 7, "ignored": 0}
    assert (shown["oldest_seconds"], shown["behind"], shown["counted_to"]) == (2.5, False, 10_000)
    refused = "Our key may not ask for this at Stripe: it is a restricted one."
    assert shown["errands"] == [
        {"kind": "warned_charge", "waiting": 2, "failing": 1, "reason": "PermissionError", "reason_in_words": refused}
    ]


def test_reading_is_not_replaying(api: Any) -> None:
    """A key that may only read replays nothing, and the site's key sees nothing."""
    assert api.call("POST", "/v1/support/events/evt_1/replay", key=READ).status_code == 403
    assert api.call("POST", "/v1/support/events/replays", key=READ, json={"status": "failed"}).status_code == 403
    for path in ("events", "events/evt_1", "inbox"):
        assert api.call("GET", f"/v1/support/{path}").status_code == 403
