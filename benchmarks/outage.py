"""What a subscriber's decision costs while Redis is gone, or does not answer."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from benchmarks.decisions import APPS, OURS, PACED
from benchmarks.findings import Finding, Section, at_most
from benchmarks.load import Target, pace
from benchmarks.questions import SUBSCRIBERS, browser, page_view
from benchmarks.scale import Scale
from benchmarks.servers import Backdrop
from sandbox.processes import Child

PER_SECOND = 100.0
MOST_MILLISECONDS = 100.0
GRANTED = b'"granted":true'
PRODUCTION = {"REDIS_TIMEOUT_SECONDS": "0.05", "DATABASE_TIMEOUT_SECONDS": "0.3"}


def measure(backdrop: Backdrop, scale: Scale) -> list[Section]:
    """Ask for subscribers alone: with Redis up, frozen, and dead. The passes are lost with it; PostgreSQL knows."""
    valkey, child = backdrop.new_valkey("valkey-outage")
    app, _ = APPS[OURS]
    port = backdrop.serve(app, REDIS_URL=valkey.url, **PRODUCTION).port
    views = [
        page_view(backdrop.site_key, article=0, reader_id=f"subscriber-{n}", **browser(n)) for n in range(SUBSCRIBERS)
    ]
    target = Target(port=port, requests=views, expected=GRANTED)
    seconds = scale.burst_seconds * 4  # at a hundred a second, less would leave the slowest hundredth to chance

    def p99_milliseconds() -> float:
        return pace(target, connections=PACED, per_second=PER_SECOND, seconds=seconds).quantile(0.99) * 1000

    p99_milliseconds()  # every pass is looked up once, and published
    rounds = range(max(1, scale.rounds // 2))  # a pause of the machine's is a whole hundredth of one burst
    up, frozen = [], []
    for _ in rounds:
        up.append(p99_milliseconds())
        with _frozen(child):
            frozen.append(p99_milliseconds())
    child.stop()
    dead = [p99_milliseconds() for _ in rounds]
    return [_section({"up": median(up), "frozen": median(frozen), "dead": median(dead)})]


@contextmanager
def _frozen(child: Child) -> Iterator[None]:
    child.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        child.process.send_signal(signal.SIGCONT)


def _section(found: dict[str, float]) -> Section:
    up = f"{found['up']:.0f} ms with Redis up"
    findings: list[Finding] = [
        at_most(f"subscriber's p99, Redis {how}", found[how], MOST_MILLISECONDS, up, format_=".0f", suffix=" ms")
        for how in ("frozen", "dead")
    ]
    return Section(
        title="Redis away",
        how=(
            f"Subscribers at {PER_SECOND:g} decisions a second; every one is granted, from the record in "
            "PostgreSQL, within production's deadlines."
        ),
        findings=findings,
        bars={f"Redis {name}": value for name, value in found.items()},
        unit="ms",
    )
