"""The inbox in the console, on a real PostgreSQL: what is stuck is found, read without anybody's data, and replayed."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, insert, text

from service.console.once import new_key
from service.domain.staff import Role
from service.store import drift, runs
from service.store.audit import AuditQuery
from service.store.drift import Drift, DriftKind
from service.store.money_tables import warned_charges
from service.store.tables import accounts
from service.support.drift_words import sentence
from service.support.event_words import reason_of, story_of
from webhooks.state import EventState
from webhooks.tables import customer_syncs, events

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
ONCE = 'name="once" value="([^"]+)"'


def stored(event_id: str, customer_id: str | None, **changes: Any) -> dict[str, Any]:
    """Return a row of `events` whose payload names somebody."""
    about = {"object": "customer", "id": customer_id, "email": "ada@example.com", "name": "<b>Ada</b>"}
    value = {"id": event_id, "object": "event", "type": "customer.updated", "data": {"object": about}}
    usual = {
        "id": event_id, "type": "customer.updated", "created_at": NOW, "received_at": NOW, "livemode": False,
        "body": json.dumps(value).encode(), "customer_id": customer_id, "mark": 1, "status": "pending", "reason": None,
    }  # fmt: skip
    return usual | changes


@pytest.fixture
def stuck(engine: Engine) -> None:
    """Two events of a customer who fails, one without effect, and one that cannot be routed."""
    with engine.begin() as connection:
        connection.execute(insert(accounts).values(reader_id="r-ada", customer_id="cus_1"))
        failing = {"customer_id": "cus_1", "dirty": 2, "synced": 0, "attempts": 9, "error": "AuthenticationError"}
        connection.execute(insert(customer_syncs).values(failing | {"dirty_since": NOW - timedelta(hours=3)}))
        rows = [
            stored("evt_1", "cus_1"),
            stored("evt_2", "cus_1", mark=2),
            stored("evt_3", None, status="ignored", reason="concerns_no_customer", type="product.created", mark=None),
            stored("evt_4", None, status="quarantined", reason="InvalidRequestError:resource_missing", mark=None),
        ]
        for row in rows:
            connection.execute(insert(events).values(row))


def jobs(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(text("select args ->> 'subject_id' from procrastinate_jobs order by 1")))


@pytest.mark.usefixtures("stuck")
def test_the_inbox_says_how_it_stands(console: Any) -> None:
    """How far behind, how many of which state, and where to go from there."""
    page = console.signed_in(Role.VIEWER).get("/support/inbox").text
    assert "Behind: the oldest event has waited" in page
    assert "<strong>3 quarantined:</strong>" in page
    assert 'href="/support/events?status=quarantined"' in page


def test_what_stripe_refuses_to_do_is_shown(console: Any, engine: Engine) -> None:
    """How much of what is to be done by itself is not, with the reason in words."""
    rows = [{"warning_id": f"issfr_{number}", "customer_id": "cus_1", "charge_id": "ch_1"} for number in range(3)]
    with engine.begin() as connection:
        for row, outcome in zip(rows, [None, "failing:PermissionError", "failing:PermissionError"], strict=True):
            connection.execute(insert(warned_charges).values(row | {"outcome": outcome}))
        connection.execute(insert(warned_charges).values(rows[0] | {"warning_id": "issfr_9", "settled_at": NOW}))
    page = console.signed_in(Role.VIEWER).get("/support/inbox").text
    assert "Payments to be given back: 3 to be done, <strong>of which Stripe refuses 2:</strong>" in page
    assert "Our key may not ask for this at Stripe: it is a restricted one. They are tried again" in page
    assert "Trials with a card that had had one" not in page


def test_an_empty_inbox_says_so(console: Any) -> None:
    """In words, on each of the three pages."""
    browser = console.signed_in(Role.VIEWER)
    assert "Nothing waits." in browser.get("/support/inbox").text
    assert "Nothing waits to be done." in browser.get("/support/inbox").text
    assert "is Stripe’s webhook set up?" in browser.get("/support/inbox").text
    assert "No event has come yet." in browser.get("/support/events").text
    assert "No event is like that." in browser.get("/support/events?status=failed").text
    assert "No difference was ever found." in browser.get("/support/drift").text


@pytest.mark.usefixtures("stuck")
def test_events_are_listed_with_why(console: Any) -> None:
    """Each with its reason in words and whose it is; a form that is not right is shown again."""
    browser = console.signed_in(Role.VIEWER)
    page = browser.get("/support/events?status=quarantined&type=&customer=&cause=").text
    assert "Stripe refused our key: look at STRIPE_SECRET_KEY." in page
    assert 'href="/support/accounts/r-ada"' in page
    assert "evt_3" not in page
    assert "Replay all of these" not in page
    ignored = browser.get("/support/events?status=ignored").text
    assert "concerns no single reader" in ignored
    assert browser.get("/support/events?status=sideways").status_code == 422


@pytest.mark.usefixtures("stuck")
def test_an_event_is_read_without_anybodys_data(console: Any) -> None:
    """Masked, as text, and on record with the reader it concerns; a viewer can't replay it."""
    page = console.signed_in(Role.VIEWER).get("/support/events/evt_1").text
    assert ("ada@example.com" in page, "<b>Ada" in page, "[masked]" in page) == (False, False, True)
    assert "cus_1" in page
    assert "Replay this event" not in page
    (entry,) = console.desk.services.audit.page(AuditQuery(act="event.read")).rows
    assert entry["subjects"] == ["r-ada"]
    assert console.signed_in(Role.VIEWER).get("/support/events/evt_none").status_code == 404


@pytest.mark.usefixtures("stuck")
def test_an_agent_replays_one_event(console: Any, engine: Engine) -> None:
    """With a reason, at once; not without one, nor an event that has no effect."""
    browser = console.signed_in(Role.AGENT)
    assert "Replay this event" in browser.get("/support/events/evt_1").text
    assert browser.post("/support/events/evt_1/replay").status_code == 422
    assert browser.post("/support/events/evt_1/replay", {"once": new_key()}).status_code == 422
    assert browser.post("/support/events/evt_3/replay", {"reason": "x", "once": new_key()}).status_code == 409
    assert browser.post("/support/events/evt_none/replay", {"reason": "x", "once": new_key()}).status_code == 404
    assert jobs(engine) == []
    answer = browser.post("/support/events/evt_1/replay", {"reason": "the key was rolled", "once": new_key()})
    assert (answer.status_code, answer.location) == (303, "/support/events/evt_1?replayed=1")
    assert "It will be tried again" in browser.get(answer.location).text
    assert jobs(engine) == ["cus_1"]
    replays = console.desk.services.audit.page(AuditQuery(act="event.replay")).rows
    assert (replays[0]["reason"], replays[0]["detail"]["event_id"]) == ("the key was rolled", "evt_1")


@pytest.mark.usefixtures("stuck")
def test_a_lead_replays_many_after_being_told_how_many(console: Any, engine: Engine) -> None:
    """The confirmation names the events and their customers; what came after it is left out."""
    browser = console.signed_in(Role.LEAD)
    assert "Replay all of these" in browser.get("/support/events?status=quarantined").text
    confirmation = browser.get("/support/events/replays?status=quarantined&cause=AuthenticationError").text
    assert "2 events of 1 customer will be tried again." in confirmation
    assert f'name="until" value="{NOW.isoformat()}"' in confirmation
    with engine.begin() as connection:
        connection.execute(insert(events).values(stored("evt_5", "cus_1", received_at=NOW + timedelta(seconds=1))))
    form = {"status": "quarantined", "until": NOW.isoformat(), "reason": "the key was rolled", "once": new_key()}
    answer = browser.post("/support/events/replays", form)
    assert (answer.status_code, answer.location) == (303, "/support/inbox?replayed=3&customers=2&more=0")
    assert "3 events of 2 customers will be tried again" in browser.get(answer.location).text
    assert jobs(engine) == ["cus_1", "evt_4"]
    assert [act for _, act in console.acts()][-2:] == ["events.replay.asked", "events.replay"]


@pytest.mark.usefixtures("stuck")
@pytest.mark.parametrize("path", ["evt_1/replay", "replays"])
def test_a_replay_pressed_twice_is_one(console: Any, engine: Engine, path: str) -> None:
    """One entry for it, and the second answer is the first one's."""
    browser = console.signed_in(Role.LEAD)
    shown = browser.get("/support/events/evt_1" if path != "replays" else "/support/events/replays?status=quarantined")
    form = {"status": "quarantined", "reason": "the key was rolled", "once": re.findall(ONCE, shown.text)[0]}
    answers = {browser.post(f"/support/events/{path}", form).location for _ in range(2)}
    assert len(answers) == 1
    done = [act for _, act in console.acts() if act in {"event.replay", "events.replay"}]
    assert len(done) == 1


@pytest.mark.usefixtures("stuck")
@pytest.mark.parametrize("form", [{"status": "done"}, {"status": ""}, {"reason": ""}, {"until": "x"}])
def test_many_are_replayed_only_if_stuck_and_for_a_reason(console: Any, engine: Engine, form: dict[str, str]) -> None:
    """422 in words, and nothing is queued; an agent can't at all."""
    form = {"status": "failed", "reason": "x", "once": new_key()} | form
    assert console.signed_in(Role.LEAD).post("/support/events/replays", form).status_code == 422
    assert console.signed_in(Role.AGENT, "bob").get("/support/events/replays?status=failed").status_code == 403
    assert jobs(engine) == []


def test_what_is_no_longer_stuck_is_said(console: Any) -> None:
    """Somebody else was faster; and there is no confirmation of what could not be replayed."""
    browser = console.signed_in(Role.LEAD)
    assert "Nothing like that is stuck any more." in browser.get("/support/events/replays?status=failed").text
    assert browser.get("/support/events/replays?status=done").status_code == 422


def test_drift_is_told_in_words_with_its_last_run(console: Any, engine: Engine) -> None:
    """What differed, whose it is, whether it was put right, and a sync for what was not."""
    found = Drift(
        customer_id="cus_1", subscription_id="sub_1", kind=DriftKind.DIFFERS, field="status", ours="active",
        theirs="past_due",
    )  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(accounts).values(reader_id="r-ada", customer_id="cus_1"))
        run = runs.begin(connection, runs.REPAIRING, NOW)
        drift.record(connection, [found], NOW)
        numbers = {"compared": 1200, "differing": 1, "repaired": 0, "failed": 1, "resumed": 0}
        runs.end(connection, run, NOW + timedelta(minutes=5), numbers)
    page = console.signed_in(Role.AGENT).get("/support/drift").text
    assert "1,200 subscriptions compared, 1 customers differed, 0 of them put right, 1 not yet." in page
    assert "The status: our record said active, Stripe says past due." in page
    assert 'action="/support/accounts/r-ada/sync"' in page
    assert "1 difference not put right yet." in page
    assert "Sync now" not in console.signed_in(Role.VIEWER, "bob").get("/support/drift").text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "missing_here"}, "Stripe has the subscription sub_1, of which our record knows nothing."),
        ({"kind": "gone_at_stripe"}, "which Stripe knows no more."),
        ({"kind": "unreadable"}, "can't be read"),
        ({"field": "customer_email"}, "The e-mail address is another one at Stripe; it is not written down here."),
        (
            {"field": "ended_at", "ours": None, "theirs": "2026-11-10T09:00:00+00:00"},
            "The end: our record said none, Stripe says 10 November 2026, 10:00.",
        ),
        ({"field": "dispute dp_1", "ours": "To", "theirs": "lost"}, "The dispute dp_1: our record said To"),
        ({"field": "card", "ours": "pm_T 1/2030", "theirs": None}, "said pm_T 1/2030, Stripe says none."),
    ],
)
def test_each_difference_is_a_sentence(changes: dict[str, Any], words: str) -> None:
    """Also one of a field that nobody has given words to."""
    row = {"kind": "differs", "subscription_id": "sub_1", "field": "", "ours": "a", "theirs": "b"} | changes
    assert words in sentence(row, ZoneInfo("Europe/Paris"))


def test_every_state_and_reason_has_words() -> None:
    """Also a reason that nobody has met yet."""
    assert all(story_of(state).endswith(".") for state in EventState)
    assert reason_of("InvalidRequestError:resource_missing") == reason_of("InvalidRequestError")
    assert "Something here failed (KeyError)" in str(reason_of("KeyError"))
    assert reason_of(None) is None
