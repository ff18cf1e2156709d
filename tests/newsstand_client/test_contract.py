"""The client and a running service mean the same by every call."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

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

    cancellation = client.cancel(fresh, reason="test")
    assert cancellation.access_until == outcome.reader.entitlement.until
    assert client.reader(fresh).status == "cancelling"
    client.undo_cancellation(fresh)
    assert client.reader(fresh).status == "trialing"
    assert client.open_portal(fresh, f"{site}/account").startswith(newsroom.at.stripe_url)
