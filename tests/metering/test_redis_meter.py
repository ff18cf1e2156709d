"""Distinct articles are counted exactly, whoever asks at once; a peek counts nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from metering.meter import Outcome, Pass, Subject, SubjectKind
from metering.window import Window

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def everything(server: redis.Redis) -> dict[bytes, bytes]:
    """Return every key with its serialised value."""
    return {key: server.dump(key) for key in server.scan_iter()}


@pytest.mark.parametrize("limit", [1, 7])
def test_a_thousand_parallel_first_reads_give_exactly_the_free_ones(desk: Any, visitor: Subject, limit: int) -> None:
    """Claim: whatever the interleaving of 50 threads, exactly `limit` of 1,000 different articles are let in."""
    with ThreadPoolExecutor(50) as pool:
        answers = pool.map(lambda n: desk.outcome(visitor, f"a-{n}", limit=limit), range(1000))
        counted = list(answers)
    assert counted.count(Outcome.ROOM) == limit
    assert counted.count(Outcome.FULL) == 1000 - limit


def test_parallel_processes_share_one_allowance(desk: Any, backend_url: str, visitor: Subject) -> None:
    """Claim: four forked processes with 100 articles each, as under gunicorn, get `limit` between them."""

    def read_all(process: int) -> int:
        return sum(desk.outcome(visitor, f"a-{process}-{n}", limit=7) is Outcome.ROOM for n in range(100))

    children = []
    for process in range(4):
        children.append(os.fork())
        if children[-1] == 0:
            try:
                os._exit(read_all(process))
            finally:
                os._exit(99)
    counts = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert sum(counts) == 7


def test_the_same_article_in_parallel_is_counted_once(desk: Any, visitor: Subject) -> None:
    """Claim: of 200 parallel reads of one article one counts, and all are let in."""
    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(lambda _: desk.outcome(visitor, "a-1"), range(200)))
    assert sorted(outcomes) == [Outcome.ROOM] + [Outcome.SEEN] * 199


def test_reads_count_up_to_the_limit_and_re_reads_are_free(desk: Any, visitor: Subject) -> None:
    """Claim: `used` includes the article just added, a re-read changes nothing, and the next one finds no room."""
    story = [desk.reads(visitor, article, limit=2) for article in ("a-1", "a-1", "a-2", "a-3", "a-1")]
    assert [(each.outcome, each.used) for each in story] == [
        (Outcome.ROOM, 1), (Outcome.SEEN, 1), (Outcome.ROOM, 2), (Outcome.FULL, 2), (Outcome.SEEN, 2),
    ]  # fmt: skip
    assert all(each.limit == 2 and each.window == desk.window and each.carried is None for each in story)


def test_subjects_and_windows_count_apart(desk: Any, visitor: Subject, next_month: Window) -> None:
    """Claim: another visitor, and the next window, start with a whole allowance."""
    assert desk.outcome(visitor, "a-1") is Outcome.ROOM
    assert desk.outcome(Subject(SubjectKind.VISITOR, "v-6"), "a-2") is Outcome.ROOM
    assert desk.outcome(visitor, "a-2") is Outcome.FULL
    assert desk.outcome(visitor, "a-2", window=next_month, now=next_month.starts_at) is Outcome.ROOM
    assert desk.outcome(visitor, "a-1") is Outcome.SEEN


def test_a_visitor_and_a_reader_of_one_id_are_two(desk: Any, reader: Subject, make_pass: Callable[..., Pass]) -> None:
    """Claim: a pass lets in no visitor of its reader's id, who counts apart, and no reader follows a visitor's link."""
    of_that_id, linked = Subject(SubjectKind.VISITOR, reader.id), Subject(SubjectKind.READER, "r-82")
    desk.meter.publish(reader.id, make_pass())
    assert [desk.outcome(of_that_id, article) for article in ("a-1", "a-2")] == [Outcome.ROOM, Outcome.FULL]
    assert desk.used(reader) == 0
    desk.link(of_that_id, linked)
    assert (desk.used(reader), desk.used(linked)) == (0, 1)


def test_a_limit_of_zero_lets_nothing_in(desk: Any, visitor: Subject) -> None:
    """Claim: a publication without free articles counts nothing."""
    reading = desk.reads(visitor, "a-1", limit=0)
    assert (reading.outcome, reading.used) == (Outcome.FULL, 0)


def test_a_lowered_limit_never_shows_more_spent_than_allowed(desk: Any, visitor: Subject) -> None:
    """Claim: counts are kept when the limit changes, and what people are shown is never 3 of 1."""
    for article in ("a-1", "a-2", "a-3"):
        desk.reads(visitor, article, limit=3)
    lowered = [desk.reads(visitor, article, limit=1) for article in ("a-1", "a-4")]
    assert [(each.used, each.spent) for each in lowered] == [(3, 1), (3, 1)]
    assert desk.outcome(visitor, "a-4", limit=4) is Outcome.ROOM


@pytest.mark.parametrize("article", ["a-1", "a-2", "a-3"])
def test_a_peek_never_writes(desk: Any, server: redis.Redis, visitor: Subject, reader: Subject, article: str) -> None:
    """Claim: peeking, and asking for an article that only a pass opens, leave every key as it was."""
    desk.meter.publish_absent(reader.id, NOW)
    for subject in (visitor, reader):
        desk.reads(subject, "a-1", limit=2)
    before = everything(server)
    for subject in (visitor, reader, Subject(SubjectKind.VISITOR, "new")):
        desk.reads(subject, article, limit=2, consume=False)
        desk.reads(subject, article, limit=2, metered=False)
        desk.meter.usage(subject, limit=2, window=desk.window)
    assert everything(server) == before


def test_a_peek_tells_room_without_counting_it(desk: Any, visitor: Subject) -> None:
    """Claim: a peek's `used` leaves out the article, however often it is asked."""
    peeks = [desk.reads(visitor, "a-1", consume=False) for _ in range(3)]
    assert [(peek.outcome, peek.used) for peek in peeks] == [(Outcome.ROOM, 0)] * 3


def test_an_article_hash_across_two_neighbours_is_not_taken_for_read(
    desk: Any, server: redis.Redis, visitor: Subject
) -> None:
    """Claim: only whole articles match in the packed reads, not the bytes between two of them."""
    place, sought = desk.meter._keys.place(visitor), desk.meter._keys.article("sought")
    packed = b"abc" + sought + b"xyz"
    [key] = place.meters(desk.window)
    server.hset(key, place.field, packed)
    assert desk.outcome(visitor, "sought", limit=2) is Outcome.FULL
    server.hset(key, place.field, packed + sought)
    assert desk.outcome(visitor, "sought", limit=2) is Outcome.SEEN


def test_a_batch_answers_as_single_questions_would(desk: Any, visitor: Subject) -> None:
    """Claim: one call for many articles gives the readings of one call each, in order, repeats included."""
    articles = ["a-1", "a-2", "a-1", "a-3", "a-4", "a-3"]
    common = {"limit": 3, "window": desk.window, "now": NOW, "wall_now": NOW}
    other = Subject(SubjectKind.VISITOR, "v-6")
    batch = desk.meter.ask_many(visitor, articles, consume=True, **common).each
    assert batch == [desk.reads(other, article, limit=3) for article in articles]
    assert [each.used for each in batch] == [1, 2, 2, 3, 3, 3]

    peeked = desk.meter.ask_many(visitor, ["a-1", "a-9"], consume=False, **common).each
    assert [each.outcome for each in peeked] == [Outcome.SEEN, Outcome.FULL]
    nothing = desk.meter.ask_many(visitor, [], consume=True, **common)
    assert (nothing.standing.outcome, nothing.standing.used, list(nothing.each)) == (Outcome.NO_PASS, 3, [])


def test_a_batch_for_a_subscriber_repeats_the_pass(desk: Any, reader: Subject, make_pass: Callable[..., Pass]) -> None:
    """Claim: an answer about the reader, not the article, is given for each article."""
    common = {"limit": 1, "window": desk.window, "now": NOW, "wall_now": NOW, "consume": True}

    def outcomes() -> list[Outcome]:
        answer = desk.meter.ask_many(reader, ["a", "b"], **common)
        return [each.outcome for each in (answer.standing, *answer.each)]

    assert outcomes() == [Outcome.UNKNOWN] * 3
    desk.meter.publish(reader.id, make_pass())
    assert outcomes() == [Outcome.PASS] * 3


def test_usage_counts_behind_a_pass(desk: Any, reader: Subject, make_pass: Callable[..., Pass]) -> None:
    """Claim: the count is told for a subscriber and an unknown reader alike, also where it is above the limit."""
    assert desk.meter.usage(reader, limit=2, window=desk.window).outcome is Outcome.ROOM
    desk.meter.publish_absent(reader.id, NOW)
    for article in ("a-1", "a-2"):
        desk.reads(reader, article, limit=2)
    desk.meter.publish(reader.id, make_pass())
    for limit, spent in ((3, 2), (2, 2), (1, 1)):
        usage = desk.meter.usage(reader, limit=limit, window=desk.window)
        assert (usage.used, usage.spent, usage.outcome) == (2, spent, Outcome.ROOM if limit == 3 else Outcome.FULL)


def test_a_reset_gives_a_fresh_allowance_to_one_subject(desk: Any, visitor: Subject) -> None:
    """Claim: support's reset forgets one subject's reads of one window and nobody else's."""
    other = Subject(SubjectKind.VISITOR, "v-6")
    for subject in (visitor, other):
        desk.reads(subject, "a-1")
    desk.meter.reset(visitor, window=desk.window)
    assert desk.outcome(visitor, "a-2") is Outcome.ROOM
    assert desk.outcome(other, "a-2") is Outcome.FULL


def test_forgetting_leaves_nothing_of_a_subject(
    desk: Any, server: redis.Redis, reader: Subject, visitor: Subject, make_pass: Callable[..., Pass]
) -> None:
    """Claim: after erasure no key is left of a reader with a pass, reads and a linked browser."""
    desk.meter.publish(reader.id, make_pass(absent=True))
    desk.reads(reader, "a-1")
    desk.link(visitor, reader)
    for subject in (reader, visitor):
        desk.meter.forget(subject, windows=[desk.window])
    assert server.dbsize() == 0


def test_forgetting_a_visitor_or_a_reader_leaves_the_other_of_that_id(
    desk: Any, reader: Subject, make_pass: Callable[..., Pass]
) -> None:
    """Claim: a visitor's erasure takes no reader's pass, and a reader's takes no visitor's link."""
    of_that_id, linked = Subject(SubjectKind.VISITOR, reader.id), Subject(SubjectKind.READER, "r-82")
    desk.meter.publish(reader.id, make_pass())
    desk.meter.forget(of_that_id, windows=[desk.window])
    assert desk.outcome(reader, "a-1") is Outcome.PASS
    desk.link(of_that_id, linked)
    desk.meter.forget(reader, windows=[desk.window])
    assert desk.meter.linked_reader_is(of_that_id.id, linked.id, wall_now=NOW)


def test_a_meter_that_answers_says_so(desk: Any) -> None:
    """Claim: the look that health checks take raises nothing while the meter is there."""
    desk.meter.ping()


def test_answers_that_are_alike_are_one_object(desk: Any, backend_url: str, visitor: Subject) -> None:
    """Claim: whoever tells many answers may tell each kind once; the fake makes them one by one."""
    assert backend_url
    common = {"limit": 2, "window": desk.window, "now": desk.now, "wall_now": desk.wall_now}
    peeked = desk.meter.ask_many(visitor, ["a-1", "a-2", "a-3"], consume=False, **common).each
    assert [each is peeked[0] for each in peeked] == [True] * 3
    first, second, third, fourth = desk.meter.ask_many(
        visitor, ["a-1", "a-2", "a-3", "a-4"], consume=True, **common
    ).each
    assert (first.used, second.used) == (1, 2)
    assert third is fourth
