"""Loading without marshmallow is loading as marshmallow does, or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields

from service.api import schemas
from service.api.fields import Choice, Id, IpAddress, ReaderId, Text
from service.api.quick import quick_loader

TEXTS = st.sampled_from(
    ["", ".", "..", "...", ".a", "a/b", "é", "\x7f", "a\n", "\ud800", "\ufffd", "a" * 200, "a" * 201, "1.2.3.4",
     "1.2.3", "::1", "fe80::1%eth0", "fe80::1%\n", "fe80::1%" + "a" * 50, "consume", "metered",
     "Mozilla/5.0 (X11)", " ", "~", "a b"]
) | st.text(max_size=6)  # fmt: skip
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=3,
)


class Sample(Schema):
    """Every kind of field that the quick way knows, and some that it does not."""

    text = Text(most=5, load_default="none")
    note = Text(most=9, least=0, lines=True, allow_none=True)
    id = Id(required=True)
    reader = ReaderId(allow_none=True, load_default=None)
    address = IpAddress()
    choice = Choice("consume", "peek", load_default="peek")
    count = fields.Integer(strict=True)
    inner = fields.Nested(schemas.Article)


def _objects(schema: type[Schema]) -> st.SearchStrategy[dict[str, Any]]:
    names = [*schema().fields, "unknown"]
    inner = st.fixed_dictionaries({"id": VALUES}, optional={"access": VALUES, "feature": VALUES, "other": VALUES})
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, VALUES | inner | st.lists(inner, max_size=3)))


@pytest.mark.parametrize(
    "schema", [Sample, schemas.DecisionRequest, schemas.BatchRequest, schemas.Article, schemas.VisitorLink]
)
def test_nothing_is_loaded_differently(schema: type[Schema]) -> None:
    """Claim: whatever the quick way takes, the schema takes too, and makes the same of it."""
    load = quick_loader(schema())

    @settings(max_examples=250, deadline=None)
    @given(_objects(schema))
    def check(value: dict[str, Any]) -> None:
        before = json.dumps(value)
        loaded = load(value)
        if loaded is not None:
            assert loaded == schema().load(value)
        assert json.dumps(value) == before

    check()


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (schemas.DecisionRequest, {"article": {"id": "a-1"}}),
        (
            schemas.DecisionRequest,
            {
                "visitor_id": "v_3xQ-9",
                "mode": "peek",
                "article": {"id": "2026/11/fall", "access": "free", "feature": None},
            },
        ),
        (
            schemas.DecisionRequest,
            {"reader_id": "r-81", "client_ip": "2001:db8::7", "user_agent": "Mozilla/5.0", "article": {"id": "a"}},
        ),
        (schemas.BatchRequest, {"articles": [{"id": "a"}] * 499 + [{"id": "b", "feature": "archives"}]}),
    ],
)
def test_the_usual_is_taken(schema: type[Schema], value: dict[str, Any]) -> None:
    """Claim: the quick way is a way: what sites send all day does not fall through."""
    assert quick_loader(schema())(value) == schema().load(value)


def test_more_articles_than_a_batch_may_have_are_left_to_the_schema() -> None:
    """Claim: what is plain one by one is still counted."""
    assert quick_loader(schemas.BatchRequest())({"articles": [{"id": "a"}] * 501}) is None


def test_what_it_does_not_know_is_left_to_the_schema() -> None:
    """Claim: a field of another kind, or with a further check, is never taken on trust."""

    def refuse(_: str) -> None:
        raise ValidationError("never")

    class Other(Schema):
        even = fields.Integer(strict=True)
        text = Text(most=5, validate=[refuse])

    load = quick_loader(Other())
    assert load({}) == {}
    assert load({"even": 2}) is None
    assert load({"text": "a"}) is None
