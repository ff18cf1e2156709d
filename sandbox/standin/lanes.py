"""One endpoint's pending deliveries: many at a time, but those of one customer one by one. No threads in here."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.standin.faults import Faults

AT_A_TIME = 8
"""How many deliveries an endpoint gets at once."""
SETTLE_SECONDS = 0.1
"""How long a shuffled delivery waits for company."""


class Lanes:
    """Deliveries by id, in the order in which they were queued; a lane is a customer's, or everybody else's."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._lane_of: dict[str, str] = {}
        self._busy: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._due)

    def put(self, identifier: str, lane: str, due_at: float) -> None:
        """Queue a delivery, or set when a queued one is due."""
        self._due[identifier], self._lane_of[identifier] = due_at, lane

    def drop(self, identifier: str) -> None:
        """Forget a delivery: it arrived, or never will."""
        self._due.pop(identifier, None)
        self._lane_of.pop(identifier, None)

    def hurry(self) -> None:
        """Make everything due now."""
        self._due.update(dict.fromkeys(self._due, 0.0))

    def overdue(self, now: float) -> bool:
        """Tell whether anything that is due has not been tried, or is being tried."""
        return bool(self._busy) or any(at <= now for at in self._due.values())

    def take(self, now: float, faults: Faults) -> str | None:
        """Return the next delivery that may be made, whose lane is taken until `release`; None for none yet.

        Shuffled ones, and all while the dice are seeded, go one at a time: a seed then repeats what happens.
        """
        one_at_a_time = faults.shuffle or faults.seed is not None
        if len(self._busy) >= (1 if one_at_a_time else AT_A_TIME):
            return None
        free = self._free(now, faults)
        chosen = _drawn(list(free), faults) if faults.shuffle else next(free, None)
        if chosen is not None:
            self._busy[self._lane_of[chosen]] = chosen
        return chosen

    def release(self, identifier: str) -> None:
        """Let the lane of a delivery that was tried go on."""
        for lane in [lane for lane, taken in self._busy.items() if taken == identifier]:
            del self._busy[lane]

    def wait_seconds(self, now: float) -> float | None:
        """Return how long nothing can become due by itself; None: until something is queued or released."""
        later = [at for identifier, at in self._due.items() if self._lane_of[identifier] not in self._busy]
        return max(0.02, min(later) - now) if later and len(self._busy) < AT_A_TIME else None

    def _free(self, now: float, faults: Faults) -> Iterator[str]:
        for identifier, at in self._due.items():
            settled = at + (SETTLE_SECONDS if faults.shuffle and at else 0.0)
            if settled <= now and self._lane_of[identifier] not in self._busy:
                yield identifier


def _drawn(choices: list[str], faults: Faults) -> str | None:
    return faults.dice.choice(choices) if choices else None
