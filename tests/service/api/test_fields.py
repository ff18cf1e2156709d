"""A batch's short way lets through what the long way does, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields

from service.api.fields import Articles, article_in
from service.api.schemas import Article

nasty = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.sampled_from(["a", "é", "", "a\n", "x" * 201]),
    st.sampled_from(["metered", "free", "subscribers", "Free", "archives", "\ud800"]), st.just(["free"]),
)  # fmt: skip
articles = st.dictionaries(st.sampled_from(["id", "access", "feature", "more"]), nasty, max_size=4)


class LongWay(Schema):
    articles = fields.List(fields.Nested(Article), required=True)


class ShortWay(Schema):
    articles = Articles(Article, most=500, required=True)


def outcome(schema: Schema, value: Any) -> Any:
    try:
        return schema.load({"articles": value})
    except ValidationError as refusal:
        return refusal.messages


@given(st.one_of(nasty, st.lists(st.one_of(articles, nasty), max_size=3)))
@example([{"id": "a-1"}, {"id": "b", "access": "free", "feature": "archives"}])
@example([{"id": "a", "feature": None, "access": None}])
def test_both_ways_agree(value: Any) -> None:
    """Claim: what is loaded, and what is said of what is refused, does not depend on the way taken."""
    long = outcome(LongWay(), value)
    if value and type(long.get("articles")) is list and all(type(each) is dict for each in long["articles"]):
        long = {"articles": [article_in(each) for each in long["articles"]]}
    assert outcome(ShortWay(), value) == long


@pytest.mark.parametrize("article", [{"id": "a" * 200}, {"id": "a", "access": "free"}, {"id": "a", "feature": "x_1"}])
def test_plain_articles_take_the_short_way(article: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Claim: an ordinary article does not meet marshmallow at all."""
    monkeypatch.setattr(fields.List, "_deserialize", lambda *_, **__: pytest.fail("the long way"))
    loaded = outcome(ShortWay(), [article])["articles"]
    assert loaded == [article_in({"access": "metered", "feature": None} | article)]
