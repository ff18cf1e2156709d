"""The thread budget: calls to Stripe and support's searches never take all threads, so decisions never starve."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import Unavailable


class ThreadBudget:
    """At most `size` slow calls at once; one more is told to come back, for waiting would hold its thread too."""

    def __init__(self, size: int) -> None:
        self._slots = threading.BoundedSemaphore(max(1, size))

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the slots; raises Unavailable (`busy`) when all are taken."""
        if not self._slots.acquire(blocking=False):
            raise Unavailable("Too many slow calls are under way; try again.", code="busy", retry_after_seconds=1)
        try:
            yield
        finally:
            self._slots.release()
