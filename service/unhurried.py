"""Long work on a thread beside those that answer readers, in short turns: Python runs one of them at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 64
PAUSE_SECONDS = 0.0001
"""Long enough for another thread to wake up and go on; one that waits for nothing takes the interpreter right back."""


def unhurried(items: Iterable[T]) -> Iterator[T]:
    """Yield the items, with a pause after each few of them."""
    for number, each in enumerate(items, 1):
        yield each
        if number % AT_ONCE == 0:
            time.sleep(PAUSE_SECONDS)
