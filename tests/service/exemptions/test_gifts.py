"""Gifts on a real PostgreSQL: few a month, the same one again for nothing, and open to whoever has the token."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.access.question import Question
from service.domain.decision import Article, Reason
from service.errors import Conflict
from service.exemptions.gifts import Gifts
from service.exemptions.rules import Evidence

A_MONTH = 5


@pytest.fixture
def subscriber(parts: Any, make_snapshot: Any, make_subscription: Any) -> str:
    """A reader who pays."""
    parts.apply(make_snapshot(make_subscription()))
    return "r-1"


def code_of(give: Any) -> str:
    with pytest.raises(Conflict) as refusal:
        give()
    return str(refusal.value.code)


def opened(parts: Any, token: str, article: str = "a-1", feature: str | None = None) -> Reason:
    question = Question(
        articles=[Article(id=article, feature=feature)], reader_id=None, visitor_id="v-9", consume=False,
        evidence=Evidence(gift=token),
    )  # fmt: skip
    return parts.gate.decide(question)[0].decision.reason


def test_a_gift_opens_its_article_to_anybody(parts: Any, gifts: Gifts, subscriber: str) -> None:
    """For as many days as plans.yaml says, and no other article."""
    gift, box = gifts.give(subscriber, "a-1")
    assert gift.created
    assert gift.expires_at == parts.clock() + timedelta(days=14)
    assert (box.per_month, box.remaining) == (A_MONTH, A_MONTH - 1)
    assert box.gifts == (replace(gift, created=False),)
    assert opened(parts, gift.token) is Reason.GIFT
    assert opened(parts, gift.token, "a-1", feature="archives") is Reason.GIFT
    assert opened(parts, gift.token, "a-2") is Reason.METERED
    parts.clock.advance(timedelta(days=14))
    assert opened(parts, gift.token) is Reason.METERED


def test_the_same_article_again_is_the_same_gift(parts: Any, gifts: Gifts, subscriber: str) -> None:
    """Free, with the same token and end, also when nothing is left, and when the month has changed meanwhile."""
    first, _ = gifts.give(subscriber, "a-0")
    for number in range(1, A_MONTH):
        gifts.give(subscriber, f"a-{number}")
    again, box = gifts.give(subscriber, "a-0")
    assert (again, box.remaining) == (replace(first, created=False), 0)
    early = gifts.box(subscriber)
    assert [gift.article_id for gift in early.gifts].count("a-0") == 1
    parts.clock.advance(timedelta(days=13))
    assert gifts.give(subscriber, "a-0")[0].token == first.token


def test_a_gift_that_has_ended_is_given_anew_and_counts(parts: Any, gifts: Gifts, subscriber: str) -> None:
    """Another fortnight is another gift."""
    first, _ = gifts.give(subscriber, "a-1")
    parts.clock.advance(timedelta(days=14))
    second, box = gifts.give(subscriber, "a-1")
    assert second.created
    assert second.token != first.token
    assert box.remaining == A_MONTH - 2


def test_a_month_brings_new_gifts(parts: Any, gifts: Gifts, subscriber: str) -> None:
    """The calendar month of the publication's zone; the first instant of December in Paris is still November in UTC."""
    for number in range(A_MONTH):
        gifts.give(subscriber, f"a-{number}")
    assert code_of(lambda: gifts.give(subscriber, "a-9")) == "no_gifts_left"
    resets_at = gifts.box(subscriber).resets_at
    parts.clock.advance(resets_at - parts.clock() - timedelta(microseconds=1))
    assert code_of(lambda: gifts.give(subscriber, "a-9")) == "no_gifts_left"
    parts.clock.advance(timedelta(microseconds=1))
    assert gifts.give(subscriber, "a-9")[1].remaining == A_MONTH - 1


def test_parallel_gifts_never_exceed_the_month(gifts: Gifts, subscriber: str) -> None:
    """Forty browser tabs give five articles away between them."""

    def give(number: int) -> bool:
        try:
            return gifts.give(subscriber, f"a-{number}")[0].created
        except Conflict:
            return False

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(give, range(40))) == A_MONTH


def test_parallel_gifts_of_one_article_are_one(gifts: Gifts, subscriber: str) -> None:
    """A double click makes one gift, and both answers carry its token."""
    with ThreadPoolExecutor(16) as pool:
        given = [gift for gift, _ in pool.map(lambda _: gifts.give(subscriber, "a-1"), range(40))]
    assert len({gift.token for gift in given}) == 1
    assert sum(gift.created for gift in given) == 1


def test_only_those_who_have_access_give(
    parts: Any, gifts: Gifts, subscriber: str, make_snapshot: Any, make_subscription: Any
) -> None:
    """A stranger never; a subscriber until the end. What was given before stays open until its own end."""
    assert code_of(lambda: gifts.give("r-stranger", "a-1")) == "no_entitlement"
    gift, _ = gifts.give(subscriber, "a-1")
    parts.apply(make_snapshot(make_subscription(status="canceled", ended_at=parts.clock())))
    assert code_of(lambda: gifts.give(subscriber, "a-1")) == "no_entitlement"
    assert opened(parts, gift.token) is Reason.GIFT
    assert gifts.box(subscriber).remaining == A_MONTH - 1


def test_a_gift_opens_no_more_than_its_giver_may_read(
    parts: Any, subscriber: str, gifts: Gifts, make_snapshot: Any, make_subscription: Any
) -> None:
    """A subscriber without the archives gives no archived article away, not even to themselves."""
    few = replace(parts.record._policy, plan_features={"monthly": ("ad_free",)})
    parts.record._policy = few
    gift, _ = gifts.give(subscriber, "a-1")
    assert opened(parts, gift.token) is Reason.GIFT
    assert opened(parts, gift.token, feature="archives") is Reason.FEATURE_MISSING


def test_a_publication_may_give_nothing_away(parts: Any, tokens: Any, subscriber: str) -> None:
    """Without `gifts` in plans.yaml, both calls say so."""
    none = replace(parts.catalog, exemptions=replace(parts.catalog.exemptions, gifts=None))
    off = Gifts(parts.engine, parts.record, tokens, catalog=none, business_clock=parts.clock)
    assert code_of(lambda: off.give(subscriber, "a-1")) == "gifts_off"
    assert code_of(lambda: off.box(subscriber)) == "gifts_off"


def test_readers_give_apart(gifts: Gifts, subscriber: str) -> None:
    """One reader's gifts are nothing to another's count."""
    gifts.give(subscriber, "a-1")
    assert gifts.box("r-2").remaining == A_MONTH
    assert gifts.box("r-2").gifts == ()
