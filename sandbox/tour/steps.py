"""A journey as steps: each has a name, what is expected, and a function that returns what it saw."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

Context = TypeVar("Context")


class Unexpected(Exception):
    """Something else than expected was seen; the message says what."""


class Outcome(StrEnum):
    """What became of a step."""

    HELD = "held"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Step(Generic[Context]):
    """One step. `name` and `expects` may hold words in braces; it is skipped unless every step in `needs` held."""

    name: str
    expects: str
    look: Callable[[Context], str]
    needs: tuple[Step[Context], ...]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a step came to. `business_at` is the business instant after it; None when that is not known."""

    chapter: str
    name: str
    outcome: Outcome
    expected: str
    seen: str
    business_at: datetime | None
    seconds: float


class Chapter(Generic[Context]):
    """Steps that tell one part of the journey, in the order they are declared."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.steps: list[Step[Context]] = []

    def step(
        self, name: str, *, expects: str, needs: Iterable[Step[Context]] = ()
    ) -> Callable[[Callable[[Context], str]], Step[Context]]:
        """Declare the decorated function as this chapter's next step; it returns what it saw or raises Unexpected."""

        def declare(look: Callable[[Context], str]) -> Step[Context]:
            step = Step(name, expects, look, tuple(needs))
            self.steps.append(step)
            return step

        return declare


def observed(seen: str, *conditions: bool) -> str:
    """Return `seen` when all `conditions` hold; raise Unexpected with it otherwise."""
    if not all(conditions):
        raise Unexpected(seen)
    return seen


class Walk(Generic[Context]):
    """Takes the steps of some chapters one after the other."""

    def __init__(
        self, context: Context, *, words: Mapping[str, str], business_clock: Callable[[], datetime | None]
    ) -> None:
        self._context = context
        self._words = words
        self._business_clock = business_clock
        self._held: set[int] = set()

    def through(self, chapters: Iterable[Chapter[Context]]) -> Iterator[Result]:
        """Yield each step's result as soon as it is known."""
        for chapter in chapters:
            for step in chapter.steps:
                yield self._take(chapter.title, step)

    def _take(self, chapter: str, step: Step[Context]) -> Result:
        started = time.monotonic()
        outcome, seen = self._look(step)
        seconds = time.monotonic() - started
        if outcome is Outcome.HELD:
            self._held.add(id(step))
        # The words are filled in only now: the step that reads the offer is what makes the prices known.
        name, expected = fill(step.name, self._words), fill(step.expects, self._words)
        return Result(
            chapter=chapter, name=name, outcome=outcome, expected=expected, seen=seen,
            business_at=self._business_clock(), seconds=seconds,
        )  # fmt: skip

    def _look(self, step: Step[Context]) -> tuple[Outcome, str]:
        missing = [fill(need.name, self._words) for need in step.needs if id(need) not in self._held]
        if missing:
            return Outcome.SKIPPED, f"not tried, for this did not hold: {', '.join(missing)}"
        try:
            return Outcome.HELD, step.look(self._context)
        except Unexpected as unexpected:
            return Outcome.FAILED, str(unexpected)
        except Exception as error:  # whatever an answer made of a step, the journey goes on and tells
            return Outcome.FAILED, f"{type(error).__name__}: {error}"


def fill(text: str, words: Mapping[str, str]) -> str:
    """Return `text` with each `{word}` that is known filled in."""
    for word, meaning in words.items():
        text = text.replace(f"{{{word}}}", meaning)
    return text
