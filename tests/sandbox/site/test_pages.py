"""The newspaper sells what the service allows, and never shows what it refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.site.articles import load_articles
from sandbox.site.browsers import SESSION_COOKIE, VISITOR_COOKIE

ARTICLES = load_articles()
FIRST, SECOND = "night-trains-are-full-again", "a-harvest-below-sea-level"
SUBSCRIBERS, ARCHIVE, FREE = "the-treaty-nobody-signed", "the-last-lamplighter", "how-we-work"


def shows(html: str, article_id: str) -> bool:
    """Tell whether all of the article's text is there."""
    return all(each in html for each in ARTICLES[article_id].paragraphs)


def withholds(html: str, article_id: str) -> bool:
    """Tell whether not one sentence of the article's text is there, while its opening is."""
    article = ARTICLES[article_id]
    sentences = [each for paragraph in article.paragraphs for each in re.split(r"(?<=[.!?]) ", paragraph)]
    return article.standfirst in html and not any(each in html for each in sentences)


def test_one_article_is_free_and_the_second_meets_the_wall(visit: Any) -> None:
    """The first is shown with its count; the second shows the whole offer and none of its text."""
    first = visit.get(f"/articles/{FIRST}")
    assert shows(first, FIRST)
    assert "You have read 1 of 1 free article this month" in first
    wall = visit.get(f"/articles/{SECOND}")
    assert withholds(wall, SECOND)
    for words in ("You've reached your limit of one free article.", "Unlimited access to all articles",
                  "Ad-free reading", "The weekly magazine", "9 daily & weekly newsletters", "The complete archives",
                  "30 days free, then $2.90 per month", "$19.90 per year", "BEST VALUE",
                  "Save $14.90 compared to monthly", "You can cancel anytime", "Already a subscriber?"):  # fmt: skip
        assert words in wall
    assert wall.count('class="badge">NEW') == 3
    assert shows(visit.get(f"/articles/{FIRST}"), FIRST)


@pytest.mark.parametrize("article_id", [SUBSCRIBERS, ARCHIVE])
def test_what_is_never_free_is_withheld_from_everybody_else(visit: Any, article_id: str) -> None:
    """Also from somebody with a free article to spare."""
    assert withholds(visit.get(f"/articles/{article_id}"), article_id)
    assert shows(visit.get(f"/articles/{FREE}"), FREE)
    assert shows(visit.get(f"/articles/{FIRST}"), FIRST)


def test_the_front_page_says_what_is_locked_and_counts_nothing(visit: Any) -> None:
    """Two are always for subscribers; once the allowance is used, all but the read one and the free one are."""
    assert visit.get("/").count("For subscribers") == 2
    visit.get("/")
    visit.get(f"/articles/{FIRST}")
    assert visit.get("/").count("For subscribers") == len(ARTICLES) - 2


def test_prefetching_costs_nothing_and_keeps_nothing(visit: Any) -> None:
    """A prefetch of a metered article is refused, so no uncounted copy exists; HEAD counts nothing either."""
    visit.get(f"/articles/{SECOND}", **{"Sec-Purpose": "prefetch;prerender"})
    assert visit.page.status_code == 503
    assert not shows(visit.page.text, SECOND)
    assert visit.session.head(f"{visit.site}/articles/{SECOND}", timeout=30).status_code == 200
    assert shows(visit.get(f"/articles/{FREE}", Purpose="prefetch"), FREE)
    assert shows(visit.get(f"/articles/{FIRST}"), FIRST)


def test_signing_in_and_out_gives_no_fresh_article(visit: Any, name: str) -> None:
    """Reads are united at login, and the browser remembers after logout."""
    visit.get(f"/articles/{FIRST}")
    visit.sign_in(name)
    assert withholds(visit.get(f"/articles/{SECOND}"), SECOND)
    visit.post("/sign-out")
    assert withholds(visit.get(f"/articles/{SECOND}"), SECOND)


def test_the_same_name_is_the_same_reader_on_another_device(new_visit: Callable[[], Any], name: str) -> None:
    """What is read on the phone is read on the desk."""
    phone, desk = new_visit(), new_visit()
    phone.sign_in(name)
    phone.get(f"/articles/{FIRST}")
    desk.sign_in(f"  {name.upper()} ")
    assert withholds(desk.get(f"/articles/{SECOND}"), SECOND)


def test_from_the_wall_to_the_article(visit: Any, name: str) -> None:
    """Wall, name, terms, payment, and back: the return page knows at once, and every article opens."""
    visit.get(f"/articles/{FIRST}")
    visit.get(f"/articles/{SECOND}")
    asked = visit.post("/checkout", plan="monthly", article=SECOND)
    assert "Your name" in asked
    terms = visit.post("/sign-in", name=name, plan="monthly", article=SECOND)
    assert visit.page.url.endswith("/checkout")
    for words in ("Nothing today ($0.00)", "First charge", "$2.90 on", "renews automatically at $2.90 per month",
                  "you will not be charged"):  # fmt: skip
        assert words in terms
    back = visit.buy("monthly", SECOND)
    assert "Everything is open" in back
    assert "Your free trial runs until" in back
    assert f"/articles/{SECOND}" in back
    for article_id in (SECOND, SUBSCRIBERS, ARCHIVE):
        assert shows(visit.get(f"/articles/{article_id}"), article_id)
    assert "For subscribers" not in visit.get("/")
    assert "subscription already" in visit.post("/checkout", plan="annual")


def test_cancelling_and_undoing_is_one_step_each(visit: Any, name: str) -> None:
    """The account page says where the reader stands, in one sentence, before and after."""
    visit.sign_in(name)
    assert "You have no subscription." in visit.get("/account")
    visit.buy("monthly")
    assert "Your free trial runs until" in visit.get("/account")
    cancelled = visit.post("/account/cancel")
    assert "Cancelled. You can read everything until" in cancelled
    assert "You have cancelled" in cancelled
    assert shows(visit.get(f"/articles/{SUBSCRIBERS}"), SUBSCRIBERS)
    assert "runs on as before" in visit.post("/account/undo")
    assert "There was no cancellation to undo." in visit.post("/account/undo")


def test_the_portal_is_one_step_away(visit: Any, name: str, newsroom: Any) -> None:
    """For whoever has paid; for others it says that there is nothing to manage."""
    visit.sign_in(name)
    assert "nothing to manage" in visit.post("/account/portal")
    visit.buy("annual")
    assert "Your subscription" in visit.post("/account/portal")
    assert visit.page.url.startswith(newsroom.at.stripe_url)


def test_the_clock_tells_a_subscribers_life(visit: Any, name: str) -> None:
    """Thirty days: the trial's charge; a year: the renewals; cancelled: the end, no second trial, and the wall."""
    visit.sign_in(name)
    visit.buy("monthly")
    assert "Nothing was charged; you can read on." in visit.post("/clock", step="day", back="/account")
    assert visit.page.url.endswith("/account")
    assert "your free trial was over, and $2.90 was charged" in visit.post("/clock", step="month", back="/account")
    assert visit.post("/clock", step="year", back="/account").count("your subscription renewed") == 12
    visit.post("/account/cancel")
    ended = visit.post("/clock", step="month", back="/account")
    assert "your subscription ended" in ended
    assert "Your subscription ended on" in ended
    visit.get(f"/articles/{FIRST}")
    wall = visit.get(f"/articles/{SECOND}")
    assert withholds(wall, SECOND)
    assert "days free" not in wall
    assert "$2.90 per month" in wall
    assert "You have had your free trial" in visit.post("/checkout", plan="monthly")


def test_a_checkout_is_its_readers_alone(new_visit: Callable[[], Any], name: str) -> None:
    """Somebody else's return address shows a stranger nothing."""
    payer, stranger = new_visit(), new_visit()
    payer.sign_in(name)
    payer.buy("monthly")
    path = payer.page.url.removeprefix(payer.site)
    stranger.sign_in(f"{name} not")
    assert "There is no such page" in stranger.get(path)
    assert "There is no such page" in payer.get("/welcome?checkout_id=chk_unheard_of")
    assert "There is no such page" in payer.get("/welcome")


def test_a_made_up_visitor_is_no_visitor(visit: Any) -> None:
    """A cookie that is none of ours is replaced, and breaks nothing."""
    visit.session.cookies.set(VISITOR_COOKIE, '"><script>', domain="127.0.0.1", path="/")
    assert shows(visit.get(f"/articles/{FIRST}"), FIRST)


def test_headers_keep_pages_private(visit: Any) -> None:
    """Nothing made for one reader is stored anywhere; what is the same for all may be kept for ever."""
    for path in ("/", f"/articles/{FIRST}", f"/articles/{SECOND}", "/sign-in"):
        visit.get(path)
        assert visit.page.headers["Cache-Control"] == "private, no-store"
        assert "Cookie" in visit.page.headers["Vary"]
        policy = visit.page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'")
        assert "unsafe" not in policy
    style = re.search(r'href="(/static/site[^"]+)"', visit.get("/"))
    assert style is not None
    visit.get(style[1])
    assert visit.page.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in visit.page.headers


def test_cookies_are_first_party_and_out_of_scripts_reach(visit: Any) -> None:
    """HttpOnly, SameSite=Lax; the visitor's lives thirteen months."""
    visit.get("/")
    cookies = {each.split("=", 1)[0]: each for each in visit.page.raw.headers.getlist("Set-Cookie")}
    assert set(cookies) == {VISITOR_COOKIE, SESSION_COOKIE}
    for each in cookies.values():
        assert "HttpOnly" in each
        assert "SameSite=Lax" in each
    assert "Max-Age=34128000" in cookies[VISITOR_COOKIE]


def test_a_search_engine_is_told_of_the_wall(visit: Any) -> None:
    """`isAccessibleForFree`, with the selector of what is withheld, whether or not this page shows it."""
    for article_id, is_free in ((FREE, True), (FIRST, False), (SUBSCRIBERS, False)):
        visit.get(f"/articles/{article_id}")
        markup = re.search(r'<script type="application/ld\+json">(.*?)</script>', visit.page.text)
        assert markup is not None
        described = json.loads(markup[1])
        assert (described["@type"], described["isAccessibleForFree"]) == ("NewsArticle", is_free)
        assert described.get("hasPart", {}).get("cssSelector") == (None if is_free else ".paywalled")
        assert not any(each in visit.page.text for each in ("<script>", "onclick", "javascript:"))


def test_a_subscriber_gives_an_article_away(visit: Any, new_visit: Callable[[], Any], name: str) -> None:
    """The button leads to a link, and the link opens that article alone to a browser that never came before."""
    visit.sign_in(name)
    visit.get("/subscribe")
    visit.buy("monthly")
    assert "Gift this article" in visit.get(f"/articles/{SUBSCRIBERS}")
    given = visit.post(f"/articles/{SUBSCRIBERS}/gift")
    assert "4 of 5 gifts left this month" in given
    link = re.search(r'class="gift" href="([^"]+)"', given)
    assert link is not None
    friend = new_visit()
    opened = friend.get(link[1].removeprefix(friend.site))
    assert shows(opened, SUBSCRIBERS)
    assert "A subscriber has given you this article" in opened
    assert "Gift this article" not in opened
    query = link[1].partition("?")[2]
    assert withholds(friend.get(f"/articles/{ARCHIVE}?{query}"), ARCHIVE)
    visit.get(f"/articles/{SUBSCRIBERS}")
    assert "4 of 5 gifts left this month" in visit.post(f"/articles/{SUBSCRIBERS}/gift")
    for number, each in enumerate([FIRST, SECOND, ARCHIVE, "the-bank-that-closes-at-noon"], start=1):
        visit.get(f"/articles/{each}")
        assert f"{4 - number} of 5 gifts left" in visit.post(f"/articles/{each}/gift")
    visit.get(f"/articles/{FREE}")
    assert "given away all of this month" in visit.post(f"/articles/{FREE}/gift")


def test_a_reader_without_a_subscription_has_nothing_to_give(visit: Any, name: str) -> None:
    """No button, and the form sent by hand is answered in words."""
    visit.sign_in(name)
    assert "Gift this article" not in visit.get(f"/articles/{FIRST}")
    assert "Only subscribers can give articles away" in visit.post(f"/articles/{FIRST}/gift")
