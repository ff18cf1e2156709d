"""`python -m benchmarks`: run every measurement once, print the figures, write docs/benchmarks.md.

`BENCH=quick` takes a minute and a half and writes nothing; `BENCH_ONLY=decisions,memory` runs those alone.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog
from rich.console import Console

from benchmarks import (
    batch,
    decisions,
    journal,
    known_readers,
    memory,
    outage,
    pages,
    report,
    round_trips,
    search,
    webhooks_in,
)
from benchmarks.findings import Section
from benchmarks.questions import subscribe_all
from benchmarks.scale import QUICK, WHOLE, Scale
from benchmarks.servers import Backdrop, backdrop
from sandbox.newsroom import ROOT
from service.assembly.core import build_core

Measure = Callable[[Backdrop, Scale], list[Section]]
MEASURES: Mapping[str, Measure] = {
    "decisions": decisions.measure,
    "batch": batch.measure,
    "memory": memory.measure,
    "known_readers": known_readers.measure,
    "round_trips": round_trips.measure,
    "journal": journal.measure,
    "search": search.measure,
    "pages": pages.measure,
    "outage": outage.measure,
    "webhooks": webhooks_in.measure,
}


def run(
    scale: Scale, folder: Path, tell: Callable[[str], None], *, only: frozenset[str] = frozenset()
) -> list[Section]:
    """Take every measurement, or `only` those of these names, with servers whose data is in `folder`."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    sections: list[Section] = []
    with backdrop(folder) as servers:
        tell("servers, and their subscribers")
        subscribe_all(build_core(servers.parsed_settings(REDIS_TIMEOUT_SECONDS="2", DATABASE_TIMEOUT_SECONDS="5")))
        for name, measure in MEASURES.items():
            if not only or name in only:
                tell(name.replace("_", " "))
                began = time.monotonic()
                sections += measure(servers, scale)
                tell(f"{name.replace('_', ' ')} took {time.monotonic() - began:.0f} s")
    return sections


def main() -> int:
    """Run at the scale that BENCH names."""
    console, began = Console(), time.monotonic()
    quick = os.environ.get("BENCH") == "quick"
    only = frozenset(filter(None, os.environ.get("BENCH_ONLY", "").split(",")))
    with tempfile.TemporaryDirectory(prefix="newsstand-bench-") as folder:
        Path(folder).chmod(0o755)  # as root, PostgreSQL runs as somebody else
        sections = run(QUICK if quick else WHOLE, Path(folder), lambda text: console.print(f"[dim]{text}"), only=only)
    report.show(sections, console)
    if not quick and not only:
        report.write(sections, ROOT / "docs", minutes=(time.monotonic() - began) / 60)
    return 0


if __name__ == "__main__":
    sys.exit(main())
