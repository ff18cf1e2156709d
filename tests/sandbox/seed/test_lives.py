"""A year made up beforehand: the same for the same seed, and with something of everything in it."""

from __future__ import annotations

import re

import pytest

from sandbox.seed.articles import articles, chosen
from sandbox.seed.deeds import Deeds
from sandbox.seed.lives import LIVES, Act, Deed, year
from sandbox.seed.names import readers
from sandbox.seed.playing import STRIDE_DAYS, strides
from sandbox.standin.cards import by_number

EXAMPLES = re.compile(r"[a-z.]+\d*@(example\.(com|org|net)|[a-z]+\.example)")
"""Domains that RFC 2606 keeps for examples: mail to them reaches nobody."""


def test_the_same_seed_makes_the_same_year() -> None:
    """And another one another."""
    assert year(40, 90, 7) == year(40, 90, 7)
    assert year(40, 90, 7) != year(40, 90, 8)
    assert readers(40, 7) == readers(40, 7)
    assert readers(10, 7) == readers(40, 7)[:10]


def test_five_hundred_readers_do_everything() -> None:
    """Every deed is done by somebody within the year, all of them by readers that there are, and within it."""
    acts = year(500, 360, 7)
    assert {act.deed for act in acts} == set(Deed)
    assert {act.reader for act in acts} == set(range(500))
    assert all(0 <= act.day < 360 for act in acts)
    assert acts == sorted(acts)
    assert all(hasattr(Deeds, f"_{deed}") for deed in Deed)
    assert sum(weight for weight, _ in LIVES) == 100


def test_everybody_meets_the_wall_before_they_subscribe() -> None:
    """So that walls lead somewhere."""
    acts = year(200, 360, 7)
    for number in range(200):
        own = [act for act in acts if act.reader == number]
        first = next((act for act in own if act.deed in {Deed.SUBSCRIBE, Deed.ABANDON}), None)
        if first is not None:
            assert any(act.deed is Deed.VISIT and act.day == first.day for act in own[: own.index(first)])


def test_nobody_real_can_be_among_them() -> None:
    """Addresses and ids are each one's own, at domains that nobody can have; cards pay, and are known to nobody."""
    everybody = readers(2_000, 7)
    assert all(EXAMPLES.fullmatch(each.email) for each in everybody)
    for own in ("reader_id", "visitor_id", "email", "card"):
        assert len({getattr(each, own) for each in everybody}) == 2_000
    cards = [by_number(each.card) for each in everybody[:50]]
    assert all(card is not None and card.behaviour == "pays" for card in cards)


def test_what_is_read_is_in_the_newspaper() -> None:
    """Some articles are read much more than others; none twice in the list."""
    import random

    known = [each["id"] for each in articles()]
    assert len(known) == len(set(known))
    read = [each["id"] for _ in range(500) for each in chosen(random.Random(1), 4)]
    assert set(read) <= set(known)


@pytest.mark.parametrize("days", [1, 7, 30])
def test_strides_hold_every_act_once(days: int) -> None:
    """Each reader's in their order, whatever is left of the last stride."""
    acts = year(30, days, 7)
    played: list[Act] = []
    for first, groups in strides(acts, days):
        for own in groups:
            assert own == sorted(own)
            assert {act.reader for act in own} == {own[0].reader}
            assert all(first <= act.day < first + STRIDE_DAYS for act in own)
            played += own
    assert sorted(played) == acts
