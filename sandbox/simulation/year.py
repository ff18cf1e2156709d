"""A year of many readers: who they are, and what each may do on a day. All chance comes from one seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.simulation.judge import Judge
from sandbox.simulation.newsroom import Newsroom
from sandbox.simulation.people import People, Reader
from service.domain.decision import Access

DAY = 86_400
ARRIVES_WITHIN_DAYS = 120


@dataclass(frozen=True)
class Temper:
    """A kind of reader: the card they come with, and how likely they do something on any day."""

    card: str
    plans: tuple[str, ...]
    habits: tuple[tuple[str, float], ...]


def _temper(card: str, plans: str, **habits: float) -> Temper:
    return Temper(card, tuple(plans.split()), tuple(habits.items()))


TEMPERS = {
    "faithful": _temper("own", "monthly annual", buy=0.2, read=0.1),
    "fickle": _temper(
        "own", "monthly annual", buy=0.1, cancel=0.02, undo=0.05, portal_cancel=0.01, portal_resume=0.05, switch=0.02
    ),
    "broke": _temper("fails later", "monthly", buy=0.1, new_card=0.03, pay_invoice=0.03, worse_card=0.01),
    "forgetful": _temper("own", "monthly", buy=0.1, worse_card=0.02, new_card=0.06, abandon=0.03),
    "cunning": _temper("shared", "monthly", buy=0.1, cancel=0.05, dispute=0.004, two_tabs=0.05),
    "disputing": _temper("own", "annual monthly", buy=0.1, dispute=0.01, warned_of=0.004, decided=0.1),
    "sorry": _temper("refund fails", "annual", buy=0.1, refund=0.01, part_refund=0.02, refund_fails=0.1),
    "managed": _temper(
        "own", "monthly annual", buy=0.1, pause=0.02, unpause=0.1, dashboard_cancel=0.004, dashboard_cancel_later=0.01
    ),
}
"""Eight kinds, in equal parts."""


Act = Callable[[People, Reader, Temper, random.Random], None]


class Year:
    """`count` readers, day after day. `acted` counts what was done."""

    def __init__(self, room: Newsroom, plans_file: Path, count: int, seed: int) -> None:
        self._room = room
        self._dice = random.Random(seed)
        self._people = People(room)
        self._tempers = [TEMPERS[name] for name in self._dice.choices(sorted(TEMPERS), k=count)]
        self._arrivals = sorted(self._dice.randrange(ARRIVES_WITHIN_DAYS) for _ in range(count))
        self.judge = Judge(room, self._people, plans_file)
        self.acted: Counter[str] = Counter()

    def live(self, days: int) -> None:
        """Live through the days; raises Violation as soon as somebody is wronged, or reconcile finds drift."""
        for day in range(days):
            self.day(day)

    def day(self, day: int) -> None:
        """Live one day: people act at some hour, webhooks and worker follow, and in the evening all is compared."""
        while self._arrivals and self._arrivals[0] <= day:
            self._arrivals.pop(0)
            self._people.arrive()
        acts = [(self._dice.randrange(DAY), each, act) for each in self._people.readers for act in self._wishes(each)]
        begins = self._room.time.second
        for at, reader, act in sorted(acts, key=lambda each: each[0]):
            self._live_until(begins + at)
            self._act(reader, act)
        self._live_until(begins + DAY)
        self.judge.converged()
        self.judge.no_drift()

    def _wishes(self, reader: Reader) -> list[str]:
        habits = self._tempers[reader.number].habits
        return [act for act, chance in habits if self._dice.random() < chance]

    def _live_until(self, second: int) -> None:
        if second > self._room.time.second:
            self._room.live(second - self._room.time.second, self._dice)

    def _act(self, reader: Reader, act: str) -> None:
        self.acted[act] += 1
        _ACTS[act](self._people, reader, self._tempers[reader.number], self._dice)


def _buy(people: People, reader: Reader, temper: Temper, dice: random.Random) -> None:
    if not people.read(reader, "the story of the year", Access.SUBSCRIBERS):
        people.checkout(reader, dice.choice(temper.plans))
        people.pay(reader, temper.card)
        if dice.random() < 0.7:
            people.come_back(reader)


def _abandon(people: People, reader: Reader, temper: Temper, dice: random.Random) -> None:
    people.checkout(reader, dice.choice(temper.plans))


def _two_tabs(people: People, reader: Reader, temper: Temper, _dice: random.Random) -> None:
    people.checkout(reader, "monthly")
    people.checkout(reader, "annual")
    people.pay(reader, temper.card, page=-2)
    people.pay(reader, temper.card, page=-1)


def _switch(people: People, reader: Reader, _temper: Temper, dice: random.Random) -> None:
    people.change_plan(reader, dice.choice(["monthly", "annual"]))


def _read(people: People, reader: Reader, _temper: Temper, dice: random.Random) -> None:
    people.read(reader, f"a-{dice.randrange(50)}", Access.METERED)


def _refund(part: float) -> Act:
    return lambda people, reader, _temper, dice: people.refund(reader, part, dice.randrange(4))


def _dashboard(act: str) -> Act:
    return lambda people, reader, _temper, _dice: people.in_dashboard(reader, act)


def _portal(action: str, card: str = "own") -> Act:
    return lambda people, reader, _temper, _dice: people.in_portal(reader, action, card)


def _dispute(people: People, reader: Reader, _temper: Temper, dice: random.Random) -> None:
    people.dispute(
        reader, dice.randrange(3), dice.choice(["needs_response", "needs_response", "warning_needs_response"])
    )


def _decided(people: People, reader: Reader, _temper: Temper, dice: random.Random) -> None:
    people.decide_dispute(reader, dice.randrange(3), dice.choice(["won", "lost", "warning_closed", "under_review"]))


_ACTS: dict[str, Act] = {
    "buy": _buy,
    "abandon": _abandon,
    "two_tabs": _two_tabs,
    "read": _read,
    "cancel": lambda people, reader, _temper, _dice: people.cancel(reader),
    "undo": lambda people, reader, _temper, _dice: people.undo(reader),
    "switch": _switch,
    "portal_cancel": _portal("cancel"),
    "portal_resume": _portal("resume"),
    "new_card": _portal("update_card", "own"),
    "worse_card": _portal("update_card", "fails later"),
    "pay_invoice": _portal("pay_invoice"),
    "dispute": _dispute,
    "decided": _decided,
    "warned_of": lambda people, reader, _temper, dice: people.warn(reader, dice.randrange(3)),
    "refund": _refund(1.0),
    "part_refund": _refund(0.3),
    "refund_fails": lambda people, reader, _temper, dice: people.refund_fails(reader, dice.randrange(3)),
    "pause": _dashboard("stop billing"),
    "unpause": _dashboard("bill again"),
    "dashboard_cancel": _dashboard("cancel at once"),
    "dashboard_cancel_later": _dashboard("cancel later"),
}
