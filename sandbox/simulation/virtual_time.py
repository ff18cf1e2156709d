"""One time for everybody, that passes when it is told to: Stripe's, the wall's and the business's are the same."""

from __future__ import annotations

from datetime import UTC, datetime

MICROS = 1_000_000


class VirtualTime:
    """Starts at a Unix second. Each reading of the business clock is a microsecond later than the one before, so that a
    fetch is known by the instant it began at; the wall is read without moving it, for threads read it too."""

    def __init__(self, starts_at: int) -> None:
        self._micros = starts_at * MICROS

    @property
    def second(self) -> int:
        """Return the Unix second."""
        return self._micros // MICROS

    def seconds(self) -> float:
        """Return the time as Unix seconds: a wall for the stand-in, a monotonic clock for deadlines."""
        return self._micros / MICROS

    def clock(self) -> datetime:
        """Return business time as an aware instant, in UTC."""
        self._micros += 1
        return self.peek()

    def peek(self) -> datetime:
        """Return the wall's time: the last reading again."""
        second, micros = divmod(self._micros, MICROS)
        return datetime.fromtimestamp(second, UTC).replace(microsecond=micros)

    def sleep(self, seconds: float) -> None:
        """Let whoever waits wait, at no cost."""
        self._micros += round(seconds * MICROS)

    def move_to(self, second: int) -> None:
        """Go on to a later second; an earlier one changes nothing."""
        self._micros = max(self._micros, second * MICROS)
