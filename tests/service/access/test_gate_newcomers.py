"""The scraper guard at the door, on real servers: who is asked for a place, who never is, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import Engine

from metering.connections import Connections
from sandbox.processes import free_port
from service.access.newcomers import network_of
from service.access.question import Answer, Question
from service.clocks import wall_clock
from service.domain.decision import Access, Article, Reason
from service.exemptions.ranges import address_of
from service.exemptions.rules import Evidence
from service.exemptions.tokens import TokenKind, Tokens

BOUND = 3
HERE, NEXT_DOOR, ELSEWHERE = "203.0.113.7", "203.0.113.200", "198.51.100.200"


@pytest.fixture(
    params=[
        "one server", "as on a cluster",
        pytest.param("a cluster", marks=[pytest.mark.cluster, pytest.mark.xdist_group("cluster")]),
    ]
)  # fmt: skip
def guarded(
    request: pytest.FixtureRequest, build_parts: Callable[..., Any], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """The parts with a guard that lets three newcomers in, all within one hour of the wall clock.

    On one server the guard judges in the round trip that counts; on a cluster it goes before it.
    """
    url = request.getfixturevalue("cluster_url" if request.param == "a cluster" else "redis_url")
    parts = build_parts(engine, url, newcomers_per_hour=BOUND)
    if request.param == "as on a cluster":
        monkeypatch.setattr(parts.meter, "can_judge", False)
    started = wall_clock()
    parts.gate._finder._wall_clock = lambda: started
    return parts


def ask(parts: Any, visitor: str | None = None, article: str = "a-1", ip: str | None = HERE, **more: Any) -> Answer:
    about = {name: more.pop(name) for name in ("access", "feature") if name in more}
    reader, consume = more.pop("reader", None), more.pop("consume", True)
    return parts.gate.decide(
        Question(
            articles=[Article(id=article, **about)], reader_id=reader, visitor_id=visitor, consume=consume,
            evidence=Evidence(client_ip=address_of(ip) if ip else None, **more),
        )
    )[0]  # fmt: skip


def reason(*args: Any, **more: Any) -> Reason:
    return ask(*args, **more).decision.reason


def fill(parts: Any, ip: str = HERE) -> None:
    for number in range(BOUND):
        assert reason(parts, f"filler-{number}", ip=ip) is Reason.METERED


@pytest.fixture
def round_trips(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], int]:
    """Counts how often Redis is asked while something runs."""
    counted = [0]
    exchange = Connections.run_all

    def counting(self: Connections, *args: Any) -> Any:
        counted[0] += 1
        return exchange(self, *args)

    monkeypatch.setattr(Connections, "run_all", counting)

    def count(act: Callable[[], object]) -> int:
        before = counted[0]
        act()
        return counted[0] - before

    return count


def test_past_the_bound_a_newcomer_is_walled(guarded: Any) -> None:
    """From the same /24, with an id of the site's or without any; the wall offers to register, nothing is counted."""
    fill(guarded)
    for visitor in ("v-new", None):
        decision = ask(guarded, visitor, ip=NEXT_DOOR).decision
        assert (decision.granted, decision.reason, decision.counted) == (False, Reason.NETWORK_LIMITED, False)
        assert decision.wall is not None
        assert decision.wall.kind == "register"
        assert decision.reading is not None
        assert decision.reading.used == 0
    assert reason(guarded, "v-new", ip=ELSEWHERE) is Reason.METERED


def test_another_attempt_fares_no_better(guarded: Any) -> None:
    """The wall leaves no trace by which the next request would pass, under the same id or under the one given."""
    fill(guarded)
    for _ in range(3):
        assert reason(guarded, "v-new") is Reason.NETWORK_LIMITED
    given = ask(guarded).visitor_id
    assert given is not None
    assert reason(guarded, given) is Reason.NETWORK_LIMITED
    with ThreadPoolExecutor(8) as pool:
        same = list(pool.map(lambda _: reason(guarded, "v-racing"), range(32)))
    assert set(same) == {Reason.NETWORK_LIMITED}


def test_a_thousand_newcomers_at_once_are_bounded_exactly(guarded: Any) -> None:
    """Whether they bring an id of their own or none."""
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: ask(guarded, f"v-{number}" if number % 2 else None), range(1000)))
    assert sum(answer.decision.granted for answer in answers) == BOUND


def test_one_who_was_here_is_never_asked(guarded: Any) -> None:
    """In this window, in the next, and for a second article: then it is the meter that says no."""
    assert reason(guarded, "v-old") is Reason.METERED
    fill(guarded, ELSEWHERE)
    assert reason(guarded, "v-old", ip=ELSEWHERE) is Reason.ALREADY_READ
    assert reason(guarded, "v-old", "a-2", ip=ELSEWHERE) is Reason.METER_EXHAUSTED
    guarded.clock.advance(timedelta(days=21))  # December
    assert reason(guarded, "v-old", "a-3", ip=ELSEWHERE) is Reason.METERED
    guarded.clock.advance(timedelta(days=62))  # February: January was missed
    assert reason(guarded, "v-old", "a-4", ip=ELSEWHERE) is Reason.NETWORK_LIMITED


def test_an_id_that_we_signed_is_never_asked(guarded: Any) -> None:
    """However long ago it was given, wherever it comes from; and one article is all that it gets, as ever."""
    given = ask(guarded).visitor_id
    fill(guarded, ELSEWHERE)
    guarded.clock.advance(timedelta(days=365))
    assert reason(guarded, given, ip=ELSEWHERE) is Reason.METERED
    assert reason(guarded, given, "a-2", ip=ELSEWHERE) is Reason.METER_EXHAUSTED


def test_the_first_read_counts_under_the_id_that_is_given(guarded: Any) -> None:
    """It is signed on the way in; the article is this visitor's."""
    first = ask(guarded)
    assert first.decision.counted
    assert reason(guarded, first.visitor_id) is Reason.ALREADY_READ


def test_ids_cannot_be_collected_where_nothing_is_counted(
    guarded: Any, tokens: Tokens, build_parts: Callable[..., Any], engine: Engine
) -> None:
    """A free article, a gift, a question without an address, an outage: each gives an id, none a signed one."""
    gift = tokens.sign(TokenKind.GIFT, "a-1", guarded.clock() + timedelta(days=1))
    without_redis = build_parts(engine, f"redis://127.0.0.1:{free_port()}/0", newcomers_per_hour=BOUND)
    given = [
        ask(guarded, access=Access.FREE), ask(guarded, access=Access.SUBSCRIBERS), ask(guarded, gift=gift),
        ask(guarded, ip=None, consume=False), ask(without_redis),
    ]  # fmt: skip
    fill(guarded)
    for answer in given:
        assert answer.visitor_id is not None
        assert reason(guarded, answer.visitor_id) is Reason.NETWORK_LIMITED


def test_readers_and_the_exempted_never_touch_it(guarded: Any, redis_url: str, tokens: Tokens) -> None:
    """They take no place, and no full network stands in their way."""
    link = tokens.sign(TokenKind.LINK, "a-1", guarded.clock() + timedelta(days=1))
    others = [{"reader": "r-1"}, {"link": link}, {"ip": "192.0.2.7"}, {"access": Access.FREE}]
    for each in others:
        assert ask(guarded, **each).decision.granted
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys("newcomers:*") == []
    fill(guarded)
    for each in others:
        assert ask(guarded, **each).decision.granted


def test_a_peek_is_told_the_truth_and_takes_no_place(guarded: Any) -> None:
    """A teaser is open until the network's hour is full, however often it is shown to a browser with an id."""
    for number in range(BOUND * 2):
        assert reason(guarded, f"v-{number}", consume=False) is Reason.METERED
    fill(guarded)
    assert reason(guarded, "v-1", consume=False) is Reason.NETWORK_LIMITED
    assert reason(guarded, "filler-1", consume=False) is Reason.ALREADY_READ


def test_the_next_hour_lets_newcomers_in(guarded: Any) -> None:
    """By the wall clock: a sandbox whose business time stands still is no different."""
    fill(guarded)
    assert reason(guarded, "v-new") is Reason.NETWORK_LIMITED
    later = guarded.gate._finder._wall_clock() + timedelta(hours=1)
    guarded.gate._finder._wall_clock = lambda: later
    assert reason(guarded, "v-new") is Reason.METERED


def test_without_redis_it_walls_nobody(build_parts: Callable[..., Any], engine: Engine) -> None:
    """The failure policy answers, as ever."""
    without_redis = build_parts(engine, f"redis://127.0.0.1:{free_port()}/0", newcomers_per_hour=1)
    for number in range(5):
        answer = ask(without_redis, f"v-{number}")
        assert (answer.decision.reason, answer.degraded) == (Reason.OUTAGE, "redis")


def test_without_a_bound_or_an_address_there_is_none(parts: Any, guarded: Any) -> None:
    """plans.yaml may leave it out, a site may pass no address: then every newcomer is metered."""
    for number in range(BOUND * 2):
        assert reason(parts, f"v-{number}") is Reason.METERED
        assert reason(guarded, f"w-{number}", ip=None) is Reason.METERED


def test_what_it_costs(guarded: Any, round_trips: Callable[..., int]) -> None:
    """One round trip, two where an id is minted; on a cluster three with a site's own id, two at its wall.

    None where no count could open the article.
    """
    own, walled = (1, 1) if guarded.meter.can_judge else (3, 2)
    signed = ask(guarded).visitor_id
    costs = {
        "reader's first": round_trips(lambda: ask(guarded, reader="r-1")),
        "known": round_trips(lambda: ask(guarded, signed, "a-2")),
        "minted": round_trips(lambda: ask(guarded)),
        "own id": round_trips(lambda: ask(guarded, "v-own")),
        "own id again": round_trips(lambda: ask(guarded, "v-own")),
        "own id at the wall": round_trips(lambda: ask(guarded, "v-wall")),
        "minted at the wall": round_trips(lambda: ask(guarded)),
        "no address": round_trips(lambda: ask(guarded, "v-9", ip=None)),
        "an article for subscribers": round_trips(lambda: ask(guarded, "v-10", access=Access.SUBSCRIBERS)),
        "from the archives": round_trips(lambda: ask(guarded, "v-10", feature="archives")),
    }
    assert costs == {
        "reader's first": 2, "known": 1, "minted": 2, "own id": own, "own id again": 1, "own id at the wall": walled,
        "minted at the wall": 2, "no address": 1, "an article for subscribers": 0, "from the archives": 0,
    }  # fmt: skip


def test_a_network_is_a_24_or_a_48() -> None:
    """IPv4 in IPv6's clothes is IPv4; small IPv6 addresses are not taken for IPv4."""
    assert network_of(address_of("203.0.113.200")) == "203.0.113.0/24"
    assert network_of(address_of("::ffff:203.0.113.1")) == "203.0.113.0/24"
    assert network_of(address_of("2001:db8:7:ffff::1")) == "2001:db8:7::/48"
    assert network_of(address_of("::1")) == "::/48"


def test_a_newcomers_page_of_teasers_is_judged_like_one_teaser(guarded: Any) -> None:
    """Past the bound a whole page is walled, counts nothing and gives out no signed id; before it takes one place."""
    page = Question(
        articles=[Article(id=f"a-{number}") for number in range(5)], reader_id=None, visitor_id=None, consume=True,
        evidence=Evidence(client_ip=address_of(HERE)),
    )  # fmt: skip
    first = guarded.gate.decide(page)
    assert [each.decision.reason for each in first] == [Reason.METERED] + [Reason.METER_EXHAUSTED] * 4
    assert reason(guarded, first[0].visitor_id, "a-0") is Reason.ALREADY_READ
    for number in range(BOUND - 1):
        assert reason(guarded, f"filler-{number}") is Reason.METERED
    past = guarded.gate.decide(page)
    assert {each.decision.reason for each in past} == {Reason.NETWORK_LIMITED}
    assert not guarded.gate._finder._visitor_ids.is_signed(past[0].visitor_id)
