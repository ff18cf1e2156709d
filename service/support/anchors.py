"""The audit log's head, noted outside the database: what makes a log that was cut short or written anew look it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import structlog

from service.clocks import Clock
from service.domain.chain import BEFORE_ALL, Head
from service.errors import ConfigurationError
from service.support.audit import Audit

log = structlog.get_logger("newsstand.audit")


class Anchor:
    """Notes the head as a log line and, where `path` is given, as a line of that file; only when it has moved."""

    def __init__(self, audit: Audit, path: Path | None, wall_clock: Clock) -> None:
        self._audit = audit
        self._path = path
        self._wall_clock = wall_clock
        self._last: Head | None = None

    def note(self) -> Head:
        """Note where the chain ends now, and return it; raises OSError when the file can't be written."""
        head = self._audit.head()
        if head != self._last:
            log.info("audit_head", seq=head.seq, digest=head.digest.hex())
            self._append(head)
            self._last = head
        return head

    def _append(self, head: Head) -> None:
        """Add one line in one write, flushed to the disk: it is evidence."""
        if self._path is None:
            return
        line = {"at": self._wall_clock().isoformat(), "seq": head.seq, "digest": head.digest.hex()}
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, json.dumps(line).encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)


def heads_in(path: Path) -> Sequence[Head]:
    """Return the heads noted in a file, none where there is no file; raises ConfigurationError for what is no head."""
    if not path.exists():
        return []
    return [_head(line, f"{path}, line {number}") for number, line in enumerate(path.read_text().splitlines(), 1)]


def heads_named(named: Iterable[str]) -> Sequence[Head]:
    """Return heads written as `seq:digest`, as found in logs; raises ConfigurationError for what is none."""
    return [_made(*each.partition(":")[::2], where=each) for each in named]


def _head(line: str, where: str) -> Head:
    try:
        noted = json.loads(line)
        return _made(noted["seq"], noted["digest"], where)
    except (ValueError, TypeError, KeyError):
        raise ConfigurationError(f"{where}: not a noted head of the audit log") from None


def _made(seq: str | int, digest: str, where: str) -> Head:
    try:
        head = Head(seq=int(seq), digest=bytes.fromhex(digest))
    except ValueError:
        head = Head(seq=0, digest=b"")
    if len(head.digest) != len(BEFORE_ALL):
        raise ConfigurationError(f"{where}: not a noted head of the audit log")
    return head
