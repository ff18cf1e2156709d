"""The door before the meter: who reads without it, on real servers and with each of them gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import Engine

from sandbox.processes import free_port
from service.access.question import Answer, Question
from service.domain.decision import Access, Article, Reason
from service.exemptions.ranges import address_of
from service.exemptions.rules import Evidence
from service.exemptions.tokens import TokenKind, Tokens
from service.store.database import make_engine

CAMPUS, ELSEWHERE, BOT = "192.0.2.7", "198.51.100.200", "203.0.113.130"
BOT_AGENT = "Mozilla/5.0 (compatible; examplebot/2.1; +https://bots.example/)"


def passed_along(client_ip: str | None = None, **more: str) -> Evidence:
    return Evidence(client_ip=address_of(client_ip) if client_ip else None, **more)


def ask(
    parts: Any, article: str = "a-1", *, reader: str | None = None, visitor: str | None = "v-1", **more: Any
) -> Answer:
    about = {name: more.pop(name) for name in ("access", "feature") if name in more}
    return parts.gate.decide(
        Question(
            articles=[Article(id=article, **about)], reader_id=reader, visitor_id=visitor, consume=True,
            evidence=passed_along(**more),
        )
    )[0]  # fmt: skip


@pytest.fixture
def sign(parts: Any, tokens: Tokens) -> Callable[..., str]:
    """Sign a token for an article, for a week."""
    return lambda kind, article="a-1": tokens.sign(kind, article, parts.clock() + timedelta(days=7), "all-1")


@pytest.fixture
def exempting(sign: Callable[..., str]) -> dict[Reason, dict[str, str]]:
    """What each exemption is judged by."""
    return {
        Reason.GIFT: {"gift": sign(TokenKind.GIFT)},
        Reason.SIGNED_LINK: {"link": sign(TokenKind.LINK)},
        Reason.INSTITUTION: {"client_ip": CAMPUS},
        Reason.CRAWLER: {"client_ip": BOT, "user_agent": BOT_AGENT},
    }


def test_each_exemption_opens_and_counts_nothing(parts: Any, exempting: Any) -> None:
    """Every kind lets in with its own reason, any number of times, and the free article is still there afterwards."""
    for reason, evidence in exempting.items():
        for _ in range(3):
            answer = ask(parts, **evidence)
            assert (answer.decision.granted, answer.decision.reason) == (True, reason)
            assert (answer.decision.counted, answer.decision.reading, answer.degraded) == (False, None, None)
    assert ask(parts, "another").decision.counted


def test_each_opens_what_it_is_meant_to(parts: Any, exempting: Any) -> None:
    """Subscribers' articles all of them; those that need a feature all but the crawlers, which were given none."""
    for reason, evidence in exempting.items():
        assert ask(parts, access=Access.SUBSCRIBERS, **evidence).decision.reason is reason
        archived = ask(parts, feature="archives", **evidence).decision
        assert archived.reason is (Reason.FEATURE_MISSING if reason is Reason.CRAWLER else reason)


def test_each_opens_with_every_server_gone(build_parts: Callable[..., Any], exempting: Any) -> None:
    """Nothing is asked: neither Redis nor PostgreSQL stands in a gift's way, not even under `ON_OUTAGE=refuse`."""
    nowhere = make_engine(f"postgresql://newsstand@127.0.0.1:{free_port()}/gone", deadline_seconds=0.3)
    alone = build_parts(nowhere, f"redis://127.0.0.1:{free_port()}/0", allow_on_outage=False)
    for reason, evidence in exempting.items():
        for reader in (None, "r-1"):
            answer = ask(alone, reader=reader, access=Access.SUBSCRIBERS, **evidence)
            assert (answer.decision.granted, answer.decision.reason, answer.degraded) == (True, reason, None)
    assert not ask(alone, access=Access.SUBSCRIBERS).decision.granted


def test_a_free_article_stays_free(parts: Any, exempting: Any) -> None:
    """It needs no exemption, whoever asks."""
    for evidence in exempting.values():
        assert ask(parts, access=Access.FREE, **evidence).decision.reason is Reason.FREE_ARTICLE


def test_what_does_not_open_is_metered_as_ever(parts: Any, sign: Callable[..., str]) -> None:
    """A token of another article or kind, cut short or empty; an address nobody knows; a bot by word alone."""
    useless = [
        {"gift": sign(TokenKind.GIFT, "a-2")}, {"gift": sign(TokenKind.LINK)}, {"link": sign(TokenKind.GIFT)},
        {"gift": sign(TokenKind.GIFT)[:-1]}, {"gift": ""}, {"link": "x" * 2000}, {"client_ip": ELSEWHERE},
        {"client_ip": ELSEWHERE, "user_agent": BOT_AGENT}, {"user_agent": BOT_AGENT},
        {"client_ip": BOT, "user_agent": "Mozilla/5.0"}, {"client_ip": BOT},
    ]  # fmt: skip
    for number, evidence in enumerate(useless):
        assert ask(parts, visitor=f"v-{number}", **evidence).decision.reason is Reason.METERED, evidence


def test_a_token_expires_by_the_business_clock(parts: Any, exempting: Any) -> None:
    """A gift's days are days of the publication's life, which a sandbox's clock may hurry."""
    parts.clock.advance(timedelta(days=7) - timedelta(seconds=1))
    assert ask(parts, **exempting[Reason.GIFT]).decision.reason is Reason.GIFT
    parts.clock.advance(timedelta(seconds=1))
    assert ask(parts, **exempting[Reason.GIFT]).decision.reason is Reason.METERED


def test_ipv4_in_ipv6s_clothes_is_the_same_institution(parts: Any) -> None:
    """As a dual-stack front end passes it on."""
    assert ask(parts, client_ip=f"::ffff:{CAMPUS}").decision.reason is Reason.INSTITUTION
    assert ask(parts, client_ip="2001:db8:1::7").decision.reason is Reason.INSTITUTION


def test_a_subscriber_reads_in_their_own_right(
    parts: Any, exempting: Any, make_snapshot: Any, make_subscription: Any
) -> None:
    """Who follows a newsletter's link as a subscriber stays one: the entitlement says ad-free, a link says nothing."""
    parts.apply(make_snapshot(make_subscription()))
    for evidence in exempting.values():
        decision = ask(parts, reader="r-1", **evidence).decision
        assert (decision.reason, decision.counted) == (Reason.SUBSCRIPTION, False)
        assert decision.entitlement is not None


def test_a_reader_without_a_subscription_is_let_in_by_the_exemption(parts: Any, exempting: Any) -> None:
    """And uses up nothing: the own allowance is whole afterwards."""
    for reason, evidence in exempting.items():
        assert ask(parts, reader="r-2", **evidence).decision.reason is reason
    assert ask(parts, "another", reader="r-2").decision.counted


def test_nothing_of_an_exempted_visitor_is_in_redis(parts: Any, exempting: Any, redis_url: str) -> None:
    """The meter is not asked at all."""
    for evidence in exempting.values():
        ask(parts, **evidence)
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys() == []


def test_a_subscriber_with_redis_gone_still_reads_in_their_own_right(
    parts: Any, build_parts: Callable[..., Any], engine: Engine, exempting: Any, make_snapshot: Any,
    make_subscription: Any,
) -> None:  # fmt: skip
    """PostgreSQL knows them; the answer fell back on no policy, so it says nothing of one."""
    parts.apply(make_snapshot(make_subscription()))
    without_redis = build_parts(engine, f"redis://127.0.0.1:{free_port()}/0")
    answer = ask(without_redis, reader="r-1", **exempting[Reason.GIFT])
    assert (answer.decision.reason, answer.degraded) == (Reason.SUBSCRIPTION, None)


ASSORTED = [
    Article(id="a-1"),
    Article(id="a-2"),
    Article(id="a-1", feature="archives"),
    Article(id="a-3", access=Access.FREE),
    Article(id="a-1", access=Access.SUBSCRIBERS),
    Article(id="a-4", access=Access.SUBSCRIBERS),
    Article(id="a-5", feature="archives"),
    Article(id="a-6"),
]


@pytest.mark.parametrize("who", ["visitor", "reader", "subscriber", "both"])
@pytest.mark.parametrize("reason", [Reason.GIFT, Reason.SIGNED_LINK, Reason.INSTITUTION, Reason.CRAWLER])
def test_a_batch_is_exempted_as_one_question_after_the_other(
    parts: Any, exempting: Any, make_snapshot: Any, make_subscription: Any, reason: Reason, who: str
) -> None:
    """Every kind of article, for every kind of subject: what is open is open and uncounted, the rest is metered."""
    if who == "subscriber":
        parts.apply(make_snapshot(make_subscription()))
    evidence = passed_along(**exempting[reason])

    def ids(copy: str) -> dict[str, str | None]:
        reader = {"subscriber": "r-1", "visitor": None}.get(who, f"r-{copy}")
        return {"reader_id": reader, "visitor_id": f"v-{copy}" if who in {"visitor", "both"} else None}

    batch = parts.gate.decide(Question(articles=ASSORTED, consume=True, evidence=evidence, **ids("8")))
    singles = [
        parts.gate.decide(Question(articles=[each], consume=True, evidence=evidence, **ids("9")))[0]
        for each in ASSORTED
    ]
    assert [(each.decision, each.degraded) for each in batch] == [(each.decision, each.degraded) for each in singles]
    assert {each.visitor_id for each in batch} == {ids("8")["visitor_id"]}
    if who != "subscriber":
        assert batch[0].decision.reason is reason


def test_a_campus_home_page_asks_no_server(build_parts: Callable[..., Any], exempting: Any) -> None:
    """The address alone opens all of it: Redis and PostgreSQL may be gone, and one visitor is minted all the same."""
    nowhere = make_engine(f"postgresql://newsstand@127.0.0.1:{free_port()}/gone", deadline_seconds=0.3)
    alone = build_parts(nowhere, f"redis://127.0.0.1:{free_port()}/0", allow_on_outage=False)
    asked = Question(
        articles=[Article(id=f"a-{number}") for number in range(500)], reader_id=None, visitor_id=None, consume=False,
        evidence=passed_along(**exempting[Reason.INSTITUTION]),
    )  # fmt: skip
    answers = alone.gate.decide(asked)
    assert {(each.decision.reason, each.degraded) for each in answers} == {(Reason.INSTITUTION, None)}
    assert len({each.visitor_id for each in answers}) == 1
    assert answers[0].visitor_id
