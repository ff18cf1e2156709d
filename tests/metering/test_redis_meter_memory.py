"""What the meter leaves in Redis: no raw id, packed buckets, and nothing for longer than needed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import redis

from metering.meter import Pass, Subject, SubjectKind
from metering.redis_meter import RedisMeter

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_no_raw_id_is_in_redis(desk: Any, server: redis.Redis, make_pass: Callable[..., Pass]) -> None:
    """Claim: neither keys nor values hold a reader's, a visitor's or an article's id."""
    reader, visitor = Subject(SubjectKind.READER, "reader-raw"), Subject(SubjectKind.VISITOR, "visitor-raw")
    desk.meter.publish_absent(reader.id, NOW)
    desk.reads(reader, "article-raw")
    desk.reads(visitor, "article-raw")
    desk.link(visitor, reader)
    desk.meter.publish(reader.id, make_pass())
    stored = [part for key in server.scan_iter() for part in (key, *itertools.chain(*server.hgetall(key).items()))]
    assert len(stored) >= 9
    assert not [part for part in stored if b"raw" in part or b"reader" in part or b"visitor" in part]


def test_buckets_stay_packed(
    make_meter: Callable[..., RedisMeter], make_desk: Callable[..., Any], server: redis.Redis, backend_url: str
) -> None:
    """Claim: with as many readers as expected, at ten articles each, every bucket is a listpack."""
    desk = make_desk(make_meter(backend_url, expected_readers=500), limit=10)
    for number in range(500):
        articles = [f"a-{article}" for article in range(10)]
        desk.meter.ask_many(
            Subject(SubjectKind.VISITOR, f"v-{number}"), articles,
            limit=10, window=desk.window, consume=True, now=NOW, wall_now=NOW,
        )  # fmt: skip
    buckets = list(server.scan_iter())
    assert len(buckets) == 8
    assert sum(server.hlen(key) for key in buckets) == 500
    assert {server.object("ENCODING", key) for key in buckets} == {b"listpack"}


def test_counters_outlive_their_window_and_then_go(desk: Any, server: redis.Redis, visitor: Subject) -> None:
    """Claim: a counter's key, filled by reading or by linking, lives as long as its window and a day more."""
    remaining = int((desk.window.ends_at - NOW).total_seconds())
    own_bucket = desk.meter._keys.place(visitor).tag
    readers = (Subject(SubjectKind.READER, f"r-{number}") for number in itertools.count())
    reader = next(each for each in readers if desk.meter._keys.place(each).tag != own_bucket)
    [of_visitor], [of_reader] = (desk.meter._keys.place(each).meters(desk.window) for each in (visitor, reader))

    desk.reads(visitor, "a-1")
    assert remaining + 86_000 < server.ttl(of_visitor) <= remaining + 86_400
    desk.link(visitor, reader)
    assert remaining + 86_000 < server.ttl(of_reader) <= remaining + 86_400
    assert not server.exists(of_visitor)


def test_a_decision_takes_one_round_trip(
    desk: Any, server: redis.Redis, visitor: Subject, reader: Subject, make_pass: Callable[..., Pass]
) -> None:
    """Claim: counted at the server, a visitor's and a subscriber's decision is one command."""
    desk.meter.publish(reader.id, make_pass())
    desk.reads(visitor, "a-1")
    before = server.info("commandstats")["cmdstat_evalsha"]["calls"]
    total = server.info("stats")["total_commands_processed"]
    desk.reads(visitor, "a-2")
    desk.reads(reader, "a-2")
    assert server.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 2
    inner = 2 + 1  # HGET alias and meter; HGET pass: counted by the server, made inside the scripts
    own = 2  # the two INFO calls between the measurements
    assert server.info("stats")["total_commands_processed"] - total == 2 + inner + own
