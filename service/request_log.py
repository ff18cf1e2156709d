"""The line that every request leaves: made while answering, written several times a second together.

Written one by one, lines cost a seventh of a decision. And nobody who is slow to take the log keeps a reader waiting.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TextIO

EVERY_SECONDS = 0.2
"""What a process that is killed outright may lose."""
BOUND = 50_000
"""How many lines wait while nobody takes them; the oldest go first."""

Told = Mapping[str, str | float | None]
_encoded = json.JSONEncoder().encode


class RequestLog:
    """Lines of this process, and of each one forked from it apart. Its values are ours, so nothing needs masking."""

    def __init__(self, logger: str, stream: TextIO) -> None:
        self._stream = stream
        self._head = json.dumps({"event": "request", "level": "info", "logger": logger})[:-1] + ", "
        self._noted: deque[str] = deque(maxlen=BOUND)
        self._lock = threading.Lock()
        self._pid: int | None = None

    def note(self, told: Told) -> None:
        """Remember the line; never waits."""
        if self._pid != os.getpid():  # a fork takes the memory along, but no thread
            self._start()
        timestamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        self._noted.append(f"{self._head}{_encoded({**told, 'timestamp': timestamp})[1:]}\n")

    def flush(self) -> None:
        """Write what waits; what cannot be written is lost."""
        with self._lock:
            self._write()

    def redirect(self, stream: TextIO) -> None:
        """Write to `stream` what is noted from now on; what waits belongs to the stream of before."""
        with self._lock:
            self._write()
            self._stream = stream

    def _write(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            lines = "".join(self._waiting())
            if lines:
                self._stream.write(lines)
                self._stream.flush()

    def _waiting(self) -> Iterator[str]:
        while self._noted:
            yield self._noted.popleft()

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            if self._pid is not None:
                self._noted.clear()
            self._pid = os.getpid()
            threading.Thread(target=self._run, args=(self._pid,), name="request-log", daemon=True).start()
            atexit.register(self.flush)

    def _run(self, pid: int) -> None:
        while pid == os.getpid():
            time.sleep(EVERY_SECONDS)
            self.flush()
