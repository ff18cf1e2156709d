"""The two clocks. Nothing below the composition root reads time; it is handed `now`.

Business time rules windows, entitlements and disclosures, and may be a Stripe test clock's. Wall time rules
signatures, leases, keys, idempotency and the age of anything; it is never simulated.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from metering.process import this_process

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]
"""Returns an aware UTC instant."""


def wall_clock() -> datetime:
    """Return the machine's time, aware, in UTC."""
    return datetime.now(UTC)


class FollowedClock:
    """Business time that is a Stripe test clock's: polled in the background, read from memory.

    Only the first reading in a process waits for Stripe. While polling fails, the last instant known stands: a test
    clock never moves by itself.
    """

    def __init__(self, poll: Callable[[], datetime], *, every_seconds: float = 0.5) -> None:
        self._poll = poll
        self._every_seconds = every_seconds
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._follower: int | None = None
        self._instant: datetime | None = None

    def __call__(self) -> datetime:
        """Return the clock's time as last polled; raises whatever the very first poll raises."""
        if self._follower != this_process.pid:  # also after a fork, which takes the memory along but no thread
            self._start()
        assert self._instant is not None  # noqa: S101 - set by _start
        return self._instant

    def close(self) -> None:
        """Stop following; the clock then stands."""
        self._closed.set()

    def _start(self) -> None:
        with self._lock:
            if self._follower == this_process.pid:
                return
            self._instant = self._poll()
            self._follower = this_process.pid
            threading.Thread(target=self._follow, name="test-clock", daemon=True).start()

    def _follow(self) -> None:
        readable = True
        while not self._closed.wait(self._every_seconds):
            try:
                self._instant = self._poll()
                readable = True
            except Exception as error:  # whatever is wrong, a later poll may work
                if readable:  # said once, not twice a second
                    log.warning("test_clock_unreadable", error=type(error).__name__)
                readable = False
