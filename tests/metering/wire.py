"""As much of a connection as the meter uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hiredis

Words = tuple[Any, ...]


class Wire:
    """Notes what is sent, and has `answer` say what each command is replied; an exception is a refusal."""

    def __init__(self, answer: Callable[[Words], Any]) -> None:
        self.sent: list[Words] = []
        self._answer = answer

    def exchange(self, packed: bytes, count: int) -> list[Any]:
        reader = hiredis.Reader(encoding="utf-8")
        reader.feed(packed)
        words = [tuple(reader.gets()) for _ in range(count)]
        self.sent += words
        return [self._answer(each) for each in words]
