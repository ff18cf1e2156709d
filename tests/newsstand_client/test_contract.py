"""The client and a running service mean the same by every call."""

from __future__ import annotations

import secrets
import time
from typing import Any

import pytest
import requests

from newsstand_client import Article, Conflict, InvalidRequest, Newsstand, NotFound
from sandbox.newsroom import SITE_KEY
from sandbox.tour.browser import Browser, form_with
from sandbox.tour.trip import fresh_card


@pytest.fixture
def client(newsroom: Any) -> Newsstand:
    """A client of the running service, patient enough for a busy machine."""
    return Newsstand(newsroom.at.service_url, SITE_KEY, decision_seconds=10, call_seconds=20)


@pytest.fixture
def fresh() -> str:
    """An id nobody has used."""
    return f"client-{secrets.token_hex(5)}"


def test_a_visitor_reads_once_then_meets_the_wall(client: Newsstand) -> None:
    """Peeking costs nothing, the first article is free, re-reading too, the second is refused with offers."""
    visitor = client.decide("one", mode="peek").visitor_id
    assert client.decide("one", visitor_id=visitor).reason == "metered"
    assert client.decide("one", visitor_id=visitor).reason == "already_read"
    refused = client.decide("two", visitor_id=visitor)
    assert (refused.granted, refused.reason, refused.fallback) == (False, "meter_exhausted", None)
    assert refused.meter is not None
    assert (refused.meter.used, refused.meter.remaining) == (1, 0)
    assert refused.wall is not None
    assert [plan.id for plan in client.offer().plans] == list(refused.wall.offers)


def test_what_an_article_needs_is_understood(client: Newsstand, fresh: str) -> None:
    """`access` and `feature` reach the service."""
    assert client.decide("x", visitor_id=fresh, access="free").reason == "free_article"
    assert client.decide("x", visitor_id=fresh, access="subscribers").reason == "subscribers_only"
    assert client.decide("x", visitor_id=fresh, feature="archives").reason == "feature_missing"


def test_a_page_of_teasers_is_one_call(client: Newsstand, fresh: str) -> None:
    """Each article is answered in its place as a question of its own would be; peeking counts nothing."""
    articles = [Article(id="one"), Article(id="two", access="subscribers"), Article(id="three", feature="archives")]
    peeked = client.decide_many(articles, visitor_id=fresh, mode="peek")
    assert [each.reason for each in peeked] == ["metered", "subscribers_only", "feature_missing"]
    assert {each.visitor_id for each in peeked} == {fresh}
    read = client.decide_many([Article(id="two"), Article(id="one")], visitor_id=fresh, mode="consume")
    assert [each.reason for each in read] == ["metered", "meter_exhausted"]
    assert client.decide_many([], visitor_id=fresh, mode="peek") == ()
    with pytest.raises(InvalidRequest):
        client.decide_many([Article(id="")], visitor_id=fresh, mode="peek")


def test_a_bad_call_is_an_invalid_request(client: Newsstand) -> None:
    """The service's complaint arrives with its fields."""
    with pytest.raises(InvalidRequest) as caught:
        client.decide("", visitor_id="v")
    assert "article" in caught.value.errors


def test_what_a_browser_sends_is_never_the_sites_mistake(client: Newsstand, fresh: str) -> None:
    """Addresses and user agents are the public's: whatever they hold, the reader gets an answer, and no door opens."""
    for junk in ("x" * 5000, "a\x00b", "\ud800", "", "é" * 90, "../../etc", "1794906000..AAAAAAAAAAAAAAAAAAAAAA"):
        decision = client.decide("one", visitor_id=fresh, mode="peek", user_agent=junk, gift=junk, link=junk)
        assert (decision.reason, decision.fallback) == ("metered", None)


def test_a_link_opens_its_article_to_anybody(client: Newsstand, fresh: str) -> None:
    """Uncounted, however many follow it; another article stays as it was."""
    link = client.sign_link("one", days=7, label="morning-letter")
    assert (link.article, link.label) == ("one", "morning-letter")
    assert "morning-letter" in link.token
    for _ in range(2):
        assert client.decide("one", visitor_id=fresh, access="subscribers", link=link.token).reason == "signed_link"
    assert client.decide("two", visitor_id=fresh, access="subscribers", link=link.token).reason == "subscribers_only"
    assert client.decide("two", visitor_id=fresh).counted


def test_networks_are_let_in(client: Newsstand, fresh: str) -> None:
    """The shipped examples: a library by its address, a crawler by its address and its name."""
    assert client.decide("one", visitor_id=fresh, client_ip="198.51.100.20").reason == "institution"
    assert client.decide("one", visitor_id=fresh, client_ip="::ffff:198.51.100.20").reason == "institution"
    bot = {"client_ip": "203.0.113.130", "user_agent": "Mozilla/5.0 (compatible; ExampleBot/1.0)"}
    assert client.decide("one", visitor_id=fresh, access="subscribers", **bot).reason == "crawler"
    lying = bot | {"client_ip": "203.0.113.1"}
    assert client.decide("one", visitor_id=fresh, access="subscribers", **lying).reason == "subscribers_only"


def test_a_network_is_bounded(client: Newsstand, newsroom: Any) -> None:
    """300 newcomers an hour from one network are let in, then one more is not; everybody else still is."""
    hour = time.time() // 3600
    here = f"2001:db8:{secrets.randbelow(2**16):x}::7"
    answers = [client.decide("one", client_ip=here) for _ in range(300)]
    assert {each.reason for each in answers} == {"metered"}
    walled = client.decide("one", client_ip=here)
    if time.time() // 3600 == hour:  # else the count has begun anew meanwhile, which other tests are about
        assert (walled.granted, walled.reason) == (False, "network_limited")
        assert walled.wall is not None
        assert walled.wall.kind == "register"
        assert client.decide("one", visitor_id=walled.visitor_id, client_ip=here).reason == "network_limited"
    assert client.decide("one", visitor_id=answers[0].visitor_id, client_ip=here).reason == "already_read"
    assert client.decide("one", client_ip="2001:db8:ffff:ffff::1").reason == "metered"
    assert "newsstand_newcomers_total" in requests.get(f"{newsroom.at.service_url}/metrics", timeout=10).text


def test_a_life_of_a_subscription(client: Newsstand, newsroom: Any, fresh: str) -> None:
    """Checkout, its outcome, the reader, cancelling, undoing and the portal, each typed."""
    client.link_visitor(fresh, f"v-{fresh}")
    site = newsroom.at.site_url
    urls = {"success_url": f"{site}/welcome", "cancel_url": f"{site}/"}
    checkout = client.open_checkout(fresh, "monthly", email=f"{fresh}@example.com", **urls)
    assert (checkout.trial.eligible, checkout.disclosure.due_today.amount) == (True, 0)
    assert client.checkout_outcome(checkout.id).status == "open"
    with pytest.raises(NotFound, match="no_subscription"):
        client.cancel(fresh)

    browser = Browser()
    form, button = form_with(browser.open(checkout.url), "card_number")
    browser.submit(form, button, fresh_card())
    outcome = client.checkout_outcome(checkout.id)
    assert (outcome.status, outcome.reader.status) == ("complete", "trialing")
    assert outcome.reader.entitlement is not None
    assert outcome.reader.entitlement.renews
    with pytest.raises(Conflict, match="already_subscribed"):
        client.open_checkout(fresh, "annual", **urls)
    assert client.decide("any", reader_id=fresh).reason == "trial"

    gift = client.give_article(fresh, "one")
    assert (gift.article, gift.remaining, gift.per_month) == ("one", 4, 5)
    assert client.give_article(fresh, "one") == gift
    assert [each.token for each in client.gifts(fresh).data] == [gift.token]
    assert client.decide("one", visitor_id=f"friend-{fresh}", access="subscribers", gift=gift.token).reason == "gift"
    assert client.decide("one", reader_id=fresh, gift=gift.token).reason == "trial"
    with pytest.raises(Conflict, match="no_entitlement"):
        client.give_article(f"not-{fresh}", "one")

    cancellation = client.cancel(fresh, reason="test")
    assert cancellation.access_until == outcome.reader.entitlement.until
    assert client.reader(fresh).status == "cancelling"
    client.undo_cancellation(fresh)
    assert client.reader(fresh).status == "trialing"
    assert client.open_portal(fresh, f"{site}/account").startswith(newsroom.at.stripe_url)
