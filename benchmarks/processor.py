"""How long processes have had a processor, to the nanosecond: what an answer costs, however busy the machine is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_NANOSECONDS = 1_000_000_000


def seconds_of(pid: int) -> float:
    """Return how long this process and all below it have run, in all their threads that still are there.

    The first number of `schedstat` (Linux, Documentation/scheduler/sched-stats.rst); where there is none, 0.
    """
    return sum(map(_nanoseconds, _tree(pid))) / _NANOSECONDS


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _tree(int(child))


def _nanoseconds(pid: int) -> int:
    total = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):  # it ended just now
            total += int(thread.read_text().split()[0])
    return total
