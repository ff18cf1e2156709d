"""A circuit breaker: after several failures in a row a server is left alone for a moment, then probed by one caller."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Breaker:
    """Closed, it lets all through; open, one caller after a pause, whose success closes it.

    The first pause is `open_seconds`; each probe that is let through doubles the next, up to `longest_seconds`, because
    against a frozen server every probe waits for its whole deadline. `monotonic` returns seconds that only grow. The
    probe needs no state of its own: letting it through moves the next one a pause away, so a probe whose thread died
    blocks nobody for longer than that.
    """

    def __init__(
        self, *, failures: int, open_seconds: float, monotonic: Callable[[], float], longest_seconds: float = 0.0
    ) -> None:
        self._threshold = failures
        self._open_seconds = self._pause_seconds = open_seconds
        self._longest_seconds = max(open_seconds, longest_seconds)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._probe_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._failures >= self._threshold

    @property
    def has_failed(self) -> bool:
        """Tell whether the last who asked had no answer."""
        return self._failures > 0

    def allows(self) -> bool:
        """Tell whether the caller may try; it must then report `succeeded` or `failed`."""
        if not self.is_open:
            return True
        with self._lock:
            now = self._monotonic()
            if now < self._probe_at:
                return False
            self._pause_seconds = min(2 * self._pause_seconds, self._longest_seconds)
            self._probe_at = now + self._pause_seconds
            return True

    def succeeded(self) -> None:
        """Close the breaker; the next time it opens, its pauses are short again."""
        if self._failures:
            with self._lock:
                self._failures = 0
                self._pause_seconds = self._open_seconds

    def failed(self) -> None:
        """Count one failure more; the last of them in a row opens the breaker."""
        with self._lock:
            self._failures += 1
            self._probe_at = self._monotonic() + self._pause_seconds
