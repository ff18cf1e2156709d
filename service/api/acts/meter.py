"""The meter over the API."""

from __future__ import annotations

from marshmallow import fields, validate

from service.api.acts.face import Reasoned, operation, view_of, wish_of
from service.api.operations import Call
from service.domain.bonuses import MOST_ARTICLES
from service.domain.staff_acts import StaffAct
from service.support.acts.act import Wish
from service.support.acts.meter import MoreWish


class ArticlesCreate(Reasoned):
    articles = fields.Integer(
        strict=True,
        required=True,
        validate=validate.Range(1, MOST_ARTICLES),
        metadata={"description": "Beyond the limit, until the reader's present window ends."},
    )


def _more(call: Call) -> MoreWish:
    return MoreWish(articles=call.body["articles"], **wish_of(call))


RESET_METER = operation(
    StaffAct.RESET_METER,
    method="POST",
    path="meter-resets",
    ahead=True,
    summary="Let a reader's free articles be counted from nothing",
    description="In the present window, for the reader and the browsers linked to them.",
    view=view_of(StaffAct.RESET_METER, lambda acts: acts.reset_meter, lambda call: Wish(**wish_of(call))),
    problems=("meter_unavailable", "database_unavailable"),
    example_body={"reason": "the article was opened by a preview"},
)

ADD_ARTICLES = operation(
    StaffAct.ADD_ARTICLES,
    method="POST",
    path="meter-additions",
    makes=True,
    summary="Give a reader more free articles in this window",
    description="On record, so that nothing Redis loses takes them away. They count where the reader is signed in.",
    view=view_of(StaffAct.ADD_ARTICLES, lambda acts: acts.add_articles, _more),
    body_schema=ArticlesCreate,
    problems=("meter_unavailable", "database_unavailable"),
    example_body={"articles": 3, "reason": "the page broke twice"},
)
