"""The timeline's page and the newest of it on the account's, in the whole service."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from service.access.question import Question
from service.domain.decision import Article
from service.domain.staff import Role
from service.store import tables
from service.support.audit import Entry

ADDRESS = "/support/accounts/r-%3Cada%3E/timeline"


@pytest.fixture
def ada(console: Any, engine: Engine) -> Any:
    """A reader whose name and whose articles are full of markup, with a read and 60 walls."""
    with engine.begin() as connection:
        connection.execute(insert(tables.accounts).values(reader_id="r-<ada>"))
    gate = console.desk.services.gate
    for number in range(61):
        article = Article(id=f"<script>{number}")
        gate.decide(Question(articles=[article], reader_id="r-<ada>", visitor_id=None, consume=True))
    gate._journal.close()
    return console


def test_a_timeline_is_read_page_by_page(ada: Any) -> None:
    """Newest first, with a way to what is earlier and back; nothing in it is markup of somebody else's."""
    browser = ada.signed_in(Role.VIEWER)
    first = browser.get(ADDRESS)
    assert first.status_code == 200
    assert "Met the wall at “&lt;script&gt;60”" in first.text
    assert "<script>6" not in first.text
    assert first.text.count('<li>\n<p class="soft">') == 50
    earlier = first.text.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = browser.get(earlier)
    assert "Read “&lt;script&gt;0” as free article 1 of 1" in second.text
    assert "Nothing earlier is kept." in second.text
    assert "Back to the newest" in second.text
    assert ada.acts()[-1][1] == "timeline.read"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("?kind=read", "as free article 1 of 1"),
        ("?kind=event", "There is nothing like that."),
        ("?kind=", "Met the wall"),
        ("?q=READ+1", "as free article 1 of 1"),
        ("?q=thunder", "There is nothing like that."),
        ("?until=2001-01-01T00:00", "There is nothing like that."),
        ("?kind=read&q=&since=2001-01-01T00:00&until=", "as free article 1 of 1"),
    ],
)
def test_a_timeline_is_narrowed(ada: Any, asked: str, words: str) -> None:
    """To one kind, to words, to a time span, or by all at once; to none that is there, which is said in words."""
    page = ada.signed_in(Role.VIEWER).get(ADDRESS + asked).text
    assert words in page
    assert ("Met the wall" in page) is (asked == "?kind=")


def test_a_filter_is_kept_from_page_to_page(ada: Any) -> None:
    """Other kinds, what is earlier, the newest: each link keeps the words, and times by the publication's clock."""
    browser = ada.signed_in(Role.VIEWER)
    page = browser.get(f"{ADDRESS}?kind=wall&q=wall&since=2001-01-01T00:00").text
    assert f'href="{ADDRESS}?q=wall&amp;since=2001-01-01T00%3A00&amp;kind=read"' in page
    assert f'href="{ADDRESS}?kind=wall&amp;q=wall&amp;since=2001-01-01T00%3A00&amp;cursor=' in page
    assert '<input type="hidden" name="kind" value="wall">' in page
    assert 'name="since" type="datetime-local" value="2001-01-01T00:00"' in page
    assert f'href="{ADDRESS}?kind=wall">Show all again' in page


def test_what_is_not_right_and_who_is_nobody_is_said(ada: Any) -> None:
    """A cursor of elsewhere, a kind or a moment that is none, a reader nobody has heard of."""
    browser = ada.signed_in(Role.VIEWER)
    for asked in ("?kind=thunder", "?cursor=x", "?since=yesterday"):
        page = browser.get(ADDRESS + asked)
        assert page.status_code == 422
        assert "That can’t be shown." in page.text
    assert browser.get("/support/accounts/r-404/timeline").status_code == 404


def test_the_account_shows_the_newest(ada: Any) -> None:
    """Ten of them, with a way to the whole; staff by name."""
    staff_id = ada.employ(Role.AGENT, "bea")
    with ada.engine.begin() as connection:
        done = Entry(actor=f"staff:{staff_id}", act="refund", subjects=("r-<ada>",), reason="charged twice")
        ada.desk.services.audit.record(connection, done)
    page = ada.signed_in(Role.VIEWER).get("/support/accounts/r-%3Cada%3E").text
    assert f'href="{ADDRESS}"' in page
    assert page.count('<li>\n<p class="soft">') == 10


def test_a_test_clock_is_told(ada: Any) -> None:
    """Where business time is not the wall's, the page says which is which."""
    browser = ada.signed_in(Role.VIEWER)
    services = ada.desk.services
    ahead = services.wall_clock() + timedelta(days=300)
    object.__setattr__(services, "business_clock", lambda: ahead)
    assert "lives on a test clock" in browser.get(ADDRESS).text
    object.__setattr__(services, "business_clock", services.wall_clock)
    assert "lives on a test clock" not in browser.get(ADDRESS).text
