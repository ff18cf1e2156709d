"""Another number of buckets loses no count: what lay elsewhere is brought along, also while old processes still run."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metering.memory import MemoryMeter
from metering.meter import Guarding, Outcome, Subject, SubjectKind
from metering.moving import _DROP
from metering.window import Window, window_at

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
SMALL, LARGE = 1_000, 100_000
"""16 and 2,048 buckets."""
_lives = itertools.count()


@pytest.fixture
def moved(backend_url: str, make_meter: Callable[..., Any], make_desk: Callable[..., Any]) -> tuple[Any, Any]:
    """A desk of a process that was started before the change, and one of a process that was started after it."""
    before = make_meter(backend_url, expected_readers=SMALL)
    after = make_meter(backend_url, expected_readers=LARGE, expected_readers_before=SMALL)
    return make_desk(before, limit=2), make_desk(after, limit=2)


@pytest.fixture
def known(moved: tuple[Any, Any]) -> Callable[[], Subject]:
    """Makes a reader whom the record does not know, as both processes have been told."""

    def make() -> Subject:
        reader = Subject(SubjectKind.READER, f"r-{next(_lives)}")
        for desk in moved:
            desk.meter.publish_absent(reader.id, NOW)
        return reader

    return make


acts = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.sampled_from(["v-0", "v-1", "r-0", "r-1"]), st.sampled_from("abcde")),
        st.tuples(st.just("link"), st.sampled_from(["v-0", "v-1"]), st.sampled_from(["r-0", "r-1"])),
        st.tuples(st.just("reset"), st.sampled_from(["v-0", "v-1", "r-0", "r-1"]), st.none()),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=acts, after=acts, kind=st.sampled_from(["month", "rolling"]), limit=st.integers(1, 3))
def test_nobody_notices_the_change(
    moved: tuple[Any, Any], before: list[Any], after: list[Any], kind: str, limit: int
) -> None:
    """Claim: whatever was read and linked before, what is asked after it is answered as if nothing had changed."""
    life, model = next(_lives), MemoryMeter()

    def subject(name: str) -> Subject:
        return Subject(SubjectKind.READER if name[0] == "r" else SubjectKind.VISITOR, f"{life}-{name}")

    def answer(meter: Any, window: Window, act: str, name: str, more: Any, now: Any) -> Any:
        if act == "link":
            return meter.link(subject(name).id, subject(more).id, linked_at=now, window=window, now=now)
        if act == "reset":
            return meter.reset(subject(name), window=window)
        if name[0] == "r":
            meter.publish_absent(subject(name).id, now)
        return meter.ask(
            subject(name), more, limit=limit, window=window, consume=True, now=now, wall_now=now
        )  # fmt: skip

    for number, (desk, each) in enumerate([*((moved[0], act) for act in before), *((moved[1], act) for act in after)]):
        now = NOW + timedelta(seconds=number)
        window = window_at(kind, now, PARIS, days=3 if kind == "rolling" else 0)
        assert answer(desk.meter, window, *each, now) == answer(model, window, *each, now)
    window = window_at(kind, NOW + timedelta(minutes=1), PARIS, days=3 if kind == "rolling" else 0)
    for name in ("v-0", "v-1", "r-0", "r-1"):
        found = [each.usage(subject(name), limit=9, window=window) for each in (moved[1].meter, model)]
        assert found[0] == found[1]


def test_what_an_old_process_adds_is_found_at_the_next_question(
    moved: tuple[Any, Any], known: Callable[[], Subject], visitor: Subject
) -> None:
    """Claim: while both run, what either has counted is the new one's count; also behind a link made by the new one."""
    before, after = moved
    before.reads(visitor, "a-1")
    assert after.outcome(visitor, "a-1") is Outcome.SEEN
    before.reads(visitor, "a-2")
    assert after.outcome(visitor, "a-3") is Outcome.FULL
    first, second = known(), known()
    after.link(visitor, first)
    before.reads(visitor, "a-4", limit=9)
    assert after.outcome(visitor, "a-4") is Outcome.SEEN
    after.link(visitor, second, NOW + timedelta(seconds=1))
    assert (after.used(first), after.used(second)) == (3, 0)


def test_the_old_place_is_left_empty(moved: tuple[Any, Any], server: redis.Redis, visitor: Subject) -> None:
    """Claim: whoever was brought along leaves nothing behind; a staff reset and an erasure reach both places."""
    before, after = moved
    for act in (
        lambda: after.reads(visitor, "a-1"),
        lambda: after.meter.reset(visitor, window=after.window),
        lambda: after.meter.forget(visitor, windows=[after.window]),
    ):
        before.link(visitor, Subject(SubjectKind.READER, "r-81"), NOW - timedelta(days=1))
        before.reads(visitor, "a-1")
        assert any(key.startswith(b"{16.") for key in server.scan_iter())
        act()
        left = {
            key
            for key in server.scan_iter()
            if key.startswith(b"{16.") and server.hexists(key, _field(before, visitor))
        }
        assert left == set()
    assert after.used(visitor) == 0


def _field(desk: Any, subject: Subject) -> bytes:
    return desk.meter._keys.place(subject).field


def test_what_has_come_since_it_was_looked_for_stays(
    moved: tuple[Any, Any], server: redis.Redis, visitor: Subject
) -> None:
    """Claim: only the very value that was brought along is dropped where it lay; what an old process added is not."""
    place = moved[0].meter._keys.place(visitor)
    server.hset(place.aliases, place.field, b"found and more")
    moved[1].meter.connections.run(_DROP, [place.aliases], place.field, b"another", b"found")
    assert server.hget(place.aliases, place.field) == b"found and more"
    moved[1].meter.connections.run(_DROP, [place.aliases], place.field, b"another", b"found and more")
    assert server.hget(place.aliases, place.field) is None


def test_the_guard_still_knows_who_was_here(
    moved: tuple[Any, Any], visitor: Subject, next_month: Window, server: redis.Redis
) -> None:
    """Claim: a visitor seen in the window before is no newcomer for having moved, nor at the question after that."""
    before, after = moved
    before.reads(visitor, "a-1", guarding=Guarding.VOUCHED)
    later = {"window": next_month, "now": next_month.starts_at, "wall_now": next_month.starts_at}
    for _ in range(2):
        asked = after.reads(visitor, "a-1", guarding=Guarding.ASK, consume=False, **later)
        assert asked.outcome is Outcome.ROOM
    stranger = Subject(SubjectKind.VISITOR, "v-stranger")
    assert after.outcome(stranger, "a-1", guarding=Guarding.ASK, **later) is Outcome.NEWCOMER
    assert all(server.ttl(key) > 0 for key in server.scan_iter("*@*"))


def test_a_mark_of_the_running_window_is_brought_along(
    moved: tuple[Any, Any], visitor: Subject, next_month: Window, make_meter: Callable[..., Any], backend_url: str,
    make_desk: Callable[..., Any], server: redis.Redis,
) -> None:  # fmt: skip
    """Claim: who moved within the window of their reads is known in the next, when the setting has gone."""
    before, after = moved
    before.reads(visitor, "a-1", guarding=Guarding.VOUCHED)
    after.reads(visitor, "a-1", guarding=Guarding.ASK)
    settled = make_desk(make_meter(backend_url, expected_readers=LARGE))
    later = {"window": next_month, "now": next_month.starts_at, "wall_now": next_month.starts_at}
    assert settled.outcome(visitor, "a-1", guarding=Guarding.ASK, **later) is Outcome.ROOM
    [mark] = [key for key in server.scan_iter("*@*") if next_month.marked_before.encode() in key]
    assert server.ttl(mark) > (next_month.ends_at - NOW).total_seconds()


def test_what_is_brought_along_goes_when_its_window_has_surely_ended(
    moved: tuple[Any, Any], visitor: Subject, server: redis.Redis
) -> None:
    """Claim: reads are kept for a window's length and a day, marks for the next one's too, up to an eighth longer."""
    before, after = moved
    before.reads(visitor, "a-1", guarding=Guarding.VOUCHED)
    assert after.used(visitor) == 1
    [reads], [mark] = server.scan_iter("*:meter:*"), server.scan_iter("*@*")
    length, day = after.window.length.total_seconds(), 86_400
    assert length + day - 60 < server.ttl(reads) <= length + day
    assert length * 17 / 8 + day - 60 < server.ttl(mark) <= length * 17 / 8 + day


@pytest.mark.parametrize("kind", ["month", "rolling"])
def test_who_left_nothing_behind_costs_one_look(
    moved: tuple[Any, Any], visitor: Subject, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claim: the old place is looked at once; nothing is asked or dropped where nothing is."""
    _, after = moved
    asked: list[tuple[Any, ...]] = []
    run, redis_of = after.meter._redis.run, after.meter._moving._redis
    monkeypatch.setattr(redis_of, "run", lambda *words: asked.append(words) or run(*words))
    monkeypatch.setattr(redis_of, "command", lambda *words: asked.append(words))
    after.meter._moving.bring(after.meter._keys.place(visitor).hash, window_at(kind, NOW, PARIS, days=7))
    assert len(asked) == 1


def test_a_thousand_first_questions_after_the_change_count_once(moved: tuple[Any, Any], visitor: Subject) -> None:
    """Claim: however many bring the same visitor along at once, the old count counts, once."""
    before, after = moved
    before.reads(visitor, "a-0", limit=9)
    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(lambda n: after.outcome(visitor, f"a-{n % 500}", limit=9), range(1000)))
    assert outcomes.count(Outcome.ROOM) == 8
    assert after.used(visitor) == 9


def test_the_same_number_of_buckets_is_no_change(backend_url: str, make_meter: Callable[..., Any]) -> None:
    """Claim: a setting that moves nobody costs nothing."""
    assert make_meter(backend_url, expected_readers=SMALL, expected_readers_before=SMALL - 1)._moving is None
    assert make_meter(backend_url, expected_readers=SMALL)._moving is None
