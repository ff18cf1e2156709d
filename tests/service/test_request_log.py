"""Lines of requests are written together, a little later, each once, and whatever becomes of them no request waits."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from typing import Any

from service.request_log import RequestLog


class Taker(io.StringIO):
    """A stream that keeps what came in which piece; it may be told to do something first."""

    def __init__(self, first: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.written: list[str] = []
        self._first = first

    def write(self, text: str) -> int:
        self._first()
        self.written.append(text)
        return len(text)


def _log() -> tuple[RequestLog, list[str]]:
    taker = Taker()
    return RequestLog("newsstand.access", taker), taker.written


def _lines(written: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for text in written for line in text.splitlines()]


def test_a_line_says_what_was_told_and_when() -> None:
    """Claim: one JSON object with the usual names, in UTC, and what the request told."""
    log, written = _log()
    log.note('"status": 200, "route": null')
    log.flush()
    (line,) = _lines(written)
    assert line.pop("timestamp").endswith("Z")
    usual = {"event": "request", "logger": "newsstand.access"}
    assert line == usual | {"status": 200, "route": None}


def test_lines_are_written_together_in_order_and_once() -> None:
    """Claim: what waits goes out in one piece; a second flush has nothing left."""
    log, written = _log()
    for number in range(3):
        log.note(f'"status": {number}')
    log.flush()
    log.flush()
    assert "".join(written).count("\n") == 3
    assert [line["status"] for line in _lines(written)] == [0, 1, 2]


def test_what_waits_goes_where_it_was_meant_to() -> None:
    """Claim: a new stream takes what is noted from then on, not what was noted before."""
    log, before = _log()
    after = Taker()
    log.note('"status": 1')
    log.redirect(after)
    log.note('"status": 2')
    log.flush()
    assert [[line["status"] for line in _lines(written)] for written in (before, after.written)] == [[1], [2]]


def test_a_log_that_cannot_be_written_harms_nobody() -> None:
    """Claim: when whoever read the log has gone, lines are lost and nothing is raised."""
    read, write = os.pipe()
    os.close(read)
    log = RequestLog("newsstand.access", os.fdopen(write, "w"))
    log.note('"status": 200')
    log.flush()
    log.note('"status": 200')
    log.flush()
