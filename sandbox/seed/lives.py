"""Who does what on which day: the whole year, made up from a seed before anything happens. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

MONTH_DAYS = 30
TRIAL_DAYS = 30


class Deed(StrEnum):
    """What readers, banks and staff do. Each is a method of `deeds.Deeds`."""

    VISIT = "visit"
    SUBSCRIBE = "subscribe"
    ABANDON = "abandon"
    CANCEL = "cancel"
    CANCEL_IN_PORTAL = "cancel_in_portal"
    UNDO = "undo"
    CHANGE_PLAN = "change_plan"
    WORSE_CARD = "worse_card"
    NEW_CARD = "new_card"
    GIVE = "give"
    REFUND = "refund"
    DISPUTE = "dispute"
    WARN = "warn"
    COURTESY = "courtesy"
    NOTE = "note"


@dataclass(frozen=True, order=True)
class Act:
    """One deed of one reader. `argument` is a plan, a card's kind, an outcome or a reason; each deed says which."""

    day: int
    reader: int
    order: int
    deed: Deed
    argument: str = ""


Step = tuple[int, Deed, str]
"""Days after the reader came to subscribe, what, and with what."""
Life = Callable[[random.Random], Iterable[Step]]


def _faithful(plan: str) -> Life:
    return lambda _dice: [(0, Deed.SUBSCRIBE, plan)]


def _leaves_in_trial(dice: random.Random) -> Iterator[Step]:
    yield 0, Deed.SUBSCRIBE, "monthly"
    yield dice.randrange(1, TRIAL_DAYS - 2), dice.choice((Deed.CANCEL, Deed.CANCEL_IN_PORTAL)), "only_looking"


def _leaves(dice: random.Random) -> Iterator[Step]:
    yield 0, Deed.SUBSCRIBE, "monthly"
    after = TRIAL_DAYS + dice.randrange(5, 200)
    why = dice.choice(("too_expensive", "no_time", "other_paper"))
    yield after, dice.choice((Deed.CANCEL, Deed.CANCEL_IN_PORTAL)), why


def _leaves_a_year(dice: random.Random) -> Iterator[Step]:
    yield 0, Deed.SUBSCRIBE, "annual"
    yield dice.randrange(20, 300), Deed.CANCEL, "no_time"


def _wavers(dice: random.Random) -> Iterator[Step]:
    yield 0, Deed.SUBSCRIBE, "monthly"
    left = dice.randrange(10, 120)
    yield left, Deed.CANCEL, "too_expensive"
    yield left + dice.randrange(1, 8), Deed.UNDO, ""


def _comes_back(dice: random.Random) -> Iterator[Step]:
    yield 0, Deed.SUBSCRIBE, "monthly"
    left = TRIAL_DAYS + dice.randrange(5, 40)
    yield left, Deed.CANCEL, "no_time"
    yield left + dice.randrange(60, 120), Deed.SUBSCRIBE, dice.choice(("monthly", "annual"))


def _never_pays(_dice: random.Random) -> Iterator[Step]:
    yield 0, Deed.SUBSCRIBE, "monthly fails later"


def _pays_late(dice: random.Random) -> Iterator[Step]:
    yield 0, Deed.SUBSCRIBE, "monthly fails later"
    yield TRIAL_DAYS + dice.randrange(2, 10), Deed.NEW_CARD, ""


def _card_runs_out(dice: random.Random) -> Iterator[Step]:
    yield 0, Deed.SUBSCRIBE, "monthly"
    worse = TRIAL_DAYS + dice.randrange(10, 100)
    yield worse, Deed.WORSE_CARD, ""
    if dice.random() < 0.6:
        yield worse + MONTH_DAYS + dice.randrange(4, 9), Deed.NEW_CARD, ""


def _moves_up(dice: random.Random) -> Iterator[Step]:
    yield 0, Deed.SUBSCRIBE, "monthly"
    yield TRIAL_DAYS + dice.randrange(5, 120), Deed.CHANGE_PLAN, "annual"


def _is_refunded(dice: random.Random) -> Iterator[Step]:
    yield 0, Deed.SUBSCRIBE, dice.choice(("monthly", "annual"))
    asked = TRIAL_DAYS + dice.randrange(3, 40)
    yield asked, Deed.NOTE, "Says they forgot to cancel; was friendly about it."
    yield asked, Deed.REFUND, dice.choice(("forgot to cancel", "paid twice", "moved abroad"))


def _disputes(dice: random.Random) -> Iterator[Step]:
    yield 0, Deed.SUBSCRIBE, "monthly"
    yield TRIAL_DAYS + dice.randrange(5, 25), Deed.DISPUTE, dice.choice(("won", "lost", ""))


def _is_warned_of(dice: random.Random) -> Iterator[Step]:
    yield 0, Deed.SUBSCRIBE, "monthly"
    yield TRIAL_DAYS + dice.randrange(3, 10), Deed.WARN, ""


def _is_consoled(dice: random.Random) -> Iterator[Step]:
    yield 0, Deed.SUBSCRIBE, "monthly"
    told = TRIAL_DAYS + dice.randrange(5, 100)
    yield told, Deed.NOTE, "The magazine did not come for two weeks running."
    yield told, Deed.COURTESY, "magazine not delivered"
    yield told + 2, Deed.CANCEL, "other_paper"


def _gives(dice: random.Random) -> Iterator[Step]:
    yield 0, Deed.SUBSCRIBE, "annual"
    for _ in range(dice.randrange(1, 5)):
        yield dice.randrange(1, 250), Deed.GIVE, ""


def _hesitates(_dice: random.Random) -> Iterator[Step]:
    yield 0, Deed.ABANDON, "monthly"


LIVES: tuple[tuple[int, Life], ...] = (
    (24, _faithful("monthly")), (9, _faithful("annual")), (13, _leaves_in_trial), (12, _leaves), (3, _leaves_a_year),
    (4, _wavers), (3, _comes_back), (3, _never_pays), (4, _pays_late), (4, _card_runs_out), (5, _moves_up),
    (2, _is_refunded), (2, _disputes), (1, _is_warned_of), (2, _is_consoled), (3, _gives), (6, _hesitates),
)  # fmt: skip
"""Lives, and how many readers in a hundred live each."""


def year(count: int, days: int, seed: int) -> list[Act]:
    """Return every act of `count` readers within `days`, in the order of days; the same for the same numbers.

    Somebody comes at any time; before, they read what is free and meet the wall, and so does whoever left.
    """
    acts = [act for number in range(count) for act in _life(number, days, random.Random(f"{seed} {number}"))]
    return sorted(acts)


def _life(number: int, days: int, dice: random.Random) -> Iterator[Act]:
    weights, lives = zip(*LIVES, strict=True)
    steps = sorted(dice.choices(lives, weights)[0](dice), key=lambda step: step[0])
    comes = dice.randrange(days)
    first_seen = max(0, comes - dice.randrange(70))
    visits = [(day, Deed.VISIT, "") for day in _visits(first_seen, days, dice)]
    wall = [(comes, Deed.VISIT, "long")]  # it was a wall that led here
    for order, (day, deed, argument) in enumerate([*visits, *wall, *((comes + day, *rest) for day, *rest in steps)]):
        if day < days:
            yield Act(day, number, order, Deed(deed), str(argument))


def _visits(since: int, until: int, dice: random.Random) -> Iterator[int]:
    """Yield the days of somebody who comes about twice a month, and ever more rarely."""
    day, rest = since, 9.0
    while day < until:
        yield day
        day += max(1, int(dice.expovariate(1 / rest)))
        rest *= 1.06
