"""Stretches hold all that was created in them, wherever Stripe cuts its pages."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.convergence.listing import Page, Stretch, pages, stretches

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def listed(created: list[int], page: int) -> list[Page]:
    """Return pages of subscriptions created at these seconds, newest first, as Stripe cuts them."""
    every = [{"id": f"sub_{number}", "created": second} for number, second in enumerate(sorted(created, reverse=True))]
    cuts = [every[start : start + page] for start in range(0, len(every), page)] or [[]]
    return [Page(asked_at=NOON, subscriptions=cut, has_more=number + 1 < len(cuts)) for number, cut in enumerate(cuts)]


def holds(stretch: Stretch, second: int) -> bool:
    at = datetime.fromtimestamp(second, UTC)
    return (stretch.after is None or at > stretch.after) and (stretch.until is None or at <= stretch.until)


@given(st.lists(st.integers(min_value=0, max_value=12), max_size=40), st.integers(min_value=1, max_value=6))
def test_each_second_lies_in_one_stretch_with_all_that_was_created_in_it(created: list[int], page: int) -> None:
    """However many share a second, and wherever pages end: nothing is cut apart, nothing is missing."""
    cut = list(stretches(listed(created, page), None))
    assert (cut[0].until, cut[-1].after) == (None, None)
    assert all(one.after == other.until for one, other in pairwise(cut))
    for second in range(14):
        (home,) = [each for each in cut if holds(each, second)]
        found = [each for each in home.subscriptions if each["created"] == second]
        assert len(found) == created.count(second)
    assert sum(len(each.subscriptions) for each in cut) == len(created)


@given(st.lists(st.integers(min_value=1, max_value=30), min_size=1, max_size=60))
def test_any_stretchs_end_is_a_place_to_go_on(created: list[int]) -> None:
    """Asking anew for what was created up to there gives all the rest, each once."""
    cut = list(stretches(listed(created, 5), None))
    dice = random.Random(len(created))
    at = dice.randrange(len(cut))
    if cut[at].after is None:
        return
    until = cut[at].after
    rest = [second for second in created if datetime.fromtimestamp(second, UTC) <= until]
    resumed = list(stretches(listed(rest, 5), until))
    seen = [each for stretch in [*cut[: at + 1], *resumed] for each in stretch.subscriptions]
    assert sorted(each["created"] for each in seen) == sorted(created)
    assert resumed[0].until == until


def test_a_stretch_is_as_old_as_its_oldest_page() -> None:
    """What waited for the next page was said before: a sync in between is newer than it."""
    later = NOON.replace(hour=13)
    first = Page(asked_at=NOON, subscriptions=[{"created": 3}, {"created": 2}], has_more=True)
    second = Page(asked_at=later, subscriptions=[{"created": 1}], has_more=False)
    assert [each.asked_at for each in stretches([first, second], None)] == [NOON, NOON]


def test_all_of_a_test_clock_are_listed_and_nobody_else(town: Any) -> None:
    """Account-wide lists leave out clock customers unless their clock is named."""
    ours = {town.buy(town.customer(f"r-{number}")).id for number in range(3)}
    other = town.client.v1.customers.create(
        {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    ).id
    wall = town.buy(other).id

    def ids(test_clock: str, until: datetime | None = None) -> set[str]:
        found = pages(town.client, lambda: NOON, test_clock=test_clock, until=until)
        return {each["id"] for page in found for each in page.subscriptions}

    assert ids(town.clock_id) == ours
    assert ids("") == {wall}
    assert ids(town.clock_id, until=datetime(2026, 1, 1, tzinfo=UTC)) == set()
