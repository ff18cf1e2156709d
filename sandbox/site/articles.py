"""The newspaper's own articles, one file each in texts/. Every person, place and event in them is invented."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

TEXTS = Path(__file__).with_name("texts")


@dataclass(frozen=True, kw_only=True)
class Article:
    """One article. `access` and `feature` are what the service is asked with; `paragraphs` is what a wall withholds."""

    id: str
    place: int
    kicker: str
    title: str
    standfirst: str
    author: str
    days_ago: int
    access: Literal["metered", "free", "subscribers"]
    feature: str | None
    paragraphs: tuple[str, ...]

    def published_at(self, now: datetime) -> datetime:
        """Return the day it was printed: the newspaper is always today's, wherever the clock stands."""
        return now - timedelta(days=self.days_ago)


def load_articles(folder: Path = TEXTS) -> Mapping[str, Article]:
    """Return every article by its id, in the order of the front page."""
    found = [_article(path.stem, tomllib.loads(path.read_text())) for path in folder.glob("*.toml")]
    return {each.id: each for each in sorted(found, key=lambda each: each.place)}


def _article(article_id: str, facts: dict[str, Any]) -> Article:
    paragraphs = tuple(each.strip() for each in facts.pop("body").split("\n\n"))
    return Article(**{"id": article_id, "access": "metered", "feature": None, "paragraphs": paragraphs} | facts)
