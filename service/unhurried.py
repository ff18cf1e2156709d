"""Long work on a thread beside those that answer readers, in short turns: Python runs one of them at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 8
LEAST_PAUSE_SECONDS = 0.0001
"""Long enough for another thread to wake up and go on; one that waits for nothing takes the interpreter right back."""


def unhurried(items: Sequence[T], seconds: float = 0.0) -> Iterator[T]:
    """Yield the items with a pause after each few of them, all pauses together about as long as `seconds`."""
    pause_seconds = max(LEAST_PAUSE_SECONDS, seconds * AT_ONCE / max(1, len(items)))
    for number, each in enumerate(items, 1):
        yield each
        if number % AT_ONCE == 0:
            time.sleep(pause_seconds)
