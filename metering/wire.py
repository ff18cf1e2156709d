"""Commands to a server and its replies, by hiredis alone: what redis-py does around each costs as much as both."""

from __future__ import annotations

from typing import Any

import hiredis
import redis
from redis.connection import DefaultParser
from redis.exceptions import InvalidResponse

from metering.budget import TimedSocket

READ_BYTES = 65_536
_UNFINISHED = object()


class Wire:
    """One connection's bytes, once redis-py has connected it and shaken hands."""

    def __init__(self, timed: TimedSocket) -> None:
        self._timed = timed
        self._buffer = bytearray(READ_BYTES)
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse, replyError=DefaultParser.parse_error, notEnoughData=_UNFINISHED
        )

    def exchange(self, packed: bytes, count: int) -> list[Any]:
        """Send `count` commands and return their replies; what the server refuses is one of these, not raised.

        Raises redis-py's ConnectionError, TimeoutError and InvalidResponse; then nothing more can be read from here.
        """
        try:
            self._timed.sendall(packed)
            return self._replies(count)
        except TimeoutError as over:
            raise redis.TimeoutError(str(over)) from over
        except OSError as broken:
            raise redis.ConnectionError(str(broken)) from broken

    def _replies(self, count: int) -> list[Any]:
        replies: list[Any] = []
        while len(replies) < count:
            reply = self._reader.gets()
            if reply is not _UNFINISHED:
                replies.append(reply)
                continue
            received = self._timed.recv_into(self._buffer)
            if not received:
                raise ConnectionError("the server hung up")
            self._reader.feed(self._buffer, 0, received)  # type: ignore[arg-type]
        if self._reader.has_data():
            raise InvalidResponse("more came than was asked for")  # and would pass for the next call's answer
        return replies
