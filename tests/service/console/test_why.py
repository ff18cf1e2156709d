"""Why somebody was walled, on the console's page and under the API, in the whole service."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from service.access.question import Question
from service.api import story_shapes
from service.domain.decision import Article
from service.domain.staff import Role
from service.store import tables
from service.store.api_keys import Scope

ADDRESS = "/support/accounts/r-%3Cada%3E"


@pytest.fixture
def ada(console: Any, engine: Engine) -> Any:
    """A reader full of markup who met a wall, as did a browser that is nobody's."""
    with engine.begin() as connection:
        connection.execute(insert(tables.accounts).values(reader_id="r-<ada>"))
    gate = console.desk.services.gate
    for article in ("<i>one", "<i>two"):
        for ids in ({"reader_id": "r-<ada>", "visitor_id": None}, {"reader_id": None, "visitor_id": "v/<eve>"}):
            gate.decide(Question(articles=[Article(id=article)], consume=True, **ids))
    gate._journal.close()
    console.key = console.desk.keys.create_key(
        "desk", [Scope.SUPPORT_READ]
    )  # once: a new key is not seen within a second
    return console


def test_a_wall_in_the_timeline_leads_to_why(ada: Any) -> None:
    """One click: the moment and the article are filled in, and the answer is there to be shared."""
    browser = ada.signed_in(Role.VIEWER)
    timeline = browser.get(f"{ADDRESS}/timeline?kind=wall").text
    address = unescape(re.findall(r'href="([^"]+/why\?[^"]+)"', timeline)[0])
    page = browser.get(address)
    assert page.status_code == 200
    for words in (
        "Refused</strong> (meter exhausted)",
        "Nothing was bought or given, 1 of 1 free articles",
        "Decided again by today&#39;s code, from what was remembered: the same.",
        "Asked now, the answer is the same: refused. No input differs.",
        "Read “&lt;i&gt;one” as free article 1 of 1",
        'value="&lt;i&gt;two"',
    ):
        assert words in page.text, words
    assert "<i>two" not in page.text
    assert ada.acts()[-1][1] == "why.read"


def test_a_browser_of_nobody_is_asked_about(ada: Any) -> None:
    """By its id, whatever is in it; what else was decided about that time leads on."""
    browser = ada.signed_in(Role.VIEWER)
    now = ada.desk.services.business_clock()
    at = ada.desk.local(now).strftime("%Y-%m-%dT%H:%M")
    around = browser.get("/support/why", query_string={"visitor_id": "v/<eve>", "article": "", "at": at})
    assert "Met the wall at “&lt;i&gt;two”" in around.text
    address = unescape(re.findall(r'href="([^"]+/why\?[^"]+two[^"]*)"', around.text)[0])
    page = browser.get(address).text
    assert "Refused</strong> (meter exhausted)" in page
    assert "Nobody was signed in, so there is none." in page


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ({}, 200, "Nothing is counted by asking."),
        ({"visitor_id": "v-1", "reader_id": "r-1"}, 422, "Give one of the two"),
        ({"visitor_id": "v-1", "article": "a", "at": "yesterday"}, 422, "Not a moment such as"),
        ({"visitor_id": "v-1", "article": "a", "at": "0001-01-01T00:00"}, 422, "That can’t be asked"),
        ({"visitor_id": "v-1", "access": "stolen"}, 422, "That can’t be asked"),
        ({"visitor_id": "v-1", "at": "2026-11-22T14:02"}, 200, "Nothing is remembered of half a day"),
        ({"reader_id": "r-new", "article": "a"}, 200, "No moment was given, so only now is told."),
        ({"reader_id": "r-new", "article": "a", "at": "2020-01-01T00:00:00"}, 200, "of that moment nothing is kept"),
    ],
)  # fmt: skip
def test_every_question_has_its_answer_in_words(ada: Any, asked: dict[str, str], status: int, words: str) -> None:
    """Also one that can't be asked, and one that nothing is kept of."""
    page = ada.signed_in(Role.VIEWER).get("/support/why", query_string=asked)
    assert (page.status_code, words in page.text) == (status, True)


def test_who_has_no_account_is_not_found(ada: Any) -> None:
    """As on the account's page; /support/why asks about anybody."""
    assert ada.signed_in(Role.VIEWER).get("/support/accounts/r-404/why").status_code == 404


def test_the_api_explains_alike(ada: Any) -> None:
    """In its shape: of an account, of a browser, with or without a moment; who was looked at is on record."""
    now = ada.desk.services.business_clock()
    asked = {"article": {"id": "<i>two"}, "at": now.isoformat()}
    found = call(ada, f"/v1/support{ADDRESS.removeprefix('/support')}/explain", asked)
    assert (found["then"]["granted"], found["then"]["again"]["same"], found["now"]["reason"]) == (
        False, True, "meter_exhausted",
    )  # fmt: skip
    assert [each["article"] for each in found["reads"]] == ["<i>one"]
    browser = call(ada, "/v1/support/explain", asked | {"visitor_id": "v/<eve>"})
    assert (browser["reader_id"], browser["then"]["reason"]) == (None, "meter_exhausted")
    only_now = call(ada, "/v1/support/explain", {"article": {"id": "<i>two"}, "reader_id": "r-new"})
    assert (only_now["then"], only_now["missing"], only_now["now"]["granted"]) == (None, None, True)
    assert ada.desk.services.audit.page(query()).rows[0]["subjects"] == ["r-new"]


@pytest.mark.parametrize(
    "wrong",
    [
        {}, {"article": {"id": "a"}}, {"article": {"id": "a"}, "reader_id": "r", "visitor_id": "v"},
        {"article": {"id": "a"}, "visitor_id": "v", "at": "2026-11-22T14:02:00"},
        {"article": {"id": "a"}, "visitor_id": "v", "at": "0001-01-01T00:00:00+14:00"},
        {"article": {"id": "a", "access": "stolen"}, "visitor_id": "v"},
    ],
)  # fmt: skip
def test_the_api_refuses_what_cannot_be_asked(ada: Any, wrong: dict[str, Any]) -> None:
    """422, whatever it is."""
    call(ada, "/v1/support/explain", wrong, status=422)


def test_an_account_that_is_none_is_not_found_by_the_api(ada: Any) -> None:
    """404, as the account itself."""
    call(ada, "/v1/support/accounts/r-404/explain", {"article": {"id": "a"}}, status=404)


def test_a_look_ahead_of_time_counts_nothing(ada: Any) -> None:
    """A reader support asks about still has the free article."""
    call(ada, "/v1/support/explain", {"article": {"id": "a"}, "reader_id": "r-new"})
    asked = Question(articles=[Article(id="a")], reader_id="r-new", visitor_id=None, consume=True)
    assert ada.desk.services.gate.decide(asked)[0].decision.counted


def query() -> Any:
    from service.store.audit import AuditQuery

    return AuditQuery(act="why.read")


def call(console: Any, path: str, body: dict[str, Any], *, status: int = 200) -> Any:
    """Ask the API, and hold what it answers against the documented shape."""
    answer = console.app.test_client().post(path, json=body, headers={"Authorization": f"Bearer {console.key}"})
    assert answer.status_code == status, answer.text
    if status == 200:
        assert story_shapes.Explanation().validate(answer.json) == {}
    return answer.json
