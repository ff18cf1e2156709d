"""What was found out lately, believed for a while, so that asking again costs nothing."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """The last `size` facts, by name, each believed for `seconds`; safe to share between threads.

    `now` is in seconds of whichever clock the caller goes by; a clock that is set back makes a fact old.
    """

    def __init__(self, *, size: int, seconds: float) -> None:
        self._size = size
        self._seconds = seconds
        self._lock = threading.Lock()
        self._facts: OrderedDict[str, tuple[T, float]] = OrderedDict()

    def get(self, name: str, now: float) -> T | None:
        """Return what was added under the name, or None when it is not known or not believed any more."""
        found = self._facts.get(name)
        return found[0] if found is not None and 0 <= now - found[1] < self._seconds else None

    def add(self, name: str, fact: T, now: float) -> None:
        """Believe this from now on; the one added longest ago makes room for it."""
        with self._lock:
            self._facts[name] = fact, now
            self._facts.move_to_end(name)
            if len(self._facts) > self._size:
                self._facts.popitem(last=False)
