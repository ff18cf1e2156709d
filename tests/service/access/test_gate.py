"""The door on real servers, and with each of them gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, event, text

from metering.breaker import Breaker
from metering.meter import Pass, Subject, SubjectKind
from sandbox.processes import free_port
from service.access.links import Links
from service.access.question import Answer, Question
from service.clocks import wall_clock
from service.domain.catalog import Catalog
from service.domain.decision import Access, Article, Reason
from service.store.database import answers, make_engine


def ask(
    parts: Any, article: str = "a-1", *, reader: str | None = None, visitor: str | None = None, **more: Any
) -> Answer:
    consume = more.pop("consume", True)
    question = Question(articles=[Article(id=article, **more)], reader_id=reader, visitor_id=visitor, consume=consume)
    return parts.gate.decide(question)[0]


def test_an_anonymous_visitor_reads_one_article_and_meets_the_wall(parts: Any) -> None:
    """One free article a month: counted once, open for re-reading, and the second article is refused."""
    first = ask(parts, "a-1", visitor="v-1")
    again = ask(parts, "a-1", visitor="v-1")
    second = ask(parts, "a-2", visitor="v-1")
    assert (first.decision.granted, first.decision.reason, first.decision.counted) == (True, Reason.METERED, True)
    assert (again.decision.granted, again.decision.reason, again.decision.counted) == (True, Reason.ALREADY_READ, False)
    assert (second.decision.granted, second.decision.reason) == (False, Reason.METER_EXHAUSTED)
    assert second.decision.wall is not None
    assert second.decision.wall.offers == ("monthly", "annual")
    assert second.decision.wall.trial_eligible


def test_a_caller_without_ids_gets_a_visitor_id_that_counts(parts: Any) -> None:
    """The minted id is what the first article was counted under."""
    first = ask(parts, "a-1")
    assert first.visitor_id
    assert ask(parts, "a-2", visitor=first.visitor_id).decision.reason is Reason.METER_EXHAUSTED


def test_a_minute_that_ends_while_the_record_is_asked_keeps_nobody_unknown(parts: Any) -> None:
    """That the record knows nothing of a reader is noted by its minute, and looked for as of then, not of before."""
    ends_at = wall_clock().replace(second=0, microsecond=0)
    instants = iter([ends_at - timedelta(seconds=1), ends_at, ends_at])
    parts.gate._finder._wall_clock = lambda: next(instants)
    parts.record._wall_clock = lambda: ends_at
    assert ask(parts, "a-1", reader="r-nobody").decision.counted


def test_a_record_that_was_set_back_refuses_nobody_an_answer(
    parts: Any, make_snapshot: Any, make_subscription: Any
) -> None:
    """Claim: a replica that took over without the last commits knows less than Redis; its readers are metered."""
    parts.apply(make_snapshot(make_subscription(status="canceled", ended_at=parts.clock())))
    later = Pass(
        version=9,
        valid_until=parts.clock() + timedelta(days=3),
        refreshed_at=wall_clock() - timedelta(minutes=5),
        absent=True,
        payload=b"",
    )
    assert parts.meter.publish("r-1", later)
    assert ask(parts, "a-1", reader="r-1").decision.reason is Reason.METERED
    assert ask(parts, "a-2", reader="r-1").decision.reason is Reason.METER_EXHAUSTED


def test_a_peek_never_counts(parts: Any) -> None:
    """A prefetch may ask a hundred times and the free article is still there."""
    for number in range(100):
        assert ask(parts, f"a-{number}", visitor="v-1", consume=False).decision.granted
    assert ask(parts, "a-7", visitor="v-1").decision.counted


def test_a_new_month_brings_a_new_allowance(parts: Any) -> None:
    """The window is the publication's calendar month."""
    ask(parts, "a-1", visitor="v-1")
    parts.clock.advance(timedelta(days=21))
    assert ask(parts, "a-2", visitor="v-1").decision.reason is Reason.METERED


def test_a_thousand_parallel_first_reads_give_one_free_article(parts: Any) -> None:
    """Concurrent tabs cannot each get the free article."""
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda number: ask(parts, f"a-{number}", visitor="v-1"), range(1000)))
    assert sum(answer.decision.granted for answer in answers) == 1
    assert {answer.degraded for answer in answers} == {None}


def test_a_subscriber_is_let_in_uncounted(parts: Any, make_snapshot: Any, make_subscription: Any) -> None:
    """A published pass opens every article, also those that need a feature, and uses up nothing."""
    parts.apply(make_snapshot(make_subscription()))
    for number in range(5):
        answer = ask(parts, f"a-{number}", reader="r-1")
        assert (answer.decision.reason, answer.decision.counted) == (Reason.SUBSCRIPTION, False)
    assert ask(parts, "a-9", reader="r-1", feature="archives").decision.granted
    assert ask(parts, "a-9", reader="r-1", access=Access.SUBSCRIBERS).decision.granted


def test_a_flushed_redis_locks_out_no_payer(
    parts: Any, redis_url: str, make_snapshot: Any, make_subscription: Any
) -> None:
    """Passes are a copy: after FLUSHALL the subscriber is found again through PostgreSQL."""
    parts.apply(make_snapshot(make_subscription()))
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    assert ask(parts, reader="r-1").decision.reason is Reason.SUBSCRIPTION


def test_a_cancelled_subscription_ends_at_its_instant_without_news(
    parts: Any, make_snapshot: Any, make_subscription: Any
) -> None:
    """`cancel_at` ends access even if nothing is ever heard again; until then it lasts."""
    end = parts.clock() + timedelta(days=30)
    parts.apply(make_snapshot(make_subscription(cancel_at=end)))
    parts.clock.advance(timedelta(days=30, seconds=-1))
    assert ask(parts, "a-1", reader="r-1").decision.granted
    parts.clock.advance(timedelta(seconds=1))
    assert ask(parts, "a-1", reader="r-1").decision.reason is Reason.METERED
    assert ask(parts, "a-2", reader="r-1").decision.reason is Reason.METER_EXHAUSTED


def test_silence_never_refuses_a_payer(parts: Any, make_snapshot: Any, make_subscription: Any) -> None:
    """A renewing subscription of which nothing was heard since its period ended stays open."""
    parts.apply(make_snapshot(make_subscription()))
    parts.clock.advance(timedelta(days=45))
    assert ask(parts, reader="r-1").decision.reason is Reason.SUBSCRIPTION


def test_a_reader_known_as_a_stranger_a_minute_ago_is_let_in_on_an_outlived_pass(
    parts: Any, make_snapshot: Any, make_subscription: Any
) -> None:
    """The note "no pass" from before the subscription must not count once the pass itself needs a fresh look."""
    ask(parts, "a-1", reader="r-1")
    parts.apply(make_snapshot(make_subscription()))
    parts.clock.advance(timedelta(days=4))
    assert ask(parts, "a-2", reader="r-1").decision.reason is Reason.SUBSCRIPTION


def test_signing_in_unites_reads_and_signing_out_gives_nothing_fresh(parts: Any) -> None:
    """The visitor's article counts for the reader; signed out again, the browser has no new allowance."""
    ask(parts, "a-1", visitor="v-1")
    assert ask(parts, "a-1", reader="r-1", visitor="v-1").decision.reason is Reason.ALREADY_READ
    assert ask(parts, "a-2", reader="r-1", visitor="v-1").decision.reason is Reason.METER_EXHAUSTED
    assert ask(parts, "a-2", visitor="v-1").decision.reason is Reason.METER_EXHAUSTED


@pytest.mark.parametrize(("read", "wall"), [(2, "register"), (3, "subscribe")])
def test_a_linked_browser_is_asked_to_sign_in_only_where_that_opens_the_article(
    build_parts: Callable[..., Any], engine: Engine, redis_url: str, catalog: Catalog, read: int, wall: str
) -> None:
    """Claim: signed out, `register` stands on a wall exactly while the reader behind the browser has room."""
    generous = replace(catalog, meter=replace(catalog.meter, limit_visitor=1, limit_reader=3))
    parts = build_parts(engine, redis_url, catalog=generous)
    for number in range(read):
        assert ask(parts, f"a-{number}", reader="r-1", visitor="v-1").decision.counted
    signed_out = ask(parts, "a-9", visitor="v-1").decision
    assert signed_out.wall is not None
    assert (signed_out.granted, signed_out.wall.kind) == (False, wall)
    assert ask(parts, "a-9", reader="r-1", visitor="v-1").decision.granted is (wall == "register")


def test_the_wall_knows_whose_trial_is_used(parts: Any, make_snapshot: Any, make_subscription: Any) -> None:
    """A reader whose trial ended is not offered a second one."""
    trial = make_subscription(
        status="canceled", trial_start_at=parts.clock() - timedelta(days=60),
        trial_end_at=parts.clock() - timedelta(days=30), ended_at=parts.clock() - timedelta(days=30),
    )  # fmt: skip
    parts.apply(make_snapshot(trial))
    ask(parts, "a-1", reader="r-1")
    refused = ask(parts, "a-2", reader="r-1").decision
    assert refused.wall is not None
    assert not refused.wall.trial_eligible


ASSORTED = [
    Article(id="a-1"),
    Article(id="a-1"),
    Article(id="a-2", access=Access.FREE),
    Article(id="a-3", access=Access.SUBSCRIBERS),
    Article(id="a-4", feature="archives"),
    Article(id="a-5"),
    Article(id="a-1"),
]


@pytest.mark.parametrize("consume", [True, False])
@pytest.mark.parametrize("who", ["visitor", "reader", "subscriber", "both", "linked"])
def test_a_batch_answers_as_one_question_after_the_other(
    parts: Any, make_snapshot: Any, make_subscription: Any, who: str, *, consume: bool
) -> None:
    """Claim: in order, with repeats and every kind of article, for every kind of subject; counting likewise."""

    def ids(copy: str) -> dict[str, str | None]:
        if who == "subscriber":  # never counted, so one will do for both
            return {"reader_id": "r-1", "visitor_id": None}
        reader = None if who in {"visitor", "linked"} else f"r-{copy}"
        return {"reader_id": reader, "visitor_id": None if who == "reader" else f"v-{copy}"}

    if who == "subscriber":
        parts.apply(make_snapshot(make_subscription()))
    if who == "linked":
        for copy in ("1", "2"):
            parts.links.link(f"r-{copy}", f"v-{copy}", now=parts.clock())

    batch = parts.gate.decide(Question(articles=ASSORTED, consume=consume, **ids("1")))
    singles = [parts.gate.decide(Question(articles=[each], consume=consume, **ids("2")))[0] for each in ASSORTED]
    assert [each.decision for each in batch] == [each.decision for each in singles]
    assert {(each.visitor_id, each.degraded) for each in batch} == {(ids("1")["visitor_id"], None)}


def test_a_batch_without_ids_is_one_new_visitors(parts: Any) -> None:
    """Claim: the minted id is one for the page, and what the batch read was counted under it."""
    batch = parts.gate.decide(Question(articles=ASSORTED, reader_id=None, visitor_id=None, consume=True))
    (visitor_id,) = {each.visitor_id for each in batch}
    assert ask(parts, "a-1", visitor=visitor_id).decision.reason is Reason.ALREADY_READ


def test_a_batch_of_500_asks_redis_once_and_the_ledger_once(parts: Any, redis_url: str) -> None:
    """Claim: counted at the server, 500 articles are one script call; the trial is looked up once for all walls."""
    articles = [Article(id=f"a-{number}") for number in range(500)]
    asked = Question(articles=articles, reader_id="r-1", visitor_id=None, consume=False)
    ask(parts, "a-0", reader="r-1")
    looked_up: list[str] = []
    likely = parts.trials.likely
    parts.trials.likely = lambda reader_id, now: looked_up.append(reader_id) or likely(reader_id, now)
    with redis.Redis.from_url(redis_url) as client:
        before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
        answers = parts.gate.decide(asked)
        assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 1
    assert [each.decision.granted for each in answers] == [True] + [False] * 499
    assert looked_up == ["r-1"]


def test_a_reader_who_meets_many_walls_costs_the_ledger_one_question_a_minute(parts: Any) -> None:
    """Claim: the trial on a wall is as of a minute ago at most, and asked for again after it."""
    asked: list[str] = []
    for_reader = parts.trials.for_reader
    parts.trials.for_reader = lambda connection, reader_id: asked.append(reader_id) or for_reader(connection, reader_id)
    ask(parts, "a-0", reader="r-1")
    for number in range(1, 4):
        assert ask(parts, f"a-{number}", reader="r-1").decision.wall.trial_eligible  # type: ignore[union-attr]
    assert asked == ["r-1"]
    parts.clock.advance(timedelta(seconds=60))
    ask(parts, "a-4", reader="r-1")
    assert asked == ["r-1", "r-1"]


def test_a_batch_during_an_outage_is_answered(build_parts: Callable[..., Any], engine: Engine, dead_redis: str) -> None:
    """Claim: the failure policy holds for each article; what is free stays free, and is not degraded."""
    parts = build_parts(engine, dead_redis)
    asked = Question(articles=ASSORTED, reader_id=None, visitor_id="v-1", consume=True)
    reasons = [(each.decision.reason, each.degraded) for each in parts.gate.decide(asked)]
    assert reasons[0] == reasons[5] == (Reason.OUTAGE, "redis")
    assert reasons[2] == (Reason.FREE_ARTICLE, None)
    assert reasons[3] == (Reason.SUBSCRIBERS_ONLY, None)


@pytest.fixture
def dead_redis() -> str:
    return f"redis://127.0.0.1:{free_port()}/0"


@pytest.fixture
def dead_engine() -> Engine:
    breaker = Breaker(failures=5, open_seconds=0.5, monotonic=time.monotonic)
    address = f"postgresql://newsstand@127.0.0.1:{free_port()}/newsstand"
    return make_engine(address, deadline_seconds=0.3, breaker=breaker)


def test_without_redis_payers_are_found_and_others_let_in(
    build_parts: Callable[..., Any], engine: Engine, dead_redis: str, make_snapshot: Any, make_subscription: Any
) -> None:
    """Redis down: subscribers from PostgreSQL; others are let in, marked as degraded."""
    parts = build_parts(engine, dead_redis)
    parts.apply(make_snapshot(make_subscription()))
    payer, visitor = ask(parts, reader="r-1"), ask(parts, visitor="v-1")
    assert (payer.decision.reason, payer.degraded) == (Reason.SUBSCRIPTION, "redis")
    assert (visitor.decision.granted, visitor.decision.reason, visitor.degraded) == (True, Reason.OUTAGE, "redis")


def test_without_redis_an_article_for_subscribers_stays_theirs(
    build_parts: Callable[..., Any], engine: Engine, dead_redis: str
) -> None:
    """An outage of the counter gives away no subscribers-only article to those known not to subscribe."""
    parts = build_parts(engine, dead_redis)
    assert ask(parts, visitor="v-1", access=Access.SUBSCRIBERS).decision.reason is Reason.SUBSCRIBERS_ONLY
    assert ask(parts, reader="r-9", access=Access.SUBSCRIBERS).decision.reason is Reason.SUBSCRIBERS_ONLY


def test_a_visitor_is_told_whose_article_it_is_without_any_server(
    build_parts: Callable[..., Any], dead_engine: Engine, dead_redis: str
) -> None:
    """Claim: no count opens a visitor an article for subscribers, or for a feature; so nobody is asked."""
    parts = build_parts(dead_engine, dead_redis)
    for article, reason in (
        ({"access": Access.SUBSCRIBERS}, Reason.SUBSCRIBERS_ONLY), ({"feature": "archives"}, Reason.FEATURE_MISSING),
    ):  # fmt: skip
        answer = ask(parts, visitor="v-1", **article)
        assert (answer.decision.reason, answer.degraded) == (reason, None)
        assert answer.decision.wall is not None
        assert answer.decision.wall.kind == "subscribe"


def test_without_postgresql_passes_go_on_serving(
    build_parts: Callable[..., Any], parts: Any, redis_url: str, dead_engine: Engine, make_snapshot: Any,
    make_subscription: Any,
) -> None:  # fmt: skip
    """PostgreSQL down: a pass in Redis still opens, visitors are metered, an unknown reader is let in."""
    parts.apply(make_snapshot(make_subscription()))
    without = build_parts(dead_engine, redis_url)
    assert ask(without, reader="r-1").decision.reason is Reason.SUBSCRIPTION
    assert ask(without, visitor="v-1").decision.reason is Reason.METERED
    unknown = ask(without, reader="r-2")
    assert (unknown.decision.granted, unknown.decision.reason, unknown.degraded) == (True, Reason.OUTAGE, "database")


@pytest.mark.parametrize("who", [{"reader": "r-1"}, {"visitor": "v-1"}, {}, {"reader": "r-1", "visitor": "v-1"}])
@pytest.mark.parametrize(("allow", "granted"), [(True, True), (False, False)])
def test_without_both_the_publication_chooses(
    build_parts: Callable[..., Any], dead_engine: Engine, dead_redis: str, who: dict[str, str], *, allow: bool,
    granted: bool,
) -> None:  # fmt: skip
    """Both down: let in by default, or walled, as ON_OUTAGE says, whoever comes once the record is known to be away."""
    parts = build_parts(dead_engine, dead_redis, allow_on_outage=allow)
    assert not answers(dead_engine)
    answer = ask(parts, **who)
    assert (answer.decision.granted, answer.degraded) == (granted, "redis")


def test_without_both_an_article_for_subscribers_opens_to_who_may_be_one(
    build_parts: Callable[..., Any], dead_engine: Engine, dead_redis: str
) -> None:
    """Claim: that is a reader of whom nobody can tell; a visitor has certainly bought nothing."""
    parts = build_parts(dead_engine, dead_redis)
    assert not answers(dead_engine)
    assert ask(parts, reader="r-1", access=Access.SUBSCRIBERS).decision.reason is Reason.OUTAGE
    assert ask(parts, visitor="v-1", access=Access.SUBSCRIBERS).decision.reason is Reason.SUBSCRIBERS_ONLY


def test_a_visitor_is_refused_only_while_the_record_is_away_too(
    build_parts: Callable[..., Any], engine: Engine, dead_redis: str
) -> None:
    """Claim: with Redis alone down, a publication that refuses in an outage lets visitors in."""
    parts = build_parts(engine, dead_redis, allow_on_outage=False)
    assert ask(parts, visitor="v-1").decision.granted


def test_a_record_that_answers_no_question_costs_a_decision_one_and_soon_none(
    build_parts: Callable[..., Any], database_url: str, redis_url: str
) -> None:
    """Claim: behind locked tables linking and looking up share one wait; after five such nobody asks any more."""
    seconds = [0.0]
    breaker = Breaker(failures=5, open_seconds=0.5, monotonic=lambda: seconds[0])
    quick = make_engine(database_url, deadline_seconds=0.3, breaker=breaker)
    parts = build_parts(quick, redis_url)
    asked: list[str] = []
    holder = make_engine(database_url)
    with holder.begin() as connection:
        connection.execute(text("lock table accounts, visitor_links"))
        event.listen(quick, "before_cursor_execute", lambda _c, _k, statement, *_: asked.append(statement))
        found = [ask(parts, reader=f"r-{number}", visitor=f"v-{number}") for number in range(8)]
        assert [each.degraded for each in found] == ["database"] * 8
        assert len(asked) == 5
    seconds[0] += 1
    assert ask(parts, reader="r-9", visitor="v-9").degraded is None
    holder.dispose()
    quick.dispose()


def test_a_link_is_recorded_in_postgresql(parts: Any) -> None:
    """Redis may be lost; who shares whose reads is in the record."""
    ask(parts, reader="r-1", visitor="v-1")
    with parts.engine.connect() as connection:
        assert connection.execute(text("select visitor_id, reader_id from visitor_links")).all() == [("v-1", "r-1")]


def test_a_flush_is_mended_by_the_next_signed_in_decision(parts: Any, redis_url: str) -> None:
    """Claim: after FLUSHALL the browser's link is back once its reader was seen, so signing out gives nothing fresh."""
    ask(parts, "a-1", reader="r-1", visitor="v-1")
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    assert ask(parts, "a-1", reader="r-1", visitor="v-1").decision.counted
    assert ask(parts, "a-2", visitor="v-1").decision.reason is Reason.METER_EXHAUSTED


def test_a_link_that_the_site_reports_is_known_to_decisions_at_once(parts: Any) -> None:
    """Claim: who signed in last has the browser, also where another pair was known of a moment ago."""
    for reader in ("r-1", "r-2"):
        ask(parts, reader=reader, visitor="v-1")
    parts.links.link("r-1", "v-1", now=parts.clock())
    ask(parts, reader="r-2", visitor="v-1")
    assert parts.meter.linked_reader_is("v-1", "r-2", wall_now=parts.clock())


def test_a_known_pair_is_looked_at_again_after_ten_minutes(parts: Any) -> None:
    """Claim: in between a signed-in decision costs no look; after that a lost link is found and mended."""
    seconds = [0.0]
    links = Links(parts.engine, parts.meter, parts.catalog, wall_clock=parts.clock, monotonic=lambda: seconds[0])
    links.ensure("r-1", "v-1", now=parts.clock())
    parts.meter.forget(Subject(SubjectKind.VISITOR, "v-1"), windows=[])
    for seconds[0], linked in ((599.0, False), (600.0, True)):
        links.ensure("r-1", "v-1", now=parts.clock())
        assert parts.meter.linked_reader_is("v-1", "r-1", wall_now=parts.clock()) is linked
