"""What the real gate decided, written down and replayed under the terms it decided by: nothing gained, nothing lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from metering.meter import Subject, SubjectKind
from service.access.question import Question
from service.domain.catalog import Catalog
from service.domain.decision import Article
from service.journal.reading import tries
from service.journal.what_if import WhatIf

WHO: Sequence[tuple[str | None, str | None]] = [
    (None, "v-1"), (None, "v-2"), ("r-1", None), ("r-1", "v-1"), ("r-2", "v-3"), (None, "v-3"), ("r-2", None),
]  # fmt: skip
READERS = [Subject(SubjectKind.READER, "r-1"), Subject(SubjectKind.READER, "r-2")]


@pytest.fixture(params=["month", "week", "day", "rolling"])
def offer(request: pytest.FixtureRequest, catalog: Catalog) -> Callable[[random.Random], Catalog]:
    """Makes offers of one kind of window, with other allowances each; their source says nothing of them."""
    days = 3 if request.param == "rolling" else 0

    def make(dice: random.Random) -> Catalog:
        visitor, reader = dice.choice([1, 2, 3]), dice.choice([1, 2, 4])
        meter = replace(catalog.meter, window=request.param, rolling_days=days)
        return replace(catalog, source="{}", meter=replace(meter, limit_visitor=visitor, limit_reader=reader))

    return make


@pytest.mark.parametrize("seed", [10, 15, 30, 44])
def test_lives_with_logins_and_resets_are_replayed_exactly(
    build_parts: Any, engine: Any, redis_url: str, offer: Callable[[random.Random], Catalog], seed: int
) -> None:
    """Claim: pages, teasers, sign-ins that leave no entry and staff's resets are all kept in step with."""
    dice = random.Random(seed)
    catalog = offer(dice)
    parts = build_parts(engine, redis_url, catalog=catalog)
    for _ in range(70):
        parts.clock.advance(timedelta(hours=dice.choice([0, 1, 5, 13, 40])))
        articles = [Article(each) for each in dice.sample("abcdefgh", dice.choice([1, 1, 2, 4]))]
        parts.gate.decide(Question(articles, *dice.choice(WHO), consume=dice.random() < 0.85))
        if dice.random() < 0.08:
            parts.meter.reset(dice.choice(READERS), window=catalog.window_at(parts.clock()))
    parts.journal.close()
    replay = WhatIf(catalog)
    replay.replay(tries(parts.engine, until=parts.clock() + timedelta(days=1)))
    assert sum(day.reads for day in replay.days.values()) > 0
    assert [(day.gained, day.lost) for day in replay.days.values()] == [(0, 0)] * len(replay.days)
