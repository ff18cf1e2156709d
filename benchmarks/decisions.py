"""How many decisions a second, and how long the slowest hundredth waits, beside the peers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.findings import Finding, Section, at_least, at_most
from benchmarks.load import Burst, Target, pace, pooled, saturate
from benchmarks.questions import SHARES, page_views
from benchmarks.scale import Scale
from benchmarks.servers import Backdrop

NOOP, OURS, EVALSHA, LIMITER = "bare WSGI no-op", "Newsstand", "Flask + JSON + EVALSHA", "Flask-Limiter view"
FORGETFUL, BOUND = "Newsstand without its journal", "bare WSGI + JSON + EVALSHA"
APPS = {
    NOOP: ("benchmarks.peers:noop", b"{}"),
    OURS: ("service.app:create_app()", b'"degraded":null'),
    EVALSHA: ("benchmarks.peers:flask_evalsha()", b'"granted"'),
    LIMITER: ("benchmarks.peers:flask_limiter()", b"{}"),
    BOUND: ("benchmarks.peers:bare_evalsha()", b'"granted"'),
    FORGETFUL: ("benchmarks.peers:newsstand_without_journal()", b'"degraded":null'),
}
SATURATING, PACED = 16, 32
"""Connections: enough that each worker has a few, whichever way they fall; twice that, so that one is free in time."""
SHARE_OF_CAPACITY, PACED_LONGER = 0.6, 2


def measure(backdrop: Backdrop, scale: Scale) -> list[Section]:
    """Measure all of them, serving side by side."""
    views = page_views(backdrop.site_key, scale.page_views)
    targets = {
        name: Target(port=backdrop.serve(app).port, requests=views, expected=expected)
        for name, (app, expected) in APPS.items()
    }
    for target in targets.values():
        saturate(target, connections=SATURATING, seconds=scale.burst_seconds)  # caches, connections, first readings
    rates = per_second(targets, scale)
    return [_throughput(rates), _latency(targets, SHARE_OF_CAPACITY * rates[OURS], scale)]


def per_second(targets: dict[str, Target], scale: Scale) -> dict[str, float]:
    """Return each target's median rate over bursts that alternate."""
    rates: dict[str, list[float]] = {name: [] for name in targets}
    for name in turns(list(targets), scale.rounds):
        burst = saturate(targets[name], connections=SATURATING, seconds=scale.burst_seconds)
        rates[name].append(burst.per_second)
    return {name: median(found) for name, found in rates.items()}


def p99_seconds(targets: dict[str, Target], rate: float, scale: Scale) -> dict[str, float]:
    """Return each target's 99th percentile at a steady rate: of all answers of bursts that alternate, taken together.

    A single burst's is told by a dozen answers, and by whatever else the machine did just then.
    """
    bursts: dict[str, list[Burst]] = {name: [] for name in targets}
    for name in turns(list(targets), scale.rounds):
        seconds = PACED_LONGER * scale.burst_seconds
        bursts[name].append(pace(targets[name], connections=PACED, per_second=rate, seconds=seconds))
    return {name: pooled(found).quantile(0.99) for name, found in bursts.items()}


def turns(names: Sequence[str], rounds: int) -> Iterator[str]:
    """Yield each name once a round, each round beginning with the next: nobody always comes after the same other."""
    for number in range(rounds):
        first = number % len(names)
        yield from (*names[first:], *names[:first])


def _throughput(rates: dict[str, float]) -> Section:
    shares = {name: rate / rates[NOOP] for name, rate in rates.items()}
    beside = ", ".join(f"{name} {share:.2f}" for name, share in shares.items() if name != OURS)
    mix = ", ".join(f"{share} % {kind}s" for kind, share in SHARES.items())
    return Section(
        title="Decisions per second",
        how=(
            f"As fast as they are answered on {SATURATING} kept-alive connections; page views of {mix}, with the "
            "address and the browser's name that a site passes along. Ours checks the key, the schema and who reads "
            "without the meter, has the scraper guard judge newcomers, counts, writes its log line and its metrics, "
            "and keeps its journal."
        ),
        findings=[
            at_least("decisions per second", shares[OURS], 0.5, beside),
            at_least("the same over the Flask-Limiter view", rates[OURS] / rates[LIMITER], 1.5, "1", suffix=" ×"),
            Finding(
                what="decisions per second with the journal",
                figure=f"{rates[OURS] / rates[FORGETFUL]:.2f}",
                beside="without it 1.00",
            ),
        ],
        bars=shares,
        unit="of the no-op",
    )


def _latency(targets: dict[str, Target], rate: float, scale: Scale) -> Section:
    slowest = p99_seconds({name: targets[name] for name in (OURS, EVALSHA)}, rate, scale)
    ratio = slowest[OURS] / slowest[EVALSHA]
    return Section(
        title="The slowest hundredth",
        how=(
            f"Both at {SHARE_OF_CAPACITY:.0%} of what we can do, on {PACED} connections; each request is timed from "
            "the moment it was due, not from when it could be sent."
        ),
        findings=[at_most("p99 over the p99 of Flask + JSON + EVALSHA", ratio, 1.2, "1", suffix=" ×")],
        bars={name: seconds / slowest[EVALSHA] for name, seconds in slowest.items()},
        unit=f"of the p99 of {EVALSHA}",
    )
