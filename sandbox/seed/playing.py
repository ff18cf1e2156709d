"""A year played in a running newsroom: the clock moves on, everybody does what is theirs that day, and again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import requests

from sandbox.seed.at_stripe import Bank
from sandbox.seed.deeds import Deeds
from sandbox.seed.lives import Act
from sandbox.seed.names import Reader
from sandbox.tour.browser import direct_session

STRIDE_DAYS = 2
"""How far the clock moves at a time: each move costs half a second, until the service has read it."""
DAYTIME_HOURS = 6.0, 21.0
"""When people read and write, in UTC."""
FOLLOWING_SECONDS = 0.7
"""By then every process of the service has read the clock; it polls twice a second."""
HANDS = 4
"""How many act at once."""
MOST_PENDING = 150
PATIENCE_SECONDS = 300.0
POLL_SECONDS = 0.2


class StuckError(Exception):
    """The newsroom does not catch up; the message says with what."""


@dataclass(frozen=True)
class Newsroom:
    """Where the service is, and its bank."""

    service: str
    bank: Bank


class Play:
    """Plays `acts`, days after `begins_at`; `tell` hears of each day that is over."""

    def __init__(
        self,
        room: Newsroom,
        deeds: Deeds,
        readers: Sequence[Reader],
        *,
        begins_at: datetime,
        tell: Callable[[int], None],
    ) -> None:
        self._room = room
        self._deeds = deeds
        self._readers = readers
        self._first_day = begins_at.replace(hour=0, minute=0, second=0) + timedelta(days=1)
        self._tell = tell
        self._session = direct_session()

    def run(self, acts: Sequence[Act], days: int, seed: int) -> None:
        """Return when all is done and the service has caught up; raise StuckError, or what a deed raises."""
        dice = random.Random(f"hours {seed}")
        with ThreadPoolExecutor(HANDS) as hands:
            for day, todays in strides(acts, days):
                self._move_to(self._first_day + timedelta(days=day, hours=dice.uniform(*DAYTIME_HOURS)))
                for _ in hands.map(self._live, todays):
                    pass
                self._catch_up(MOST_PENDING)
                self._tell(day + STRIDE_DAYS)
        self._move_to(self._first_day + timedelta(days=days))
        self._catch_up(0)

    def _live(self, acts: list[Act]) -> None:
        for act in acts:
            self._deeds.do(self._readers[act.reader], act)

    def _move_to(self, until: datetime) -> None:
        self._room.bank.advance(until, meanwhile=lambda: None)
        time.sleep(FOLLOWING_SECONDS)

    def _catch_up(self, most_pending: int) -> None:
        """Wait until few deliveries are on the way, and none has waited long for the worker."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while (pending := self._room.bank.pending()) > most_pending or self._waits_seconds() > most_pending / 10:
            if time.monotonic() > give_up_at:
                raise StuckError(f"{pending} deliveries of the stand-in are still on their way")
            time.sleep(POLL_SECONDS)

    def _waits_seconds(self) -> float:
        """Return how long the oldest event has waited to be applied."""
        try:
            answer = self._session.get(f"{self._room.service}/health/ready", timeout=15)
        except requests.RequestException as error:
            raise StuckError(f"{self._room.service} no longer answers") from error
        return float(answer.json().get("oldest_unprocessed_event_seconds") or 0)


def strides(acts: Sequence[Act], days: int) -> Iterator[tuple[int, list[list[Act]]]]:
    """Yield the first day of each stride, and its acts: a list for each reader, who does one thing at a time."""
    for first in range(0, days, STRIDE_DAYS):
        now = sorted(
            (each for each in acts if first <= each.day < first + STRIDE_DAYS), key=lambda each: (each.reader, each)
        )
        yield first, [list(group) for _, group in groupby(now, key=lambda each: each.reader)]
