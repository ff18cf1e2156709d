"""Courtesy given and taken back: by API and console alike, at the door at once, bounded by role, on record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from service.domain.staff import Role

WEEK = timedelta(days=7)


def test_a_grant_over_the_api_opens_the_door_at_once(faces: Any) -> None:
    """For somebody unknown until then; taken back, it closes as soon."""
    until = (faces.now() + WEEK).isoformat()
    faces.reads(consume=True)
    assert faces.reads(article="a-2").reason == "meter_exhausted"
    asked = {"until": until, "reason": "late paper"}
    seen = faces.api("POST", "r-1/grants", preview=True, **asked)
    assert (seen.status_code, seen.json["preview"], seen.json["reader_status"]) == (200, True, "none")
    assert faces.reads(article="a-2").reason == "meter_exhausted"
    given = faces.api("POST", "r-1/grants", **asked)
    assert (given.status_code, given.json["effect"], given.json["reader_status"]) == (
        201,
        seen.json["effect"],
        "courtesy",
    )
    assert seen.json["effect"][0].startswith("Courtesy access from now until 23 November 2026, 13:00: unlimited")
    assert seen.json["effect"][-1].startswith("Afterwards: Courtesy access given by staff until 23 November")
    assert faces.reads(article="a-2").reason == "courtesy"
    taken = faces.api("DELETE", f"r-1/grants/{given.json['id']}", reason="wrong reader")
    assert (taken.status_code, taken.json["reader_status"]) == (200, "none")
    assert faces.reads(article="a-2").reason == "meter_exhausted"
    assert [each for each in faces.acts() if each[0] != "act.note"] == [
        ("act.grant", "late paper"), ("act.grant", "late paper"), ("act.revoke_grant", "wrong reader"),
    ]  # fmt: skip


def test_a_grant_in_the_console_says_its_effect_and_is_given_once(faces: Any, read_words: Any, hidden_in: Any) -> None:
    """The confirmation is what the API's preview says; sent twice, one grant."""
    faces.shop.open()
    agent = faces.colleague(Role.AGENT)
    until = (faces.now() + WEEK).date().isoformat()
    page = agent.preview("grant", until=until, reason="late paper")
    words = read_words(page)
    assert words[0].startswith("Courtesy access from now until 24 November 2026, 00:00: ")
    assert "Nothing is charged, and Stripe is not told." in words
    assert faces.reads().reason == "metered"
    answers = [agent.post("/support/accounts/r-1/acts/grant", **hidden_in(page)) for _ in range(2)]
    assert {(each.status_code, each.location) for each in answers} == {(303, "/support/accounts/r-1?done=grant")}
    (grant,) = faces.account()["grants"]
    assert (grant["given_by"].split(":")[0], grant["reason"]) == ("staff", "late paper")
    assert faces.reads(article="a-2").reason == "courtesy"
    shown = agent.get("/support/accounts/r-1?done=grant").text
    assert "Courtesy access is given." in shown
    assert "Take back" in shown
    assert agent.act("revoke-grant", grant=grant["id"], reason="mistake").status_code == 303
    assert faces.reads(article="a-3").reason == "metered"


def test_a_forms_key_is_good_for_that_form_alone(faces: Any, hidden_in: Any) -> None:
    """With another content it is refused, and in another's hands too."""
    faces.shop.open()
    agent, lead = faces.colleague(Role.AGENT), faces.colleague(Role.LEAD)
    until = (faces.now() + WEEK).date().isoformat()
    carried = hidden_in(agent.preview("grant", until=until, reason="late paper"))
    assert agent.post("/support/accounts/r-1/acts/grant", **carried).status_code == 303
    for colleague, changes in ((agent, {"reason": "other"}), (lead, {})):
        answer = colleague.post("/support/accounts/r-1/acts/grant", **(carried | changes))
        assert (answer.status_code, "used for another request" in answer.text) == (422, True)
    assert len(faces.account()["grants"]) == 1


def test_an_agent_gives_a_month_and_a_lead_more(faces: Any) -> None:
    """The bound is said; what is over cannot be given; a day that is none is told."""
    faces.shop.open()
    agent, lead = faces.colleague(Role.AGENT), faces.colleague(Role.LEAD)
    far = (faces.now() + timedelta(days=60)).date().isoformat()
    refused = agent.preview("grant", until=far, reason="long illness")
    assert (refused.status_code, "agent may give at most 31 days" in refused.text) == (422, True)
    assert lead.preview("grant", until=far, reason="long illness").status_code == 200
    for until in ("2026-11-01", "soon", "9999-12-31"):
        assert agent.preview("grant", until=until, reason="x").status_code == 422
    assert faces.api("POST", "r-1/grants", until="2026-11-01T00:00:00Z", reason="x").json["errors"].keys() == {"until"}


def test_courtesy_beside_a_subscription_says_that_nothing_changes(faces: Any) -> None:
    """The trial goes on as it is, and the sentence afterwards is the same as before."""
    faces.shop.subscribe()
    seen = faces.api("POST", "r-1/grants", until="2026-11-30T00:00:00Z", reason="sorry", preview=True).json
    assert (
        "They have access already, which goes on as it is; the courtesy counts when that ends sooner." in seen["effect"]
    )
    assert seen["effect"][-1] == "Afterwards: Trial until 16 December, then $2.90 a month; card ending 4242."
    assert (
        faces.api("POST", "r-1/grants", until="2026-11-30T00:00:00Z", reason="sorry").json["reader_status"]
        == "trialing"
    )


def test_a_grant_ends_once_and_only_its_readers(faces: Any) -> None:
    """Another reader's, an unknown one and one that is over are told apart."""
    until = (faces.now() + WEEK).isoformat()
    made = faces.api("POST", "r-1/grants", until=until, reason="x").json["id"]
    faces.api("POST", "r-2/grants", until=until, reason="x")
    assert faces.api("DELETE", f"r-2/grants/{made}").json["code"] == "no_grant"
    assert faces.api("DELETE", "r-1/grants/999").json["code"] == "no_grant"
    assert faces.api("DELETE", f"r-1/grants/{made}").status_code == 200
    assert faces.api("DELETE", f"r-1/grants/{made}").json["code"] == "grant_over"


def test_an_idempotency_key_gives_one_grant(faces: Any) -> None:
    """The same answer, and one grant."""
    until = (faces.now() + WEEK).isoformat()
    answers = [faces.api("POST", "r-1/grants", key="k-1", until=until, reason="x") for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert len(faces.account()["grants"]) == 1


def test_the_console_acts_on_accounts_alone(faces: Any) -> None:
    """A mistyped id makes no account there: 404, at every step."""
    agent = faces.colleague(Role.AGENT)
    until = (faces.now() + WEEK).date().isoformat()
    assert agent.get("/support/accounts/r-404/acts/grant").status_code == 404
    assert agent.preview("grant", reader_id="r-404", until=until, reason="x").status_code == 404
    form = {"until": until, "reason": "x", "once": "k"}
    assert agent.post("/support/accounts/r-404/acts/grant", **form).status_code == 404
