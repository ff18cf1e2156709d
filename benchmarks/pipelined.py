"""Filling a Valkey fast, with exactly the bytes that the service's own meter writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import Any
from zoneinfo import ZoneInfo

import redis

from benchmarks.servers import SUBJECT_KEY
from metering.keys import Keys, buckets_for
from metering.layout import head_of
from metering.meter import Guarding, Outcome, Subject, SubjectKind
from metering.moving import SLACK_SECONDS
from metering.redis_meter import RedisMeter
from metering.script import Call
from metering.window import Window, window_at
from sandbox.newsroom import ROOT
from service.catalog.load import load_catalog

BATCH = 1_000
ARTICLE = "article-0"


class _Pipeline:
    """Stands in for the meter's connections: sends its script calls a thousand at a time, and waits for none."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)
        self._pending = self._client.pipeline(transaction=False)
        self._known: set[str] = set()

    def run_all(self, asked: Sequence[Call]) -> list[Any]:
        for script, keys, arguments in asked:
            if script.sha not in self._known:
                self._known.add(self._client.script_load(script.source))
            self._pending.evalsha(script.sha, len(keys), *keys, *arguments)
        if len(self._pending) >= BATCH:
            self.flush()
        return [[b"reads", 0, b"", b"r", 0] for _ in asked]

    def flush(self) -> None:
        """Send what is pending; raises what the server refused."""
        self._pending.execute()


def new_meter(url: str, expected_readers: int) -> RedisMeter:
    """Return the service's meter with a patient deadline."""
    return RedisMeter(url, subject_key=SUBJECT_KEY, expected_readers=expected_readers, timeout_seconds=10)


def read_by_many(
    url: str, numbers: range, expected_readers: int, *, rolling_days: int = 0, guarding: Guarding = Guarding.OFF
) -> None:
    """Let each visitor of `numbers` read one article: the meter's own code and script, without waiting for replies."""
    meter, pipeline, now = new_meter(url, expected_readers), _Pipeline(url), datetime.now(UTC)
    meter._redis = pipeline  # type: ignore[assignment]
    window = window_at("rolling", now, ZoneInfo("UTC"), days=rolling_days) if rolling_days else current_window()
    for number in numbers:
        meter.ask(
            visitor(number), ARTICLE, limit=1, window=window, consume=True, now=now, wall_now=now, guarding=guarding
        )  # fmt: skip
    pipeline.flush()


def load_known(url: str, numbers: range, expected_readers: int) -> None:
    """Write what `read_by_many` would have written, bucket by bucket: ten million readers in under a minute."""
    keys, window = Keys(SUBJECT_KEY, buckets_for(expected_readers)), current_window()
    article = keys.article(ARTICLE)
    buckets: dict[str, dict[bytes, bytes]] = defaultdict(dict)
    for number in numbers:
        place = keys.place(visitor(number))
        buckets[place.meters(window)[0]][place.field] = head_of(window) + article
    pipeline = redis.Redis.from_url(url).pipeline(transaction=False)
    for key, reads in buckets.items():
        pipeline.hset(key, mapping=reads)  # type: ignore[arg-type]
        pipeline.expireat(key, window.ends_at + timedelta(seconds=SLACK_SECONDS))
        if len(pipeline) >= BATCH:
            pipeline.execute()
    pipeline.execute()


def in_two_processes(work: Callable[[str, range, int], None], url: str, readers: int) -> None:
    """Do `work` for visitors 0 to `readers`, on both cores."""
    middle = readers // 2
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        halves = [pool.submit(work, url, each, readers) for each in (range(middle), range(middle, readers))]
        for half in halves:
            half.result()


def check_known(url: str, readers: int) -> None:
    """Raise AssertionError unless the meter itself finds what was written, in a sample."""
    meter, now, window = new_meter(url, readers), datetime.now(UTC), current_window()
    for number in range(0, readers, max(1, readers // 200)):
        reading = meter.ask(visitor(number), ARTICLE, limit=1, window=window, consume=False, now=now, wall_now=now)
        assert reading.outcome is Outcome.SEEN, reading  # noqa: S101 - a benchmark of other data would mean nothing
    meter.close()


def visitor(number: int) -> Subject:
    """Return one of the made-up visitors."""
    return Subject(SubjectKind.VISITOR, f"v-{number}")


def current_window() -> Window:
    """Return the window that the service counts in now."""
    catalog = load_catalog(ROOT / "plans.yaml")
    return catalog.window_at(datetime.now(UTC))
