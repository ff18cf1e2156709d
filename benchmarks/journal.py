"""What it costs to remember decisions: for the request that is answered, for the process, and on disk."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from sqlalchemy import Engine, text

from benchmarks.findings import Finding, Section
from benchmarks.scale import Scale
from benchmarks.servers import Backdrop
from metering.meter import Outcome, Reading
from metering.window import window_at
from service.access.question import Question
from service.assembly.core import Core, build_core
from service.assembly.web import build_services
from service.clocks import wall_clock
from service.domain.catalog import Catalog
from service.domain.decision import Article, Decision, decide
from service.journal.buffer import Buffer
from service.journal.entry import Entry
from service.journal.journal import Journal
from service.journal.writer import BATCH, Writer
from service.store.database import make_engine

TIMED = 20_000
NOWHERE = "postgresql://newsstand@127.0.0.1:9/nowhere"
VISITOR, ARTICLE = "v_8Zk3q0Jm2xTfLw7RbN4y{:06d}", "2026/11/22/what-the-minister-said-{:05d}"
READER = "reader-{:06d}"


def measure(backdrop: Backdrop, scale: Scale) -> list[Section]:
    """Time a note beside the decision it is about, then write `scale.journal_entries` and weigh them."""
    core = build_core(backdrop.parsed_settings(REDIS_TIMEOUT_SECONDS="2", DATABASE_TIMEOUT_SECONDS="5"))
    note_us, append_us, gate_us = _noting_us(core.catalog), _append_us(), _gate_us(core, scale)
    core.journal.close()
    engine = make_engine(backdrop.postgres.url, pool_size=1)
    copied_per_second, cpu_us = _copy(engine, _entries(core.catalog, scale.journal_entries))
    megabytes = _bytes(engine) / max(_rows(engine), 1)
    engine.dispose()
    return [
        Section(
            title="The journal",
            how=(
                "A wall is noted (in memory, as every web process does before it answers), beside a bare append and "
                f"beside the whole decision in this process, Redis included. Then {scale.journal_entries:,} entries, "
                "half of them signed in, are copied to PostgreSQL as the journal's thread does it, and weighed with "
                "their indexes."
            ),
            findings=[
                _figure("noting a wall", note_us, " µs", f"a bare append {append_us:.2f} µs"),
                _figure("… as a share of the decision", 100 * note_us / gate_us, " %", f"decision {gate_us:.0f} µs"),
                _figure("our CPU for each entry copied", cpu_us, " µs", "in a thread of its own"),
                _figure("entries copied in a second", copied_per_second, "", "one connection", format_=",.0f"),
                _figure("on disk, a million entries", megabytes, " MB", "indexes included", format_=".0f"),
            ],
            bars={},
            unit="",
        )
    ]


def _figure(what: str, value: float, suffix: str, beside: str, *, format_: str = ".1f") -> Finding:
    return Finding(what=what, figure=f"{value:{format_}}{suffix}", beside=beside)


def _microseconds(call: Callable[[int], object], times: int) -> float:
    """Return what one call costs in the best of five rounds: the others were disturbed more."""
    return min(_round_us(call, times // 5) for _ in range(5))


def _round_us(call: Callable[[int], object], times: int) -> float:
    began = time.perf_counter()
    for number in range(times):
        call(number)
    return (time.perf_counter() - began) / times * 1e6


def _noting_us(catalog: Catalog) -> float:
    """Return what a note costs while as many wait as usual; the thread sleeps, and nothing is connected to."""
    journal = Journal(
        lambda: make_engine(NOWHERE, deadline_seconds=1), catalog=catalog, bound=BATCH, day_bytes=10**12,
        wall_clock=wall_clock, every_seconds=3600,
    )  # fmt: skip
    decision, article = _decision(catalog, counted=False), Article(id=ARTICLE.format(1))

    def note(_: int) -> None:
        journal.note(article, decision, reader_id="r-1", visitor_id="v-1", consume=True, degraded=None, outage=None)

    spent = _microseconds(note, TIMED)
    journal.close()
    return spent


def _append_us() -> float:
    bare: deque[int] = deque(maxlen=TIMED)
    return _microseconds(bare.append, TIMED)


def _gate_us(core: Core, scale: Scale) -> float:
    """Return what a wall costs from question to answer, without HTTP."""
    gate = build_services(core).gate

    def ask(number: int) -> None:
        article = Article(id=ARTICLE.format(number))
        gate.decide(Question(articles=[article], reader_id=None, visitor_id="v-journal", consume=True))

    ask(-1)
    return _microseconds(ask, min(scale.page_views, TIMED))


def _decision(catalog: Catalog, *, counted: bool) -> Decision:
    now = datetime.now(UTC)
    window = window_at(catalog.meter.window, now, catalog.zone)
    outcome = Outcome.ROOM if counted else Outcome.FULL
    reading = Reading(outcome=outcome, used=1, limit=1, window=window)
    return decide(
        Article(id="a"), reading, None, catalog, consume=True, signed_in=False, trial_eligible=True, now=now
    )  # fmt: skip


def _entries(catalog: Catalog, number: int) -> Iterator[Entry]:
    counted, walled = _decision(catalog, counted=True), _decision(catalog, counted=False)
    usual = Entry(
        id=0, recorded_at=datetime.now(UTC), reader_id=None, visitor_id=None, article=Article(id="a"), consume=True,
        decision=counted, degraded=None, outage=None, catalog_version=catalog.version,
    )  # fmt: skip
    for each in range(number):
        yield usual._replace(
            id=each,
            recorded_at=wall_clock(),
            reader_id=READER.format(each // 4) if each % 2 else None,
            visitor_id=VISITOR.format(each // 4),
            article=Article(id=ARTICLE.format(each % 20_000)),
            decision=walled if each % 5 < 2 else counted,
        )


def _copy(engine: Engine, entries: Iterator[Entry]) -> tuple[float, float]:
    """Write the entries as a process at full speed would; return entries a second, and our µs of CPU for each."""
    buffer = Buffer(TIMED)
    writer = Writer(engine, buffer, day_bytes=10**12)
    spent = cpu = 0.0
    while portion := list(itertools.islice(entries, 2000)):
        for each in portion:
            buffer.add(each)
        began, cpu_began = time.perf_counter(), time.thread_time()
        writer.flush()
        spent += time.perf_counter() - began
        cpu += time.thread_time() - cpu_began
    return writer.written / spent, cpu / writer.written * 1e6


def _bytes(engine: Engine) -> int:
    weigh = text(
        "select sum(pg_total_relation_size(inhrelid)) from pg_inherits where inhparent = 'decisions'::regclass"
    )
    with engine.connect() as connection:
        return int(connection.scalar(weigh) or 0)


def _rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text("select count(*) from decisions")) or 0)
