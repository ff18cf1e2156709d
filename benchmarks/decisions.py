"""How many decisions a second, what each costs, and how long the slowest hundredth waits, beside the peers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import sub, truediv
from statistics import median
from typing import NamedTuple, TypeVar

from benchmarks.findings import Finding, Section, at_least, at_most
from benchmarks.load import Target, pace, saturate
from benchmarks.processor import seconds_of
from benchmarks.questions import SHARES, page_views
from benchmarks.scale import Scale
from benchmarks.servers import Backdrop, Service

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
ByRound = Mapping[str, Sequence[float]]
"""Of each target, a figure from each round."""
T = TypeVar("T")


class Cost(NamedTuple):
    """What an answer takes of the processors, in seconds: of the web service, of Redis, of the client that asks."""

    web: float
    redis: float
    client: float


def measure(backdrop: Backdrop, scale: Scale) -> list[Section]:
    """Measure all of them, serving side by side."""
    views = page_views(backdrop.site_key, scale.page_views)
    services = {name: backdrop.serve(app) for name, (app, _) in APPS.items()}
    targets = {
        name: Target(port=service.port, requests=views, expected=APPS[name][1]) for name, service in services.items()
    }
    for target in targets.values():
        saturate(target, connections=SATURATING, seconds=scale.burst_seconds)  # caches, connections, first readings
    short = in_short_bursts(scale)
    bursts = _by_round(targets, _Measuring(backdrop, services, short.burst_seconds), short)
    rates = {name: [rate for rate, _ in found] for name, found in bursts.items()}
    costs = {name: [cost for _, cost in found] for name, found in bursts.items()}
    return [_throughput(rates), _cost(costs), _latency(targets, SHARE_OF_CAPACITY * median(rates[OURS]), scale)]


class _Measuring:
    """Takes one burst: how many answers a second, and what each cost."""

    def __init__(self, backdrop: Backdrop, services: Mapping[str, Service], burst_seconds: float) -> None:
        self._redis = backdrop.valkey_child.pid
        self._web = {service.port: service.child.pid for service in services.values()}
        self._burst_seconds = burst_seconds

    def __call__(self, target: Target) -> tuple[float, Cost]:
        before = self._spent(target)
        burst = saturate(target, connections=SATURATING, seconds=self._burst_seconds)
        spent = map(sub, self._spent(target), before)
        return burst.per_second, Cost(*(seconds / len(burst.latencies_seconds) for seconds in spent))

    def _spent(self, target: Target) -> Cost:
        return Cost(seconds_of(self._web[target.port]), seconds_of(self._redis), time.process_time())


def per_second(targets: Mapping[str, Target], scale: Scale) -> ByRound:
    """Return each target's rates, in bursts that alternate."""

    def burst(target: Target) -> float:
        return saturate(target, connections=SATURATING, seconds=scale.burst_seconds).per_second

    return _by_round(targets, burst, scale)


def p99_seconds(targets: Mapping[str, Target], rate: float, scale: Scale) -> ByRound:
    """Return each target's 99th percentiles at a steady rate, in bursts that alternate; each has dozens beyond it."""
    seconds = PACED_LONGER * scale.burst_seconds

    def burst(target: Target) -> float:
        return pace(target, connections=PACED, per_second=rate, seconds=seconds).quantile(0.99)

    return _by_round(targets, burst, scale)


def over(figures: ByRound, name: str) -> dict[str, float]:
    """Return each target's figure as a share of the one of this name: the median of what each round shows.

    The machine is faster in one minute than in the next, and stands still for a moment now and then; what was measured
    one right after the other can be compared all the same.
    """
    return {each: median(map(truediv, found, figures[name])) for each, found in figures.items()}


def in_short_bursts(scale: Scale) -> Scale:
    """Return as much time in four times as many bursts: each opens connections anew, and how they fall is luck."""
    return replace(scale, rounds=4 * scale.rounds, burst_seconds=scale.burst_seconds / 4)


def _by_round(targets: Mapping[str, Target], burst: Callable[[Target], T], scale: Scale) -> Mapping[str, Sequence[T]]:
    found: dict[str, list[T]] = {name: [] for name in targets}
    for name in turns(list(targets), scale.rounds):
        found[name].append(burst(targets[name]))
    return found


def turns(names: Sequence[str], rounds: int) -> Iterator[str]:
    """Yield each name once a round, each round beginning with the next: nobody always comes after the same other."""
    for number in range(rounds):
        first = number % len(names)
        yield from (*names[first:], *names[:first])


def _throughput(rates: ByRound) -> Section:
    shares = over(rates, NOOP)
    beside = ", ".join(f"{name} {share:.2f}" for name, share in shares.items() if name != OURS)
    mix = ", ".join(f"{share} % {kind}s" for kind, share in SHARES.items())
    return Section(
        title="Decisions per second",
        how=(
            f"As fast as they are answered on {SATURATING} kept-alive connections; page views of {mix}, with the "
            "address and the browser's name that a site passes along. Ours checks the key, the schema and who reads "
            "without the meter, has the scraper guard judge newcomers, counts, keeps its metrics and its "
            "journal, and logs what is unusual."
        ),
        findings=[
            at_least("decisions per second", shares[OURS], 0.5, beside),
            at_least("the same over the Flask-Limiter view", over(rates, LIMITER)[OURS], 1.5, "1", suffix=" ×"),
            Finding(
                what="decisions per second with the journal",
                figure=f"{over(rates, FORGETFUL)[OURS]:.2f}",
                beside="without it 1.00",
            ),
        ],
        bars=shares,
        unit="of the no-op",
    )


def _cost(costs: Mapping[str, Sequence[Cost]]) -> Section:
    """Return what all processes together spend on an answer; the rate is this and how well the machine is shared."""
    each = {name: Cost(*map(median, zip(*found, strict=True))) for name, found in costs.items()}
    micros = {name: 1e6 * sum(cost) for name, cost in each.items()}
    ours, beside = each[OURS], ", ".join(f"{name} {spent:.0f}" for name, spent in micros.items() if name != OURS)
    return Section(
        title="What a decision costs",
        how=(
            "The processors' time for one answer in the same bursts, of the web service, of Valkey and of the client "
            "that asks: half as much time for all is twice the rate."
        ),
        findings=[
            Finding(what="processors' time of a decision", figure=f"{micros[OURS]:.0f} µs", beside=beside),
            *[
                Finding(what=f"of it {part}", figure=f"{1e6 * spent:.0f} µs", beside=f"{NOOP} {1e6 * bare:.0f}")
                for part, spent, bare in zip(("web", "Valkey", "the client"), ours, each[NOOP], strict=True)
            ],
        ],
        bars=micros,
        unit="µs an answer",
    )


def _latency(targets: dict[str, Target], rate: float, scale: Scale) -> Section:
    slowest = over(p99_seconds({name: targets[name] for name in (OURS, EVALSHA)}, rate, scale), EVALSHA)
    return Section(
        title="The slowest hundredth",
        how=(
            f"Both at {SHARE_OF_CAPACITY:.0%} of what we can do, on {PACED} connections; each request is timed from "
            "the moment it was due, not from when it could be sent."
        ),
        findings=[at_most("p99 over the p99 of Flask + JSON + EVALSHA", slowest[OURS], 1.2, "1", suffix=" ×")],
        bars=slowest,
        unit=f"of the p99 of {EVALSHA}",
    )
