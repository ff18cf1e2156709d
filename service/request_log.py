"""The line that every request leaves: made while answering, written together with others.

Nobody who is slow to take the log keeps a reader waiting.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TextIO

from service.together import Together


class RequestLog:
    """Lines of this process, and of each one forked from it apart. Its values are ours, so nothing needs masking."""

    def __init__(self, logger: str, stream: TextIO) -> None:
        self._stream = stream
        self._head = json.dumps({"event": "request", "logger": logger})[:-1]
        self._lines = Together("request-log", self._write)

    def note(self, members: str) -> None:
        """Remember a line of these JSON members, such as `"status": 200`; never waits."""
        timestamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        self._lines.note(f'{self._head}, {members}, "timestamp": "{timestamp}"}}\n')

    def flush(self) -> None:
        """Write what waits; what cannot be written is lost."""
        self._lines.flush()

    def redirect(self, stream: TextIO) -> None:
        """Write to `stream` what is noted from now on; what waits belongs to the stream of before."""
        self._lines.flush()
        self._stream = stream

    def _write(self, lines: Sequence[str]) -> None:
        with contextlib.suppress(OSError, ValueError):
            if lines:
                self._stream.write("".join(lines))
                self._stream.flush()
