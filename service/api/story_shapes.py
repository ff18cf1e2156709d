"""A reader's story as support is shown it, for the OpenAPI document; `timeline` and `explain` build these values."""

from __future__ import annotations

from marshmallow import Schema, fields

from service.api.fields import Choice
from service.api.shape_fields import instant, many, maybe_text, one, text
from service.support.story.timeline import Kind, Source


class MomentSource(Schema):
    kept_in = Choice(*Source, required=True)
    id = text(
        "Of the row there: an event's id, an audit entry's number, an entitlement's version, the journal's number."
    )
    about = maybe_text("Stripe's id of what an event is about.")


class Moment(Schema):
    kind = Choice(*Kind, required=True)
    at = instant("When it happened: business time, but wall time for what staff did.")
    recorded_at = instant("When it was written down here (wall time), which orders the list.")
    says = text("What happened, for people.")
    why = maybe_text("Of an event what became of it here; of an act the reason given.")
    by = maybe_text("Of an act, who.")
    article = maybe_text("Of a wall or a read.")
    visitor_id = maybe_text("The browser, where nobody was signed in.")
    source = one(MomentSource)


class Timeline(Schema):
    data = many(Moment)
    next = fields.String(required=True, allow_none=True, metadata={"description": "Hand it back as `cursor`."})
