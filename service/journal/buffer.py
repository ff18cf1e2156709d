"""Where entries wait for the next copy: bounded, so that a PostgreSQL that is away costs memory only up to here."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from datetime import datetime

from service.journal.entry import Entry


class Buffer:
    """The newest `bound` entries that are not written yet; safe to share between threads, and never waits for I/O."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque()
        self._dropped = 0

    def add(self, entry: Entry) -> None:
        """Append an entry; a full buffer drops its oldest."""
        self._entries.append(entry)  # is atomic: nobody waits for who copies
        if len(self._entries) > self._bound:
            self._make_room()

    def _make_room(self) -> None:
        with self._lock:
            while len(self._entries) > self._bound:
                self._entries.popleft()
                self._dropped += 1

    def take(self, most: int) -> list[Entry]:
        """Remove and return the oldest entries, up to `most`."""
        with self._lock:
            return [self._entries.popleft() for _ in range(min(most, len(self._entries)))]

    def give_back(self, entries: Sequence[Entry]) -> None:
        """Put entries that could not be written back to where they were, as far as there is room."""
        with self._lock:
            room = max(0, self._bound - len(self._entries))  # whoever adds is over the bound for a moment
            kept = entries[-room:] if room else []
            self._entries.extendleft(reversed(kept))
            self._dropped += len(entries) - len(kept)

    def dropped(self) -> int:
        """Return how many entries were dropped since the last call."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped

    def oldest_recorded_at(self) -> datetime | None:
        """Return since when the oldest entry waits, in wall time; None when nothing does."""
        with self._lock:
            return self._entries[0].recorded_at if self._entries else None

    def __len__(self) -> int:
        return len(self._entries)
