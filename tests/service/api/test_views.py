"""Endpoints only translate: what comes in reaches the use case, what it says goes out in the contract's shape."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.api import present
from service.billing.cancellations import Cancellation
from service.domain.catalog import Catalog
from service.domain.decision import Access, Article, Reason, Wall
from service.domain.entitlement import Entitlement, Status
from service.domain.money import Money
from service.errors import Conflict, NotFound, StripeUnavailable
from service.exemptions.ranges import address_of
from service.exemptions.rules import NO_EVIDENCE, Evidence
from webhooks.snapshot import SubscriptionFacts

ARTICLE = {"article": {"id": "belgorod-incursion"}}


def test_a_metered_decision_has_the_contracts_shape(api: Any) -> None:
    """The example of the contract, to the letter; the window's end stands in the publication's time zone."""
    answer = api.call("POST", "/v1/decisions", json=ARTICLE)
    assert answer.status_code == 200
    assert answer.json == {
        "granted": True,
        "reason": "metered",
        "counted": True,
        "visitor_id": "v-5",
        "meter": {"limit": 1, "used": 1, "remaining": 0, "window": "month", "resets_at": "2026-12-01T00:00:00+01:00"},
        "entitlement": None,
        "wall": None,
        "degraded": None,
    }


def test_only_the_article_is_required(api: Any) -> None:
    """Left-out fields take the contract's defaults: consume, metered, no feature, nobody known."""
    api.call("POST", "/v1/decisions", json=ARTICLE)
    (question,) = api.gate.questions
    assert (question.consume, question.reader_id, question.visitor_id) == (True, None, None)
    assert question.articles == [Article("belgorod-incursion", Access.METERED, None)]


def test_every_field_of_a_question_reaches_the_gate(api: Any) -> None:
    """Also the fields that feed exemptions later are accepted; null is as good as left out."""
    body = {
        "reader_id": "r-81",
        "visitor_id": "v-5",
        "mode": "peek",
        "article": {"id": "a", "access": "subscribers", "feature": "archives"},
        "client_ip": "2001:db8::7",
        "user_agent": "Mozilla/5.0 (é)",
        "gift": None,
        "link": "token",
    }
    assert api.call("POST", "/v1/decisions", json=body).status_code == 200
    (question,) = api.gate.questions
    assert (question.consume, question.reader_id, question.visitor_id) == (False, "r-81", "v-5")
    assert question.articles == [Article("a", Access.SUBSCRIBERS, "archives")]


def test_a_feature_that_plans_yaml_does_not_know_is_named(api: Any) -> None:
    """A slip of the site's pen is told as such; taken as missing, it would wall every subscriber."""
    refused = api.call("POST", "/v1/decisions", json={"article": {"id": "a", "feature": "archive"}})
    assert (refused.status_code, refused.get_json()["errors"]) == (422, {"article": {"feature": ["Unknown feature."]}})
    assert api.gate.questions == []


def test_a_refusal_carries_its_wall(api: Any) -> None:
    """The site learns which wall to show, with which offers."""
    wall = Wall(kind="subscribe", offers=("monthly", "annual"), trial_eligible=True)
    decision = api.gate.answer.decision._replace(granted=False, reason=Reason.METER_EXHAUSTED, counted=False, wall=wall)
    api.gate.answer = api.gate.answer._replace(decision=decision, degraded="database")
    answer = api.call("POST", "/v1/decisions", json=ARTICLE).json
    assert answer["wall"] == {"kind": "subscribe", "offers": ["monthly", "annual"], "trial_eligible": True}
    assert (answer["granted"], answer["reason"], answer["degraded"]) == (False, "meter_exhausted", "database")


def test_a_subscriber_sees_the_entitlement_and_no_meter(api: Any, trialing: Entitlement) -> None:
    """Instants other than the meter's are UTC with a `Z`."""
    decision = api.gate.answer.decision._replace(reason=Reason.TRIAL, counted=False, reading=None, entitlement=trialing)
    api.gate.answer = api.gate.answer._replace(decision=decision)
    answer = api.call("POST", "/v1/decisions", json=ARTICLE).json
    assert answer["meter"] is None
    assert answer["entitlement"] == {
        "plan": "monthly",
        "features": ["unlimited_articles", "ad_free"],
        "until": "2026-12-10T09:00:00Z",
        "renews": True,
    }


def test_more_read_than_allowed_leaves_nothing_not_less(api: Any) -> None:
    """A limit lowered in mid-window never shows a negative remainder."""
    reading = api.gate.answer.decision.reading._replace(used=5, limit=1)
    decision = api.gate.answer.decision._replace(reading=reading)
    api.gate.answer = api.gate.answer._replace(decision=decision)
    assert api.call("POST", "/v1/decisions", json=ARTICLE).json["meter"]["remaining"] == 0


def test_a_batch_reaches_the_gate_once_and_is_answered_in_order(api: Any) -> None:
    """One question for all articles; each answer has the shape of a single one's."""
    articles = [{"id": "a", "access": "free"}, {"id": "b", "feature": "archives"}, {"id": "b ü"}]
    answer = api.call("POST", "/v1/decisions/batch", json={"reader_id": "r-81", "mode": "peek", "articles": articles})
    (asked,) = api.gate.questions
    assert [(each.id, each.access, each.feature) for each in asked.articles] == [
        ("a", Access.FREE, None), ("b", Access.METERED, "archives"), ("b ü", Access.METERED, None),
    ]  # fmt: skip
    assert (asked.reader_id, asked.visitor_id, asked.consume) == ("r-81", None, False)
    assert asked.evidence == NO_EVIDENCE
    single = api.call("POST", "/v1/decisions", json=ARTICLE).json
    assert answer.json == {"decisions": [single] * 3}


def test_a_batch_is_judged_by_what_one_decision_is(api: Any) -> None:
    """Address, user agent and tokens reach the gate with it."""
    seen = {"client_ip": "192.0.2.7", "user_agent": "a browser", "gift": "a token", "link": ""}
    api.call("POST", "/v1/decisions/batch", json={"articles": [{"id": "a"}], **seen})
    expected = seen | {"client_ip": address_of(seen["client_ip"])}
    assert api.gate.questions[0].evidence == Evidence(**expected)
    bad = api.call("POST", "/v1/decisions/batch", json={"articles": [{"id": "a"}], "client_ip": "nowhere"})
    assert set(bad.get_json()["errors"]) == {"client_ip"}


def test_a_batch_consumes_unless_told_and_takes_500(api: Any) -> None:
    """`mode` means what it means for one; the 501st article is refused, none at all is answered with nothing."""
    articles = [{"id": f"a-{number}"} for number in range(501)]
    assert api.call("POST", "/v1/decisions/batch", json={"articles": articles}).status_code == 422
    assert api.gate.questions == []
    assert len(api.call("POST", "/v1/decisions/batch", json={"articles": articles[:500]}).json["decisions"]) == 500
    assert api.gate.questions[0].consume
    assert api.call("POST", "/v1/decisions/batch", json={"articles": []}).json == {"decisions": []}


def test_far_too_many_articles_are_told_of_once(api: Any) -> None:
    """Claim: how many there are is looked at before what they are, or each of 80,000 would be told of."""
    refused = api.call("POST", "/v1/decisions/batch", json={"articles": [0] * 80_000})
    assert refused.json["errors"] == {"articles": ["Longer than maximum length 500."]}


def test_what_is_wrong_in_a_batch_is_told_by_its_place(api: Any) -> None:
    """Errors name the article's number, the field and the reason."""
    articles = [{"id": "a"}, {"id": "b", "feature": "archive"}, {"id": "c"}]
    refused = api.call("POST", "/v1/decisions/batch", json={"articles": articles})
    assert refused.status_code == 422
    assert refused.get_json()["errors"] == {"articles": {"1": {"feature": ["Unknown feature."]}}}
    articles[1] = {"id": "", "more": 1}
    refused = api.call("POST", "/v1/decisions/batch", json={"articles": articles})
    assert set(refused.get_json()["errors"]["articles"]) == {"1"}
    assert set(refused.get_json()["errors"]["articles"]["1"]) == {"id", "more"}
    assert api.gate.questions == []


def test_plans_show_computed_prices_and_savings(api: Any) -> None:
    """All that the wall shows, as plans.yaml promises it."""
    offer = api.call("GET", "/v1/plans").json
    monthly, annual = offer["plans"]
    assert monthly["price"] == {"amount": 290, "currency": "usd", "display": "$2.90"}
    assert (monthly["trial_days"], monthly["saving"]) == (30, None)
    assert annual["saving"]["display"] == "$14.90"
    assert annual["saving"]["against"] == "monthly"
    assert offer["cancel_line"] == "You can cancel anytime."
    assert {"id": "ad_free", "label": "Ad-free reading", "badge": "NEW"} in offer["features"]


@pytest.mark.parametrize(("window", "days", "said"), [("month", 0, None), ("rolling", 10, 10)])
def test_plans_tell_how_long_a_rolling_window_lasts(
    build_api: Any, catalog: Catalog, window: str, days: int, said: int | None
) -> None:
    """So that a site can say when free articles come back; null for a calendar's window."""
    meter = replace(catalog.meter, window=window, rolling_days=days)
    shown = build_api(catalog=replace(catalog, meter=meter)).call("GET", "/v1/plans").json["meter"]
    assert (shown["window"], shown["rolling_days"]) == (window, said)


def test_a_new_checkout_is_created(api: Any, checkout_body: dict[str, str]) -> None:
    """201 with the address to send the reader to, and what was disclosed."""
    answer = api.call("POST", "/v1/checkouts", json=checkout_body)
    assert answer.status_code == 201
    assert answer.json["trial"] == {"eligible": True, "days": 30, "reason": "first_trial"}
    assert answer.json["disclosure"]["due_today"]["display"] == "$0.00"
    assert answer.json["disclosure"]["first_charge_at"] == "2026-12-10T09:00:00Z"
    assert answer.json["expires_at"] == "2026-11-11T09:00:00Z"
    assert api.checkouts.requests[0].reader_id == "r-81"


def test_an_equal_open_checkout_is_found(api: Any, checkout_body: dict[str, str]) -> None:
    """200 says that nothing new was made."""
    api.checkouts.created = False
    assert api.call("POST", "/v1/checkouts", json=checkout_body).status_code == 200


@pytest.mark.parametrize("field", ["success_url", "cancel_url"])
def test_foreign_redirects_are_refused(api: Any, checkout_body: dict[str, str], field: str) -> None:
    """A reader is never sent outside the site by way of Stripe; the field at fault is named."""
    answer = api.call("POST", "/v1/checkouts", json=checkout_body | {field: "https://www.example.com.evil.test/x"})
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [field]
    assert api.checkouts.requests == []


def test_an_unknown_plan_is_refused(api: Any, checkout_body: dict[str, str]) -> None:
    """The use case's own problem comes out with its code and field."""
    answer = api.call("POST", "/v1/checkouts", json=checkout_body | {"plan": "lifetime"})
    assert (answer.status_code, answer.json["code"]) == (422, "unknown_plan")
    assert answer.json["errors"] == {"plan": ["Unknown plan."]}


def test_a_subscriber_cannot_buy_twice(api: Any, checkout_body: dict[str, str]) -> None:
    """409 with the contract's code."""
    api.checkouts.failure = Conflict("This reader already has a subscription.", code="already_subscribed")
    answer = api.call("POST", "/v1/checkouts", json=checkout_body)
    assert (answer.status_code, answer.json["code"]) == (409, "already_subscribed")


def test_stripe_out_of_reach_is_worth_a_retry(api: Any, checkout_body: dict[str, str]) -> None:
    """503 with Retry-After, never a 500."""
    api.checkouts.failure = StripeUnavailable("APIConnectionError")
    answer = api.call("POST", "/v1/checkouts", json=checkout_body)
    assert (answer.status_code, answer.json["code"]) == (503, "stripe_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_the_return_page_learns_the_outcome(api: Any, trialing: Entitlement, subscription: SubscriptionFacts) -> None:
    """The checkout's status and the reader's state in one answer."""
    api.readers.known = replace(api.readers.known, entitlement=trialing, subscription=subscription)
    answer = api.call("GET", "/v1/checkouts/chk_1").json
    assert answer["status"] == "complete"
    assert answer["reader"]["status"] == "trialing"
    assert answer["reader"]["subscription"]["price"]["display"] == "$2.90"


def test_an_unknown_checkout_is_not_found(api: Any) -> None:
    """404 with its own code."""
    api.checkouts.failure = NotFound("There is no such checkout.", code="no_checkout")
    answer = api.call("GET", "/v1/checkouts/chk_9")
    assert (answer.status_code, answer.json["code"]) == (404, "no_checkout")


def test_a_portal_opens_within_the_site_alone(api: Any) -> None:
    """The return address is checked as a checkout's is."""
    body = {"reader_id": "r-81", "return_url": "https://www.example.com/account"}
    assert api.call("POST", "/v1/portals", json=body).json == {"url": "https://billing.stripe.com/p/session/1"}
    assert api.call("POST", "/v1/portals", json=body | {"return_url": "//evil.test"}).status_code == 422
    assert len(api.portals.opened) == 1


def test_an_unknown_reader_has_status_none(api: Any) -> None:
    """Nothing known is an answer, not an error."""
    assert api.call("GET", "/v1/readers/r-404").json == {
        "reader_id": "r-404",
        "status": "none",
        "entitlement": None,
        "subscription": None,
        "meter": None,
        "trial_eligible": True,
        "trial_reason": "first_trial",
        "notices": [],
    }


def test_a_reader_s_notices_are_shown(api: Any, make_snapshot: Any, make_subscription: Any) -> None:
    """What to tell before the next charge, under an id to send one mail for."""
    ends_at = api.services.business_clock() + timedelta(days=3)
    trial = make_subscription(id="sub_1", status="trialing", trial_end_at=ends_at)
    api.readers.known = replace(api.readers.known, snapshot=make_snapshot(trial))
    (told,) = api.call("GET", "/v1/readers/r-81").json["notices"]
    assert told == {
        "id": f"trial_ends:sub_1:{int(ends_at.timestamp())}",
        "kind": "trial_ends",
        "at": ends_at.isoformat().replace("+00:00", "Z"),
        "amount": {"amount": 290, "currency": "usd", "display": "$2.90"},
        "pay_url": None,
    }
    assert api.services.notices.told == [("r-81", told["id"])]


def test_an_entitlement_past_its_horizon_is_not_shown(api: Any, trialing: Entitlement) -> None:
    """What does not open articles now is no entitlement."""
    late = replace(trialing, status=Status.ENDED, horizon=trialing.until and trialing.until - timedelta(days=31))
    api.readers.known = replace(api.readers.known, entitlement=late)
    assert api.call("GET", "/v1/readers/r-81").json["entitlement"] is None


@pytest.mark.parametrize("changes", [{"cancel_at": True}, {"cancel_at_period_end": True}])
def test_both_shapes_of_a_cancellation_show_when_it_ends(
    api: Any, subscription: SubscriptionFacts, changes: dict[str, bool]
) -> None:
    """Stripe says it with an instant or with a flag; the site need not care."""
    shape = {"cancel_at": subscription.period_end_at} if "cancel_at" in changes else changes
    api.readers.known = replace(api.readers.known, subscription=replace(subscription, **shape))
    assert api.call("GET", "/v1/readers/r-81").json["subscription"]["cancels_at"] == "2026-12-10T09:00:00Z"


@pytest.mark.parametrize("reader_id", ["r-81", "auth0|81", "réader", "a b", "100%", "r%2D81"])
def test_any_sane_id_works_in_a_path(api: Any, reader_id: str) -> None:
    """Percent-encoding is undone once, and UTF-8 survives."""
    from urllib.parse import quote

    answer = api.call("POST", f"/v1/readers/{quote(reader_id, safe='')}/visitors", json={"visitor_id": "v-5"})
    assert answer.json == {"reader_id": reader_id, "visitor_id": "v-5"}
    assert api.readers.links == [(reader_id, "v-5")]


def test_cancelling_is_one_call(api: Any) -> None:
    """Reason and comment are optional, and so is the body."""
    told = {"access_until": "2026-11-21T09:00:00Z", "final": "no further charge", "undo_until": "2026-11-21T09:00:00Z"}
    assert api.call("POST", "/v1/readers/r-81/cancellation").json == told
    body = {"reason": "too_expensive", "comment": "two\nlines"}
    assert api.call("POST", "/v1/readers/r-81/cancellation", json=body).json == told
    assert api.cancellations.cancelled == [("r-81", None, None), ("r-81", "too_expensive", "two\nlines")]


@pytest.mark.parametrize(
    ("changes", "final"),
    [({}, "no further charge"), ({"at_once": True}, "access has ended, no further charge"),
     ({"still_due": Money(1700, "usd")}, "no renewal; $17.00 is still due")],
)  # fmt: skip
def test_what_cancelling_ends_with_is_the_truth(changes: dict[str, Any], final: str) -> None:
    """No charge is denied that may come, and no access promised that is over."""
    ends_at = datetime(2026, 11, 21, 9, tzinfo=UTC)
    told = Cancellation(access_until=ends_at, undo_until=ends_at, **changes)
    assert present.cancellation(told)["final"] == final


def test_undoing_is_one_call(api: Any) -> None:
    """204: there is nothing to say."""
    answer = api.call("DELETE", "/v1/readers/r-81/cancellation")
    assert (answer.status_code, answer.data) == (204, b"")
    assert api.cancellations.undone == ["r-81"]


def test_a_plan_change_is_previewed_or_made(api: Any) -> None:
    """Only a `preview` of true previews; `quoted_at` arrives as an instant, and a naive one is refused."""
    path = "/v1/readers/r-81/plan-changes"
    previewed = api.call("POST", path, json={"plan": "annual", "preview": True})
    assert (previewed.status_code, previewed.json["preview"], previewed.json["due_now"]["amount"]) == (200, True, 1845)
    assert previewed.json["lines"][0]["amount"]["display"] == "-$1.45"
    made = api.call("POST", path, json={"plan": "annual", "quoted_at": previewed.json["quoted_at"]})
    assert made.json["preview"] is False
    quoted_at = datetime.fromisoformat(previewed.json["quoted_at"])
    assert api.plan_changes.asked == [("r-81", "annual", "preview"), ("r-81", "annual", quoted_at)]
    for body in ({"plan": "annual", "preview": 1}, {"plan": "annual", "quoted_at": "2026-11-10T09:00:00"}):
        assert api.call("POST", path, json=body).status_code == 422


def test_a_refund_reaches_the_use_case(api: Any) -> None:
    """201 with what was given back, 200 for a repeat; amounts are whole minor units above nothing."""
    path, key = "/v1/support/accounts/r-81/refunds", "support:write-key"
    body = {"invoice": "in_1", "amount": 290, "reason": "moved"}
    answer = api.call("POST", path, key=key, json=body)
    assert (answer.status_code, answer.json["amount"]["display"], answer.json["reader_status"]) == (
        201,
        "$2.90",
        "none",
    )
    (request,) = api.refunds.requests
    assert (request.reader_id, request.invoice_id, request.amount_minor) == ("r-81", "in_1", 290)
    api.refunds.created = False
    assert api.call("POST", path, key=key, json=body).status_code == 200
    for amount in (0, -1, 2.5, "290", 10**9):
        assert api.call("POST", path, key=key, json=body | {"amount": amount}).status_code == 422
    assert api.call("POST", path, key="support:read-key", json=body).status_code == 403
