"""Paths as Flask matches them: where one has an id, and another that is alike has a word, the word is no id.

Else `GET /v1/support/events/replays` would be asked of an event called so, and `Allow` would tell of a GET.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from werkzeug.routing import BaseConverter, Map

_CONVERTER = re.compile("<[^>:]*:")


class Other(BaseConverter):
    """Any one step of a path but these words."""

    def __init__(self, url_map: Map, *words: str) -> None:
        super().__init__(url_map)
        self.regex = f"(?!(?:{'|'.join(map(re.escape, words))})\\Z)[^/]+"


def rule_of(path: str, every: Iterable[str]) -> str:
    """Return the rule for one of `every` path, as OpenAPI writes them (`/v1/readers/{reader_id}`)."""
    steps = path.split("/")
    others = [each.split("/") for each in every if each != path]
    return "/".join(_step(steps, number, others) for number in range(len(steps)))


def _step(steps: list[str], number: int, others: list[list[str]]) -> str:
    step = steps[number]
    if not step.startswith("{"):
        return step
    alike = [each for each in others if len(each) == len(steps)]
    siblings = {each[number] for each in alike if [*each[:number], step, *each[number + 1 :]] == steps}
    words = sorted(each for each in siblings if not each.startswith("{"))
    return f"<other({', '.join(map(repr, words))}):{step[1:-1]}>" if words else f"<{step[1:-1]}>"


@cache
def shown(rule: str) -> str:
    """Return a rule without what is no id there: how logs and people name the route."""
    return _CONVERTER.sub("<", rule)
