"""Free articles that staff added: how many, until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from service.domain.bonuses import MOST_ARTICLES, Bonus, in_force

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def bonus(articles: int, begun: int = -1, ends: int = 1) -> Bonus:
    return Bonus(articles=articles, from_at=NOW + begun * HOUR, until_at=NOW + ends * HOUR)


def test_what_is_in_force_adds_up_until_the_first_ends() -> None:
    """Not what is over, nor what is to come; none is none."""
    assert in_force((), NOW) == (0, None)
    assert in_force((bonus(3, 0), bonus(2, -2, 5), bonus(9, -2, 0), bonus(9, 1, 2)), NOW) == (5, NOW + HOUR)


def test_there_is_an_end_to_it() -> None:
    """More than a copy in Redis could hold is never said."""
    assert in_force((bonus(MOST_ARTICLES), bonus(60)), NOW)[0] == MOST_ARTICLES < 128
