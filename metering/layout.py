"""The bytes of each value in Redis, big-endian, as Lua's `struct.unpack` reads them; instants are µs of Unix time.

| value | bytes |
|---|---|
| pass | layout (1, always 1) · flags (1) · version (8) · valid_until (8) · refreshed_at (8) · payload |
| flags | bit 0 absent; the others: extra, of a tombstone |
| meter | in a rolling window the first read's instant (4, seconds); then 6 for each distinct article, in order |
| alias | link: reader's hash (8) · linked_at (8); settled (1): 1 once reads are united; last use (2, day) |
| absent | refreshed_at (8) |
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

from metering.meter import Pass
from metering.window import Window

LAYOUT = 1
ABSENT = 0b1
_ENVELOPE = struct.Struct(">BBqqq")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(instant: datetime) -> int:
    """Return an aware instant as microseconds of Unix time, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def pack_pass(given: Pass) -> bytes:
    """Return the pass's bytes; `unpack_pass` gives an equal pass back."""
    flags = given.extra << 1 | (ABSENT if given.absent else 0)
    head = _ENVELOPE.pack(LAYOUT, flags, given.version, micros(given.valid_until), micros(given.refreshed_at))
    return head + given.payload


def unpack_pass(raw: bytes) -> Pass:
    """Return the pass that `pack_pass` made `raw` from; the scripts never hand out another layout."""
    _, flags, version, valid_until, refreshed_at = _ENVELOPE.unpack_from(raw)
    return Pass(
        version=version,
        valid_until=_EPOCH + valid_until * _MICROSECOND,
        refreshed_at=_EPOCH + refreshed_at * _MICROSECOND,
        absent=bool(flags & ABSENT),
        payload=raw[_ENVELOPE.size :],
        extra=flags >> 1,
    )


def pack_instant(instant: datetime) -> bytes:
    """Return an aware instant's 8 bytes."""
    return struct.pack(">q", micros(instant))


def head_of(window: Window) -> bytes:
    """Return what the value of a window begun now begins with: nothing in a calendar's window, which its key names."""
    return b"" if window.earlier_id is None else struct.pack(">I", int(window.starts_at.timestamp()))


def over_at(window: Window) -> int:
    """Return the second at which, or before which, a rolling window was begun that has ended; 0 for a calendar's."""
    if window.earlier_id is None:
        return 0
    return int(window.reaches_back_to.timestamp())


def begun_window(head: bytes, window: Window) -> Window:
    """Return the window that the reads with this head are counted in; for an empty one `window` itself."""
    if not head:
        return window
    return window.begun_at(datetime.fromtimestamp(struct.unpack(">I", head)[0], UTC))


def pack_link(reader_hash: bytes, linked_at: datetime) -> bytes:
    """Return the link that points at a reader since `linked_at`; an alias is a link and its state."""
    return reader_hash + pack_instant(linked_at)
