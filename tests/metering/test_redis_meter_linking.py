"""A browser shares its reader's reads from login on; signing out gives neither a fresh allowance nor a pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metering.linking import link_in
from metering.meter import MeterUnavailable, Outcome, Pass, Subject, SubjectKind
from metering.script import Script
from metering.window import Window

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
_serial = itertools.count()


def a_reader() -> Subject:
    return Subject(SubjectKind.READER, f"r-{next(_serial)}")


def a_visitor() -> Subject:
    return Subject(SubjectKind.VISITOR, f"v-{next(_serial)}")


@pytest.fixture
def known(desk: Any) -> Callable[[], Subject]:
    """Makes a reader whom the record does not know, so that their reads are metered."""

    def make() -> Subject:
        reader = a_reader()
        desk.meter.publish_absent(reader.id, NOW)
        return reader

    return make


@pytest.fixture
def link_cut_short(
    desk: Any,
    backend_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Subject, Subject, str], None]:
    """Links two of whose steps the one of the given script fails."""
    run = desk.meter._redis.run

    def link(visitor: Subject, reader: Subject, lost: str) -> None:
        def failing(script: Script, keys: list[str], *arguments: Any) -> Any:
            if script.name == lost:
                raise MeterUnavailable("cut short by the test")
            return run(script, keys, *arguments)

        with monkeypatch.context() as patch:
            patch.setattr(desk.meter._redis, "run", failing)
            with pytest.raises(MeterUnavailable):
                desk.link(visitor, reader)

    return link


def test_signing_out_gives_no_fresh_allowance(desk: Any, known: Callable[[], Subject], visitor: Subject) -> None:
    """Claim: what was read signed in counts signed out on the same browser, and the other way round."""
    reader = known()
    desk.link(visitor, reader)
    assert desk.outcome(reader, "a-1", limit=2) is Outcome.ROOM
    assert desk.reads(visitor, "a-1", limit=2).outcome is Outcome.SEEN
    assert desk.reads(visitor, "a-2", limit=2).used == 2
    assert desk.outcome(visitor, "a-3", limit=2) is Outcome.FULL
    assert desk.outcome(reader, "a-2", limit=2) is Outcome.SEEN
    assert desk.outcome(reader, "a-3", limit=2) is Outcome.FULL


def test_many_browsers_share_one_allowance(desk: Any, known: Callable[[], Subject]) -> None:
    """Claim: of ten browsers of one reader, all signed out, one reads the one free article."""
    reader, browsers = known(), [a_visitor() for _ in range(10)]
    for browser in browsers:
        desk.link(browser, reader)
    outcomes = [desk.outcome(browser, f"a-{number}") for number, browser in enumerate(browsers)]
    assert outcomes == [Outcome.ROOM] + [Outcome.FULL] * 9


def test_an_alias_gives_no_pass(desk: Any, visitor: Subject, make_pass: Callable[..., Pass]) -> None:
    """Claim: a subscriber who signs out is an ordinary visitor, metered and walled."""
    reader = a_reader()
    desk.meter.publish(reader.id, make_pass())
    desk.link(visitor, reader)
    assert desk.outcome(reader, "a-1") is Outcome.PASS
    assert desk.outcome(visitor, "a-1", metered=False) is Outcome.NO_PASS
    assert desk.outcome(visitor, "a-1") is Outcome.ROOM
    assert desk.outcome(visitor, "a-2") is Outcome.FULL


def test_an_alias_to_a_reader_without_a_record_is_metered(desk: Any, visitor: Subject) -> None:
    """Claim: a visitor's question never turns `unknown`, because only the reader's reads are looked at."""
    desk.link(visitor, a_reader())
    assert desk.outcome(visitor, "a-1") is Outcome.ROOM


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    by_visitor=st.lists(st.sampled_from("abcdefgh"), max_size=6),
    by_reader=st.lists(st.sampled_from("abcdefgh"), max_size=6),
    after=st.lists(st.sampled_from("abcdefgh"), max_size=4),
    links=st.integers(1, 3),
)
def test_reads_are_united_each_article_once(
    desk: Any, known: Callable[[], Subject], by_visitor: list[str], by_reader: list[str], after: list[str], links: int
) -> None:
    """Claim: whatever both have read before and after, linked once or again, the count is that of the union."""
    reader, visitor = known(), a_visitor()
    for subject, articles in ((visitor, by_visitor), (reader, by_reader)):
        for article in articles:
            desk.reads(subject, article, limit=100)
    for _ in range(links):
        desk.link(visitor, reader)
    for article in after:
        desk.reads(visitor, article, limit=100)
    union = {*by_visitor, *by_reader, *after}
    assert desk.used(visitor) == desk.used(reader) == len(union)
    assert all(desk.outcome(reader, article, limit=0) is Outcome.SEEN for article in union)


def test_a_union_above_the_limit_is_full_and_tells_both_counts(
    desk: Any, known: Callable[[], Subject], visitor: Subject
) -> None:
    """Claim: what was read stays readable, nothing more is; `used` is the whole count, `spent` what the limit holds."""
    reader = known()
    desk.reads(reader, "a-1")
    desk.reads(visitor, "a-2")
    desk.link(visitor, reader)
    for subject in (reader, visitor):
        answers = [desk.reads(subject, article) for article in ("a-1", "a-2", "a-3")]
        assert [(each.outcome, each.used, each.spent) for each in answers] == [
            (Outcome.SEEN, 2, 1), (Outcome.SEEN, 2, 1), (Outcome.FULL, 2, 1),
        ]  # fmt: skip


def test_a_linked_browser_is_told_how_much_its_reader_has_read(
    desk: Any, known: Callable[[], Subject], visitor: Subject
) -> None:
    """Claim: asked with less than the reader has, the browser is full, and the reader's whole count is known."""
    reader = known()
    for article in ("a-1", "a-2", "a-3"):
        desk.reads(reader, article, limit=3)
    desk.link(visitor, reader)
    for consume in (True, False):
        reading = desk.reads(visitor, "a-4", limit=1, consume=consume)
        assert (reading.outcome, reading.used, reading.spent, reading.limit) == (Outcome.FULL, 3, 1, 1)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(4)))
def test_the_newest_link_wins_in_any_order(desk: Any, known: Callable[[], Subject], order: list[int]) -> None:
    """Claim: links that arrive late or twice leave the browser with the reader who signed in last."""
    visitor, readers = a_visitor(), [known() for _ in range(4)]
    for login in [*order, order[0]]:
        desk.link(visitor, readers[login], NOW + timedelta(seconds=login))
    assert [desk.meter.linked_reader_is(visitor.id, reader.id, wall_now=NOW) for reader in readers] == [
        False,
        False,
        False,
        True,
    ]
    desk.reads(visitor, "a-1")
    assert [desk.used(reader) for reader in readers] == [0, 0, 0, 1]


def test_of_two_links_of_one_instant_the_last_to_arrive_stands(
    desk: Any, known: Callable[[], Subject], visitor: Subject
) -> None:
    """Claim: logins that clocks cannot tell apart leave the browser with one reader, and that is the last told of."""
    first, last = known(), known()
    for reader in (first, last):
        desk.link(visitor, reader, NOW)
    assert [desk.meter.linked_reader_is(visitor.id, reader.id, wall_now=NOW) for reader in (first, last)] == [
        False,
        True,
    ]
    desk.reads(visitor, "a-1")
    assert (desk.used(first), desk.used(last)) == (0, 1)


def test_a_shared_browser_gives_anonymous_reads_to_the_next_reader_alone(
    desk: Any, known: Callable[[], Subject], visitor: Subject
) -> None:
    """Claim: reads made before anyone signed in go to the first reader to do so, and no reader's go to another."""
    first, second = known(), known()
    desk.reads(visitor, "anonymous", limit=9)
    desk.link(visitor, first, NOW)
    desk.reads(first, "signed in", limit=9)
    desk.link(visitor, second, NOW + timedelta(hours=1))
    assert (desk.used(first), desk.used(second)) == (2, 0)
    desk.reads(visitor, "signed out", limit=9)
    assert (desk.used(first), desk.used(second)) == (2, 1)


@pytest.mark.parametrize("later_seconds", [0, 1], ids=["the same login again", "a later login"])
@pytest.mark.parametrize("lost", ["unite", "settle"])
def test_a_link_cut_short_is_made_good_by_repeating_it(
    desk: Any,
    link_cut_short: Callable[[Subject, Subject, str], None],
    known: Callable[[], Subject],
    visitor: Subject,
    lost: str,
    later_seconds: int,
) -> None:
    """Claim: until every step is done the link counts as missing; repeating it loses and doubles nothing."""
    reader = known()
    desk.reads(visitor, "a-1", limit=9)
    desk.reads(reader, "a-2", limit=9)
    link_cut_short(visitor, reader, lost)
    assert not desk.meter.linked_reader_is(visitor.id, reader.id, wall_now=NOW)
    desk.reads(visitor, "a-3", limit=9, consume=False)
    assert not desk.meter.linked_reader_is(visitor.id, reader.id, wall_now=NOW)

    desk.link(visitor, reader, NOW + timedelta(seconds=later_seconds))
    assert desk.meter.linked_reader_is(visitor.id, reader.id, wall_now=NOW)
    assert desk.used(reader) == desk.used(visitor) == 2


@pytest.mark.parametrize("lost", ["unite", "settle"])
def test_a_link_cut_short_gives_nothing_fresh_signed_out(
    desk: Any, link_cut_short: Callable[[Subject, Subject, str], None], visitor: Subject, lost: str
) -> None:
    """Claim: whoever signs out before a link was ended reads on with what was read: the next read ends it."""
    reader = a_reader()
    assert desk.outcome(visitor, "a-1") is Outcome.ROOM
    link_cut_short(visitor, reader, lost)
    assert desk.outcome(visitor, "a-2") is Outcome.FULL
    assert desk.outcome(visitor, "a-1") is Outcome.SEEN
    assert desk.meter.linked_reader_is(visitor.id, reader.id, wall_now=NOW)


def test_a_newer_link_overtaking_an_older_one_stands(
    desk: Any, backend_url: str, known: Callable[[], Subject], visitor: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claim: a link that finishes after a newer one has begun and ended leaves the browser with the newer reader."""
    older, newer = known(), known()
    desk.reads(visitor, "a-1", limit=9)
    run = desk.meter._redis.run

    def overtaken(script: Script, keys: list[str], *arguments: Any) -> Any:
        if script.name == "settle":
            monkeypatch.undo()
            desk.link(visitor, newer, NOW + timedelta(seconds=1))
        return run(script, keys, *arguments)

    monkeypatch.setattr(desk.meter._redis, "run", overtaken)
    desk.link(visitor, older)
    assert desk.meter.linked_reader_is(visitor.id, newer.id, wall_now=NOW)
    assert desk.used(visitor) == desk.used(newer) == 1


def test_reads_racing_a_link_are_never_lost(desk: Any, known: Callable[[], Subject]) -> None:
    """Claim: 60 reads of one browser while it is being linked from several threads are all the reader's."""
    reader, visitor = known(), a_visitor()

    def step(number: int) -> None:
        if number % 10 == 5:
            desk.link(visitor, reader)
        else:
            desk.reads(visitor, f"a-{number}", limit=100)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(step, range(60)))
    assert desk.used(reader) == desk.used(visitor) == 54


def test_a_link_lasts_into_the_next_window(desk: Any, visitor: Subject, next_month: Window) -> None:
    """Claim: next month's allowance is shared as well, without another login."""
    reader = a_reader()
    desk.link(visitor, reader)
    later = desk.with_(window=next_month, now=next_month.starts_at, wall_now=next_month.starts_at)
    later.meter.publish_absent(reader.id, next_month.starts_at)
    assert later.outcome(reader, "a-1") is Outcome.ROOM
    assert later.outcome(visitor, "a-2") is Outcome.FULL


def test_a_linked_pair_is_told_from_others(desk: Any, visitor: Subject) -> None:
    """Claim: no link, a link to another reader, and a flushed Redis all ask for linking."""
    reader, other = a_reader(), a_reader()
    assert not desk.meter.linked_reader_is(visitor.id, reader.id, wall_now=NOW)
    desk.link(visitor, reader)
    assert desk.meter.linked_reader_is(visitor.id, reader.id, wall_now=NOW)
    assert not desk.meter.linked_reader_is(visitor.id, other.id, wall_now=NOW)


def test_resetting_a_linked_browser_resets_what_it_shares(
    desk: Any, known: Callable[[], Subject], visitor: Subject
) -> None:
    """Claim: support's reset of either gives both the allowance back."""
    reader = known()
    desk.link(visitor, reader)
    for subject in (visitor, reader):
        assert desk.outcome(visitor, "a-1") is Outcome.ROOM
        desk.meter.reset(subject, window=desk.window)
    assert desk.used(visitor) == desk.used(reader) == 0


def test_a_forgotten_browser_starts_afresh(desk: Any, visitor: Subject) -> None:
    """Claim: erasing a visitor removes the alias, so the id means nobody any more."""
    desk.link(visitor, a_reader())
    desk.reads(visitor, "a-1")
    desk.meter.forget(visitor, windows=[desk.window])
    assert desk.outcome(visitor, "a-2") is Outcome.ROOM


def test_a_linked_browser_costs_two_round_trips(desk: Any, server: redis.Redis, visitor: Subject) -> None:
    """Claim: counted at the server, an aliased visitor's decision runs the script twice, a reader's once."""
    desk.link(visitor, a_reader())
    desk.reads(visitor, "a-1")
    before = server.info("commandstats")["cmdstat_evalsha"]["calls"]
    desk.reads(visitor, "a-1")
    assert server.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 2


def test_the_next_release_reads_the_day_of_the_last_use(desk: Any, server: redis.Redis, visitor: Subject) -> None:
    """Claim: it is the number of days since 1970 by wall time, as links of this release hold it for good."""
    desk.link(visitor, a_reader())
    desk.reads(visitor, "a-1", wall_now=NOW + timedelta(days=31))
    place = desk.meter._keys.place(visitor)
    assert link_in(server.hget(place.aliases, place.field))[1] == (NOW.date() - date(1970, 1, 1)).days + 31


def test_an_alias_in_use_is_kept_and_one_out_of_use_is_swept(
    desk: Any, server: redis.Redis, known: Callable[[], Subject]
) -> None:
    """Claim: a link used within 14 months stays; of those that nobody used, new links leave few; peeking is no use."""
    reader, used, peeking = known(), a_visitor(), a_visitor()
    day = timedelta(days=1)
    stale = [a_visitor() for _ in range(40)]
    for each in (used, peeking, *stale):
        desk.link(each, reader, NOW)
    for days in range(100, 1200, 100):
        at = NOW + days * day
        desk.reads(used, "a-1", wall_now=at)
        desk.reads(peeking, "a-1", wall_now=at, consume=False)
    later = NOW + 1300 * day
    fresh = [a_visitor() for _ in range(200)]
    for each in fresh:
        desk.link(each, reader, later)
    assert desk.outcome(used, "a-2") is Outcome.FULL
    assert desk.meter.linked_reader_is(used.id, reader.id, wall_now=later)
    aliases = sum(server.hlen(key) for key in server.scan_iter("*aliases"))
    assert 201 <= aliases < 201 + len(stale)


def test_asking_after_a_link_notes_its_use(desk: Any, server: redis.Redis, known: Callable[[], Subject]) -> None:
    """Claim: a browser that is always signed in keeps its link too: the look whether it is linked is a use."""
    reader, visitor = known(), a_visitor()
    place = desk.meter._keys.place(visitor)
    desk.link(visitor, reader, NOW)
    before = server.hget(place.aliases, place.field)
    assert desk.meter.linked_reader_is(visitor.id, reader.id, wall_now=NOW + timedelta(days=29))
    assert server.hget(place.aliases, place.field) == before
    server.expire(place.aliases, 100)
    assert desk.meter.linked_reader_is(visitor.id, reader.id, wall_now=NOW + timedelta(days=30))
    assert server.hget(place.aliases, place.field)[:17] == before[:17] != server.hget(place.aliases, place.field)
    assert server.ttl(place.aliases) > 430 * 86_400


def test_a_peek_notes_no_use(desk: Any, server: redis.Redis, known: Callable[[], Subject]) -> None:
    """Claim: what counts nothing writes nothing, also behind a link that was last used a month ago."""
    reader, visitor, later = known(), a_visitor(), NOW + timedelta(days=31)
    place = desk.meter._keys.place(visitor)
    desk.link(visitor, reader, NOW)
    before = server.hget(place.aliases, place.field)
    desk.reads(visitor, "a-1", wall_now=later, consume=False)
    assert server.hget(place.aliases, place.field) == before
    desk.reads(visitor, "a-1", wall_now=later)
    alias = server.hget(place.aliases, place.field)
    assert alias[:17] == before[:17]
    assert int.from_bytes(alias[17:]) == int(later.timestamp()) // 86_400


def test_an_alias_of_an_earlier_release_still_counts(
    desk: Any, server: redis.Redis, known: Callable[[], Subject]
) -> None:
    """Claim: one without the day of its last use is followed, and gets one."""
    reader, visitor = known(), a_visitor()
    place = desk.meter._keys.place(visitor)
    desk.link(visitor, reader, NOW)
    server.hset(place.aliases, place.field, server.hget(place.aliases, place.field)[:17])
    desk.reads(reader, "a-1")
    assert desk.outcome(visitor, "a-1") is Outcome.SEEN
    assert len(server.hget(place.aliases, place.field)) == 19


def test_a_thousand_sign_ins_racing_reads_lose_and_double_nothing(desk: Any, known: Callable[[], Subject]) -> None:
    """Claim: 20 browsers read and sign in to one reader in 1,000 parallel acts; what counts is the union."""
    reader, browsers = known(), [a_visitor() for _ in range(20)]

    def act(number: int) -> None:
        browser = browsers[number % 20]
        if number % 5 == 3:
            desk.link(browser, reader, NOW)
        else:
            desk.reads(browser, f"a-{number % 90}", limit=1000)

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(act, range(1000)))
    for browser in browsers:
        desk.link(browser, reader, NOW)
    expected = {number % 90 for number in range(1000) if number % 5 != 3}
    assert desk.used(reader, limit=1000) == len(expected)
    assert {desk.used(browser, limit=1000) for browser in browsers} == {len(expected)}


@pytest.mark.parametrize("limit", [1, 3])
def test_signing_in_and_out_in_any_order_gives_no_fresh_allowance(
    desk: Any, known: Callable[[], Subject], limit: int
) -> None:
    """Claim: 1,000 racing reads, signed in or out on any of five linked browsers, get one allowance together."""
    reader, browsers = known(), [a_visitor() for _ in range(5)]
    for browser in browsers:
        desk.link(browser, reader, NOW)

    def act(number: int) -> Outcome:
        subject = reader if number % 3 == 0 else browsers[number % 5]
        if number % 7 == 0:
            desk.link(browsers[number % 5], reader, NOW)
        return desk.outcome(subject, f"a-{number}", limit=limit)

    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(act, range(1000)))
    assert outcomes.count(Outcome.ROOM) == limit
