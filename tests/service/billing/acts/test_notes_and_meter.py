"""Notes, and free articles counted from nothing: by API and console alike."""

from __future__ import annotations

import re
from typing import Any

from metering.meter import MeterUnavailable
from service.domain.staff import Role


def test_a_note_is_written_once_from_either_face(faces: Any) -> None:
    """It stands on the account with who wrote it; pressed twice, once; markup is text."""
    faces.shop.open()
    assert faces.api("POST", "r-1/notes", body="Prefers letters.").status_code == 201
    agent = faces.colleague(Role.AGENT)
    page = agent.get("/support/accounts/r-1").text
    once = re.findall(r'name="once" value="([^"]+)"', page)[0]
    for _ in range(2):
        answer = agent.post("/support/accounts/r-1/notes", body="<b>Call</b>\nback", once=once)
        assert answer.location == "/support/accounts/r-1?done=note#notes"
    notes = [(each["body"], each["written_by"].split(":")[0]) for each in faces.account()["notes"]]
    assert sorted(notes) == [("<b>Call</b>\nback", "staff"), ("Prefers letters.", "key")]
    assert "&lt;b&gt;Call" in agent.get("/support/accounts/r-1").text
    assert faces.api("POST", "r-404/notes", body="x").json["code"] == "no_account"


def test_a_viewer_is_offered_nothing(faces: Any) -> None:
    """Neither acts nor a note; whoever may is offered them."""
    faces.shop.open()
    for role, offered in ((Role.VIEWER, False), (Role.AGENT, True)):
        page = faces.colleague(role).get("/support/accounts/r-1").text
        assert ("What you can do" in page, "Add the note" in page) == (offered, offered)


def test_a_reset_counts_from_nothing(faces: Any, read_words: Any) -> None:
    """At the door at once, from either face, and the confirmation says from what to what."""
    faces.shop.open()
    faces.reads(consume=True)
    assert faces.reads(article="a-2").reason == "meter_exhausted"
    seen = faces.api("POST", "r-1/meter-resets", reason="preview opened it", preview=True).json
    assert seen["effect"][0] == "The count goes from 1 of 1 back to 0, until 1 December 2026, 00:00."
    assert faces.reads(article="a-2").reason == "meter_exhausted"
    assert faces.api("POST", "r-1/meter-resets", reason="preview opened it").status_code == 200
    assert faces.reads(article="a-2", consume=True).reason == "metered"
    agent = faces.colleague(Role.AGENT)
    page = agent.preview("reset-meter", reason="again")
    assert read_words(page)[0] == seen["effect"][0]
    assert agent.act("reset-meter", reason="again").location == "/support/accounts/r-1?done=reset-meter"
    assert faces.reads(article="a-3").reason == "metered"
    assert ("act.reset_meter.asked", "again") in faces.acts()


def test_a_reset_without_redis_is_refused(faces: Any, monkeypatch: Any) -> None:
    """503, to be tried again: nothing is told to be done that was not."""
    faces.shop.open()

    def away(*_: Any, **__: Any) -> None:
        raise MeterUnavailable("away")

    monkeypatch.setattr(faces.shop.core.meter, "reset", away)
    assert faces.api("POST", "r-1/meter-resets", reason="x").json["code"] == "meter_unavailable"
    assert faces.colleague(Role.AGENT).act("reset-meter", reason="x").status_code == 503


def test_more_articles_until_the_window_ends(faces: Any, read_words: Any) -> None:
    """At the door at once, told as the limit, and still there after Redis has lost everything."""
    faces.shop.open()
    faces.reads(consume=True)
    assert faces.reads(article="a-2").reason == "meter_exhausted"
    agent = faces.colleague(Role.AGENT)
    words = read_words(agent.preview("add-articles", articles=2, reason="the page broke"))
    assert words[:2] == [
        "2 more free articles until 1 December 2026, 00:00.",
        "1 of 3 are read then, instead of 1 of 1.",
    ]
    assert agent.act("add-articles", articles=2, reason="the page broke").status_code == 303
    assert [faces.reads(article=f"a-{n}", consume=True).reason for n in (2, 3, 4)] == [
        "metered", "metered", "meter_exhausted",
    ]  # fmt: skip
    meter = faces.account()["meter"]
    assert (meter["used"], meter["limit"]) == (3, 3)
    faces.shop.core.meter.connections.command("FLUSHALL")
    assert [faces.reads(article=f"b-{n}", consume=True).reason for n in range(4)][2:] == ["metered", "meter_exhausted"]


def test_more_articles_over_the_api_have_an_end(faces: Any) -> None:
    """Also for who has no account yet; what is in force adds up to a hundred at most."""
    given = faces.api("POST", "r-9/meter-additions", articles=60, reason="x")
    assert (given.status_code, given.json["reader_status"]) == (201, "none")
    assert faces.api("POST", "r-9/meter-additions", articles=60, reason="x").json["errors"].keys() == {"articles"}
    assert faces.reads("r-9").reading.limit == 61
