"""The numbers as support is shown them, for the OpenAPI document; `numbers` builds these values."""

from __future__ import annotations

from marshmallow import Schema, fields

from service.api.fields import Choice
from service.api.shape_fields import instant, many, maybe_text, text
from service.numbers.figures import FigureId


class NumberColumn(Schema):
    name = text("As in each row.")
    label = text("For people.")
    currency = maybe_text("Of a column of money: its values are in this currency's minor unit.")


class NumberFigure(Schema):
    id = Choice(*FigureId, required=True)
    title = text()
    definition = text("What is counted, and how.")
    as_of = instant("Business time; null before the first count.", nullable=True)
    counted_at = instant("Wall time.", nullable=True)
    columns = many(NumberColumn)
    rows = fields.List(
        fields.Dict(keys=fields.String()), required=True, metadata={"description": "By column name; days as dates."}
    )


class NumberList(Schema):
    data = many(NumberFigure)
    next = fields.String(required=True, allow_none=True, metadata={"description": "Always null: there are few."})
