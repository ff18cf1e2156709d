"""As much of redis-py's connection as the meter uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import hiredis

Words = tuple[Any, ...]


class Wire:
    """Notes what is sent, and has `answer` say what each command is replied; an exception is raised."""

    def __init__(self, answer: Callable[[Words], Any]) -> None:
        self.sent: list[Words] = []
        self._answer = answer
        self._answered = 0

    def send_packed_command(self, packed: Iterable[bytes], **_options: object) -> None:
        reader = hiredis.Reader(encoding="utf-8")
        for each in packed:
            reader.feed(each)
        while words := reader.gets():
            self.sent.append(tuple(words))

    def read_response(self) -> Any:
        reply = self._answer(self.sent[self._answered])
        self._answered += 1
        if isinstance(reply, Exception):
            raise reply
        return reply
