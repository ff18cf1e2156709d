"""What every request leaves behind, done many times a second together.

Done one by one, it costs a tenth of a decision: each time its code and data have to be fetched anew.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from metering.process import this_process

EVERY_SECONDS = 0.05
"""What a process that is killed outright may lose. More at once would hold up whoever is answered meanwhile."""
BOUND = 50_000
"""How many items wait while they cannot be done; the oldest go first."""

T = TypeVar("T")


class Together(Generic[T]):
    """Hands what was noted to `do`, in order and each once, from a thread of this process; of each fork apart.

    `do` may wait as long as it likes, for nobody waits for it; it raises nothing.
    """

    def __init__(self, name: str, do: Callable[[Sequence[T]], None]) -> None:
        self._name = name
        self._do = do
        self._noted: deque[T] = deque(maxlen=BOUND)
        self._lock = threading.Lock()
        self._pid: int | None = None

    def note(self, item: T) -> None:
        """Remember an item; never waits."""
        if self._pid != this_process.pid:  # a fork takes the memory along, but no thread
            self._start()
        self._noted.append(item)

    def flush(self) -> None:
        """Do what waits now; return when it is done."""
        with self._lock:
            noted = self._noted
            self._do([noted.popleft() for _ in range(len(noted))])

    def _start(self) -> None:
        with self._lock:
            if self._pid == this_process.pid:
                return
            if self._pid is not None:
                self._noted.clear()
            self._pid = this_process.pid
            threading.Thread(target=self._run, args=(self._pid,), name=self._name, daemon=True).start()
            atexit.register(self.flush)

    def _run(self, pid: int) -> None:
        while pid == this_process.pid:
            time.sleep(EVERY_SECONDS)
            self.flush()
