"""Whether decisions stay as fast when a thousand readers are known, a hundred thousand, or ten million."""

from __future__ import annotations

import random
from collections.abc import Mapping
from statistics import median

from benchmarks.decisions import (
    APPS,
    OURS,
    PACED,
    PACED_LONGER,
    SATURATING,
    ByRound,
    in_short_bursts,
    over,
    per_second,
)
from benchmarks.findings import Finding, Section, at_most
from benchmarks.load import Target, pace_together, saturate
from benchmarks.pipelined import check_known, in_two_processes, load_known
from benchmarks.questions import browser, page_view
from benchmarks.scale import Scale
from benchmarks.servers import Backdrop

FLAT_PERCENT = 10.0
SHARE_TOGETHER = 0.4
"""Of the slowest's rate, when all are asked in turn: three services on two cores are in each other's way."""


def measure(backdrop: Backdrop, scale: Scale) -> list[Section]:
    """Serve each number of readers from a Valkey of its own, side by side."""
    targets = {f"{readers:,}": _target(backdrop, readers, scale) for readers in scale.known_readers}
    for target in targets.values():
        saturate(target, connections=SATURATING, seconds=scale.burst_seconds)
    short = in_short_bursts(scale)
    rates = per_second(targets, short)
    slowest = _p99_seconds(targets, SHARE_TOGETHER * min(map(median, rates.values())), short)
    fewest = next(iter(targets))
    return [
        Section(
            title="Known readers",
            how=(
                "One Valkey and one service for each number of readers, all known from an earlier article; visitors "
                f"drawn from all at random. p99 at {SHARE_TOGETHER:.0%} of the slowest's rate, asked in turn: what "
                "the machine does meanwhile meets all alike. Counts were loaded in bulk, byte for byte as the meter "
                "writes them, and looked up through the meter."
            ),
            findings=[_spread("decisions per second", rates, fewest), _spread("p99", slowest, fewest)],
            bars=over(rates, fewest),
            unit=f"of the rate with {fewest} readers",
        )
    ]


def _p99_seconds(targets: Mapping[str, Target], rate: float, scale: Scale) -> ByRound:
    """Return each target's 99th percentiles at a steady rate of all together."""
    found: dict[str, list[float]] = {name: [] for name in targets}
    seconds = len(targets) * PACED_LONGER * scale.burst_seconds
    for _ in range(scale.rounds):
        bursts = pace_together([*targets.values()], connections=PACED, per_second=rate, seconds=seconds)
        for name, burst in zip(targets, bursts, strict=True):
            found[name].append(burst.quantile(0.99))
    return found


def _target(backdrop: Backdrop, readers: int, scale: Scale) -> Target:
    valkey, _ = backdrop.new_valkey(f"valkey-{readers}")
    in_two_processes(load_known, valkey.url, readers)
    check_known(valkey.url, readers)
    app, expected = APPS[OURS]
    service = backdrop.serve(app, REDIS_URL=valkey.url, EXPECTED_READERS=str(readers))
    dice = random.Random(11)  # noqa: S311 - the same visitors in every run
    asked = [
        page_view(backdrop.site_key, visitor_id=f"v-{number}", article=dice.randrange(3), **browser(number))
        for number in (dice.randrange(readers) for _ in range(scale.page_views))
    ]
    return Target(port=service.port, requests=asked, expected=expected)


def _spread(what: str, figures: ByRound, fewest: str) -> Finding:
    """Return how far the figures are from that of the fewest readers, in percent, at worst."""
    changes = {name: 100 * (share - 1) for name, share in over(figures, fewest).items()}
    beside = ", ".join(f"{name}: {change:+.0f} %" for name, change in changes.items() if name != fewest)
    worst = max(abs(change) for change in changes.values())
    return at_most(f"{what}, change from {fewest} readers", worst, FLAT_PERCENT, beside, format_=".0f", suffix=" %")
