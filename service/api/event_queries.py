"""What is asked of the inbox, for the API and the console alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from service.api.acts.face import MaybeReasoned
from service.api.cursors import event_place
from service.api.fields import Choice, Flag, Id, Text
from service.api.schemas import PageQuery
from service.store.event_search import EventQuery
from service.support.events import STUCK
from webhooks.state import EventState


class EventPath(Schema):
    event_id = Id(required=True, metadata={"description": "Stripe's id of the event."})


class EventFilter(Schema):
    status = Choice(*EventState, metadata={"description": "What became of them."})
    type = Text(most=255, metadata={"description": "Stripe's, such as `invoice.payment_failed`, whole."})
    customer = Id(metadata={"description": "Whom they concern, by Stripe's id."})
    cause = Text(most=255, metadata={"description": "The `reason` they are stuck or without effect for, whole."})


class EventsQuery(EventFilter, PageQuery):
    pass


class ReplayCreate(MaybeReasoned):
    pass


class ReplaysCreate(EventFilter):
    status = Choice(*STUCK, required=True, metadata={"description": "What they are stuck in."})
    reason = Text(most=500, required=True, metadata={"description": "For colleagues."})
    until = fields.AwareDateTime(
        format="iso", allow_none=True, load_default=None, metadata={"description": "Leaves out what came later."}
    )
    preview = Flag(load_default=False, metadata={"description": "Only tell how many; replay nothing."})


def event_query(asked: Mapping[str, Any]) -> EventQuery:
    """Return the query that one of the schemas above has let in; raises ValidationError for another list's cursor."""
    return EventQuery(
        state=EventState(asked["status"]) if asked.get("status") else None,
        type=asked.get("type"),
        customer_id=asked.get("customer"),
        reason=asked.get("cause"),
        until=asked.get("until"),
        after=event_place(asked.get("cursor")),
    )
