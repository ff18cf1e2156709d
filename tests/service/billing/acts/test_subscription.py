"""Cancelled, let run on, refunded and changed by staff: told before, true at the door after, from both faces."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from service.domain.money import Money
from service.domain.staff import Role
from service.store.money_tables import consents


@pytest.fixture
def annual(faces: Any) -> str:
    """A reader with a year paid for; return the invoice."""
    faces.shop.subscribe(plan="annual")
    found: str = faces.account()["invoices"][0]["id"]
    return found


def test_cancelled_at_the_end_and_taken_back(faces: Any, read_words: Any) -> None:
    """What is paid for stays; the console's confirmation says what the API's preview says."""
    faces.shop.subscribe()
    told = faces.api("POST", "r-1/cancellation", reason="by letter", preview=True).json["effect"]
    assert told[-1] == "Afterwards: Cancelled: trial until 16 December, no further charge."
    assert faces.shop.status() == "trialing"
    agent = faces.colleague(Role.AGENT)
    assert read_words(agent.preview("cancel", when="period_end", reason="by letter")) == told
    assert agent.act("cancel", when="period_end", reason="by letter").location.endswith("?done=cancel")
    assert (faces.shop.status(), faces.reads().reason) == ("cancelling", "trial")
    assert faces.account()["sentence"] == "Cancelled: trial until 16 December, no further charge."
    again = faces.api("POST", "r-1/cancellation", reason="twice")
    assert (again.status_code, again.json["effect"][0]) == (
        200,
        "The subscription is cancelled already: nothing changes.",
    )
    assert "Take the cancellation back" in agent.get("/support/accounts/r-1").text
    back = faces.api("DELETE", "r-1/cancellation", reason="changed their mind").json
    assert back["effect"][-1] == "Afterwards: Trial until 16 December, then $2.90 a month; card ending 4242."
    assert faces.shop.status() == "trialing"
    assert faces.api("DELETE", "r-1/cancellation", reason="again").json["code"] == "not_cancelled"
    assert ("act.cancel.asked", "by letter") in faces.acts()


def test_cancelled_before_anything_is_paid(faces: Any, read_words: Any) -> None:
    """In the hour before a period is charged: it is kept, and what is still due is told before."""
    faces.shop.subscribe()
    faces.shop.pass_days(30)
    faces.shop.pass_seconds(1800)
    agent = faces.colleague(Role.AGENT)
    words = read_words(agent.preview("cancel", when="period_end", reason="by letter"))
    assert words[:2] == [
        "The monthly plan is not renewed: it is kept to its end, but $2.90 is still due.",
        "Until then it can be undone.",
    ]
    assert agent.act("cancel", when="period_end", reason="by letter").status_code == 303
    assert faces.account()["sentence"].endswith("$2.90 still due.")
    faces.shop.pass_seconds(7200)
    faces.shop.sync()
    assert (faces.shop.charged(), faces.shop.status()) == ([290], "cancelling")


def test_an_end_far_ahead_is_brought_forward(faces: Any) -> None:
    """It is told as what it is, charges until then included; cancelled, it ends with the period."""
    faces.shop.subscribe(plan="annual")
    (sold,) = faces.shop.client.v1.subscriptions.list({"customer": faces.shop.customer}).data
    far = sold["items"].data[0].current_period_end + 400 * 86_400
    faces.shop.client.v1.subscriptions.update(sold.id, {"cancel_at": far, "proration_behavior": "none"})
    faces.shop.sync()
    until_then = "Set to end on 20 December 2028, and charged $19.90 a year until then; card ending 4242."
    assert faces.account()["sentence"] == until_then
    told = faces.api("POST", "r-1/cancellation", reason="by letter").json["effect"]
    assert told[0] == "The annual plan is not renewed: it is kept to its end, and nothing more is charged."
    assert told[-1] == "Afterwards: Cancelled: access until 16 November 2027, no further charge."
    assert faces.account()["sentence"] == "Cancelled: access until 16 November 2027, no further charge."


def test_what_is_due_beside_a_paid_period_is_told(faces: Any) -> None:
    """The invoice of a change that the card did not pay stays, while the paid month is kept."""
    faces.shop.subscribe()
    faces.shop.pass_days(41)
    owed = faces.shop.change_without_paying()
    told = faces.api("POST", "r-1/cancellation", reason="by letter", preview=True).json["effect"]
    due = Money(owed.amount_due, "usd").display
    assert told[0] == f"The annual plan is not renewed: it is kept to its end, but {due} is still due."


def test_ended_now(faces: Any, read_words: Any) -> None:
    """Access ends with the answer; sent twice, it is told the same; there is nothing left to end after."""
    faces.shop.subscribe(plan="annual")
    assert faces.reads().reason == "subscription"
    agent = faces.colleague(Role.AGENT)
    page = agent.preview("cancel", when="now", reason="fraud")
    words = read_words(page)
    assert words[0] == "The annual plan ends now instead of 16 November 2027, 13:00, and access with it."
    assert words[-1] == "Afterwards: Ended on 16 November: no access."
    assert agent.act("cancel", when="now", reason="fraud").status_code == 303
    assert (faces.shop.status(), faces.reads().reason) == ("ended", "metered")
    assert faces.api("POST", "r-1/cancellation", reason="x", when="now").json["code"] == "no_subscription"
    assert faces.account()["sentence"] == "Ended on 16 November: no access."


def test_a_part_is_given_back_and_access_goes_on(faces: Any, annual: str, read_words: Any) -> None:
    """The card, the sums and what becomes of access are told before; what was confirmed is what is given."""
    lead = faces.colleague(Role.LEAD)
    page = lead.preview("refund", invoice=annual, part="5,00", reason="late paper")
    assert read_words(page)[:3] == [
        "Refund $5.00 of $19.90 to the card ending 4242.",
        "$14.90 is left that could be given back later.",
        "Access goes on as it is.",
    ]
    assert lead.act("refund", invoice=annual, part="5,00", reason="late paper").status_code == 303
    assert (faces.shop.status(), faces.reads().reason) == ("active", "subscription")
    (refund,) = faces.account()["refunds"]
    assert (refund["amount"]["amount"], refund["reason"], refund["asked_by"].split(":")[0]) == (
        500,
        "late paper",
        "staff",
    )
    assert "late paper" in lead.get("/support/accounts/r-1").text
    rest = faces.api("POST", "r-1/refunds", invoice=annual, reason="moved", preview=True).json
    assert rest["effect"][:2] == [
        "Refund $14.90 of $19.90 to the card ending 4242.", "$5.00 of it was given back before.",
    ]  # fmt: skip
    assert (rest["preview"], rest["id"], rest["left"]["amount"]) == (True, None, 0)


def test_the_whole_is_given_back_and_access_ends(faces: Any, annual: str, read_words: Any) -> None:
    """Told by the rules that then decide; a confirmation is of the sum it showed, whatever happens meanwhile."""
    lead = faces.colleague(Role.LEAD)
    words = read_words(lead.preview("refund", invoice=annual, reason="moved"))
    assert words == [
        "Refund $19.90 of $19.90 to the card ending 4242.",
        "Access ends at once: what the payment had bought is taken back.",
        "The subscription is not cancelled by this: it renews unless that is done as well.",
        "Afterwards: On hold, no access: what was paid for was refunded whole.",
    ]
    assert lead.act("refund", invoice=annual, reason="moved").status_code == 303
    assert (faces.shop.status(), faces.reads().reason) == ("held", "metered")
    refused = lead.preview("refund", invoice=annual, reason="again")
    assert (refused.status_code, "given back already" in refused.text) == (422, True)
    assert faces.colleague(Role.AGENT).preview("refund", invoice=annual, reason="x").status_code == 403


def test_a_confirmed_sum_is_the_sum_given(faces: Any, annual: str, hidden_in: Any) -> None:
    """Somebody else refunds a part in between: the confirmed whole is refused, not made smaller."""
    lead = faces.colleague(Role.LEAD)
    carried = hidden_in(lead.preview("refund", invoice=annual, reason="moved"))
    assert faces.api("POST", "r-1/refunds", invoice=annual, amount=500, reason="late").status_code == 201
    refused = lead.post("/support/accounts/r-1/acts/refund", **carried)
    assert (refused.status_code, "More than is left" in refused.text) == (422, True)
    assert len(faces.account()["refunds"]) == 1


@pytest.mark.parametrize("part", ["1.234", "-1", "x", "1e3", "0", "0,00"])
def test_a_sum_that_is_none_is_told(faces: Any, annual: str, part: str) -> None:
    """422 in words."""
    answer = faces.colleague(Role.LEAD).preview("refund", invoice=annual, part=part, reason="x")
    assert (answer.status_code, "part" in answer.text) == (422, True)


def test_a_plan_changed_in_the_trial(faces: Any, read_words: Any) -> None:
    """Nothing is due, the trial stays, and the new plan begins at its end; the consent says that staff did it."""
    faces.shop.subscribe()
    lead = faces.colleague(Role.LEAD)
    words = read_words(lead.preview("change-plan", plan="annual", reason="by telephone"))
    assert words == ["Nothing is charged now.", "From 16 December 2026, 13:00 the annual plan costs $19.90 a year."]
    assert lead.act("change-plan", plan="annual", reason="by telephone").status_code == 303
    assert faces.account()["sentence"] == "Trial until 16 December, then $19.90 a year; card ending 4242."
    with faces.shop.core.engine.connect() as connection:
        assert connection.execute(select(consents.c.kind, consents.c.outcome)).all() == [
            ("plan_change_by_staff", "changed")
        ]


def test_a_plan_changed_at_exactly_what_was_told(faces: Any, read_words: Any) -> None:
    """The preview's figures are what the card is charged, from the API as from the console."""
    faces.shop.subscribe(plan="annual")
    seen = faces.api("POST", "r-1/plan-changes", plan="monthly", reason="too much", preview=True).json
    words = read_words(faces.colleague(Role.LEAD).preview("change-plan", plan="monthly", reason="too much"))
    assert words == seen["effect"]
    assert any("stays to the reader's credit" in each for each in words)
    done = faces.api("POST", "r-1/plan-changes", plan="monthly", reason="too much", **seen["quote"])
    assert (done.status_code, done.json["effect"]) == (200, seen["effect"])
    assert faces.account()["state"]["entitlement"]["plan"] == "monthly"
    assert faces.api("POST", "r-1/plan-changes", plan="monthly", reason="x").json["code"] == "same_plan"
    assert faces.api("POST", "r-1/plan-changes", plan="none", reason="x").json["code"] == "unknown_plan"


def test_nobody_without_a_subscription_is_offered_its_acts(faces: Any) -> None:
    """Neither linked on the account, nor possible."""
    faces.shop.open()
    page = faces.colleague(Role.ADMIN).get("/support/accounts/r-1").text
    assert ("Cancel the subscription" in page, "Change the plan" in page) == (False, False)
    for path, body in (("cancellation", {}), ("plan-changes", {"plan": "annual"})):
        assert faces.api("POST", f"r-1/{path}", reason="x", **body).json["code"] == "no_subscription"
