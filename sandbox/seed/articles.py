"""What there is to read: the demo newspaper's own articles, and others that only their ids tell of."""

from __future__ import annotations

import random
from typing import Any

from sandbox.site.articles import load_articles

_OTHERS = (
    "who-owns-the-riverbank", "a-school-of-one-hundred-languages", "the-price-of-a-quiet-street", "rain-by-appointment",
    "the-mayor-s-second-desk", "what-the-bees-told-the-insurers", "a-short-history-of-the-long-queue",
    "the-night-shift-votes", "salt-in-the-wells", "the-bridge-that-was-measured-twice", "an-orchard-on-the-ring-road",
    "the-last-switchboard", "why-the-clock-tower-is-late", "a-union-for-ghostwriters", "the-museum-of-small-change",
    "fishing-rights-and-wrongs", "the-tram-that-kept-its-name", "how-a-village-bought-its-hill",
    "the-cartographer-s-mistake", "two-winters-without-ice",
)  # fmt: skip


def articles() -> list[dict[str, Any]]:
    """Return every article as a decision names it, the most read first."""
    own = [
        {"id": each.id, "access": each.access} | ({"feature": each.feature} if each.feature else {})
        for each in load_articles().values()
        if each.access != "free"
    ]
    return own + [{"id": each, "access": "metered"} for each in _OTHERS]


def chosen(dice: random.Random, most: int) -> list[dict[str, Any]]:
    """Return one to `most` articles that somebody reads one after the other; some are read by many."""
    known = articles()
    weights = [1 / (place + 1) for place in range(len(known))]
    return [dice.choices(known, weights)[0] for _ in range(dice.randrange(1, most + 1))]
