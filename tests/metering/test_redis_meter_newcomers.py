"""Who is a newcomer: nobody with reads or a mark of this window or the one before, and no reader's browser."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis

from metering.guard import NetworkGuard
from metering.meter import Guarding, Outcome, Readings, Subject, SubjectKind
from metering.redis_meter import SLACK_SECONDS
from metering.window import Window, window_at

V, OTHER, R = (
    Subject(SubjectKind.VISITOR, "v-1"), Subject(SubjectKind.VISITOR, "v-2"), Subject(SubjectKind.READER, "r-1")
)  # fmt: skip
GUEST, VOUCHED = {"guarding": Guarding.ASK}, {"guarding": Guarding.VOUCHED}


def after(window: Window, kind: str = "month") -> Window:
    return window_at(kind, window.ends_at, window.ends_at.tzinfo)  # type: ignore[arg-type]


def test_a_newcomer_is_told_and_nothing_is_written(desk: Any, server: redis.Redis) -> None:
    """However often: not counted, no mark, every article of a batch alike."""
    for _ in range(2):
        reading = desk.reads(V, "a-1", **GUEST)
        assert (reading.outcome, reading.used, reading.limit) == (Outcome.NEWCOMER, 0, 1)
    batch = desk.meter.ask_many(
        V, ["a-1", "a-2"], limit=1, window=desk.window, consume=True, now=desk.now, wall_now=desk.wall_now, **GUEST
    )
    assert [batch.standing.outcome, *(each.outcome for each in batch.each)] == [Outcome.NEWCOMER] * 3
    assert server.keys() == []


def test_a_vouched_newcomer_is_counted_and_known_from_then_on(desk: Any) -> None:
    """The guard's word is needed once."""
    assert desk.outcome(V, "a-1", **VOUCHED) is Outcome.ROOM
    assert desk.outcome(V, "a-1", **GUEST) is Outcome.SEEN
    assert desk.outcome(V, "a-2", **GUEST) is Outcome.FULL
    assert desk.outcome(OTHER, "a-1", **GUEST) is Outcome.NEWCOMER


def test_a_vouched_peek_leaves_them_a_newcomer(desk: Any, server: redis.Redis) -> None:
    """A peek never writes."""
    assert desk.outcome(V, "a-1", consume=False, **VOUCHED) is Outcome.ROOM
    assert server.keys() == []
    assert desk.outcome(V, "a-1", **GUEST) is Outcome.NEWCOMER


def test_one_seen_in_the_window_before_is_no_newcomer(desk: Any, month: Window) -> None:
    """Also when the reads themselves have gone; two windows later they are one again."""
    desk.outcome(V, "a-1", **VOUCHED)
    next_one = desk.with_(window=after(month), now=month.ends_at)
    assert next_one.outcome(V, "a-1", **GUEST) is Outcome.ROOM
    assert desk.with_(window=after(after(after(month)))).outcome(V, "a-2", **GUEST) is Outcome.NEWCOMER


def test_a_returning_guest_is_marked_anew(desk: Any, month: Window) -> None:
    """Who comes every month never meets the guard."""
    desk.outcome(V, "a-1", **VOUCHED)
    window = month
    for _ in range(4):
        window = after(window)
        assert desk.with_(window=window, now=window.starts_at).outcome(V, "a-1", **GUEST) is Outcome.ROOM


@pytest.mark.parametrize("kind", ["day", "week", "month", "rolling"])
def test_every_kind_of_window_knows_the_one_before(desk: Any, month: Window, kind: str) -> None:
    """In a rolling one whoever read is known for twice its length, and nobody after four times that."""
    zone, step = month.ends_at.tzinfo, timedelta(days={"day": 1, "week": 7, "month": 31, "rolling": 7}[kind])
    windows = [window_at(kind, desk.now + number * step, zone, days=7) for number in range(5)]
    desk.with_(window=windows[0]).outcome(V, "a-1", **VOUCHED)
    desk.with_(window=windows[0]).outcome(OTHER, "a-1", **VOUCHED)
    assert desk.with_(window=windows[1], now=windows[1].starts_at).outcome(V, "a-2", **GUEST) is Outcome.ROOM
    assert desk.with_(window=windows[4], now=windows[4].starts_at).outcome(OTHER, "a-2", **GUEST) is Outcome.NEWCOMER


def test_a_mark_outlives_the_reads_by_a_window(desk: Any, server: redis.Redis, month: Window) -> None:
    """Reads go with their window; the mark, which says nothing of articles, when the next one has surely ended."""
    desk.outcome(V, "a-1", **VOUCHED)
    (mark,) = server.keys("*@*")
    (reads,) = server.keys("*:meter:*")
    rest = (month.ends_at - desk.now).total_seconds()
    assert rest < server.ttl(reads) <= rest + SLACK_SECONDS
    next_ends = (after(month).ends_at - desk.now).total_seconds()
    assert next_ends < server.ttl(mark) < next_ends + 7 * 86_400
    assert server.smembers(mark) == {str(desk.meter._keys.place(V).mark).encode()}
    assert server.object("encoding", mark) == b"intset"


def test_a_february_is_followed_by_a_longer_month(desk: Any, server: redis.Redis, month: Window) -> None:
    """The mark lasts for all of March."""
    february = window_at("month", desk.now + timedelta(days=90), month.ends_at.tzinfo)  # type: ignore[arg-type]
    assert february.id == "month-2027-02"
    desk.with_(window=february, now=february.starts_at).outcome(V, "a-1", **VOUCHED)
    (mark,) = server.keys("*@*")
    assert server.ttl(mark) > (after(february).ends_at - february.starts_at).total_seconds()


def test_a_linked_browser_is_no_newcomer(desk: Any) -> None:
    """It is somebody's; the reader's reads are asked for."""
    desk.link(V, R)
    assert desk.outcome(V, "a-1", **GUEST) is Outcome.ROOM
    assert desk.outcome(V, "a-1", **GUEST) is Outcome.SEEN


def test_unguarded_visitors_leave_no_mark(desk: Any, server: redis.Redis) -> None:
    """Where no guard stands, or an id is signed, nothing more is kept than the reads."""
    desk.outcome(V, "a-1")
    assert server.keys("*@*") == []
    assert desk.outcome(V, "a-1", **GUEST) is Outcome.SEEN


def test_the_first_read_under_the_guard_leaves_the_mark(desk: Any, month: Window) -> None:
    """Claim: a visitor whose window began where no guard stood is known in the next by what they read under it."""
    desk = desk.with_(limit=2)
    desk.outcome(V, "a-1")
    desk.outcome(V, "a-2", **GUEST)
    desk.outcome(OTHER, "a-1")
    desk.outcome(OTHER, "a-1", **GUEST)
    later = desk.with_(window=after(month), now=month.ends_at)
    assert later.outcome(V, "a-3", **GUEST) is Outcome.ROOM
    assert later.outcome(OTHER, "a-3", **GUEST) is Outcome.NEWCOMER


def test_staffs_reset_makes_nobody_a_newcomer(desk: Any) -> None:
    """The mark says that they were here."""
    desk.outcome(V, "a-1", **VOUCHED)
    desk.meter.reset(V, window=desk.window)
    assert desk.outcome(V, "a-2", **GUEST) is Outcome.ROOM


def test_forgetting_takes_the_marks_too(desk: Any, server: redis.Redis, month: Window) -> None:
    """Of the window and of the one before."""
    desk.outcome(V, "a-1", **VOUCHED)
    desk.meter.forget(V, windows=[after(month)])
    assert server.keys("*@*") == []
    desk.with_(window=month).outcome(OTHER, "a-1", **VOUCHED)
    desk.meter.forget(OTHER, windows=iter([month]))
    assert server.keys("*@*") == []


def test_forgetting_one_leaves_the_others_their_marks(desk: Any, month: Window) -> None:
    """Claim: whoever is erased is a newcomer again, and nobody else becomes one, in the same bucket either."""
    others = [Subject(SubjectKind.VISITOR, f"v-{number}") for number in range(2, 60)]
    for each in (V, *others):
        desk.outcome(each, "a-1", **VOUCHED)
    desk.meter.forget(V, windows=[month])
    later = desk.with_(window=after(month), now=month.ends_at)
    assert {later.outcome(each, "a-2", **GUEST) for each in others} == {Outcome.ROOM}
    assert later.outcome(V, "a-2", **GUEST) is Outcome.NEWCOMER


def test_a_reader_is_never_one(desk: Any) -> None:
    """Whatever is asked: signed-in readers have an account, or are looked up."""
    assert desk.outcome(R, "a-1", **GUEST) is Outcome.UNKNOWN
    assert replace(desk).window.marked_before == "month-2026-10"


BOUND = 2


@pytest.fixture(params=["redis_url", "redis_7_url"])
def judging(
    request: pytest.FixtureRequest, make_meter: Callable[..., Any], make_desk: Callable[..., Any]
) -> Callable[..., Readings]:
    """Asks as JUDGED, for newcomers of one network of whom two fit into the hour; on one server, never on a cluster."""
    desk = make_desk(make_meter(request.getfixturevalue(request.param)))
    guard = NetworkGuard(desk.meter.connections, subject_key="a key that only the tests know, 32+")

    def ask(name: str, article: str = "a-1", *, consume: bool = True, window: Window = desk.window) -> Readings:
        ticket = guard.ticket("192.0.2.0/24", name, bound=BOUND, wall_now=desk.wall_now)
        return desk.meter.ask_many(
            Subject(SubjectKind.VISITOR, name), [article], limit=1, window=window, consume=consume,
            now=window.starts_at, wall_now=desk.wall_now, guarding=Guarding.JUDGED, ticket=ticket,
        )  # fmt: skip

    return ask


def told(readings: Readings) -> tuple[Outcome, bool]:
    return readings.each[0].outcome, readings.let_in


def test_a_newcomer_is_judged_where_they_are_counted(judging: Callable[..., Readings]) -> None:
    """Claim: in one question they are let in, which is told, and counted; past the bound nothing is."""
    for name in ("v-1", "v-2"):
        assert told(judging(name)) == (Outcome.ROOM, True)
        assert told(judging(name)) == (Outcome.SEEN, False)
        assert told(judging(name, "a-2")) == (Outcome.FULL, False)
    for _ in range(2):
        assert told(judging("v-3")) == (Outcome.NEWCOMER, False)


def test_a_judged_peek_takes_no_place(judging: Callable[..., Readings]) -> None:
    """Claim: whoever only looks is answered as if let in, however many look, and stays a newcomer."""
    for number in range(9):
        assert told(judging(f"v-{number}", consume=False)) == (Outcome.ROOM, True)
    assert told(judging("v-10")) == (Outcome.ROOM, True)


def test_one_seen_before_needs_no_place(judging: Callable[..., Readings], month: Window) -> None:
    """Claim: with the hour full, who has a mark of the window before is counted in the next, and no stranger is."""
    for name in ("v-1", "v-2"):
        judging(name)
    assert told(judging("v-1", "a-2", window=after(month))) == (Outcome.ROOM, False)
    assert told(judging("v-3", "a-2", window=after(month))) == (Outcome.NEWCOMER, False)
    assert told(judging("v-1", "a-3", window=after(after(after(month))))) == (Outcome.ROOM, True)  # who fit, fits on


def test_a_thousand_judged_at_once_are_bounded_exactly(judging: Callable[..., Readings]) -> None:
    """Claim: no race lets one more in, and each who is let in is told of once."""
    with ThreadPoolExecutor(50) as pool:
        found = list(pool.map(lambda number: told(judging(f"v-{number}")), range(1000)))
    assert sorted(found) == [(Outcome.NEWCOMER, False)] * (1000 - BOUND) + [(Outcome.ROOM, True)] * BOUND
