"""A reader's story as support is shown it, for the OpenAPI document; `timeline` and `explain` build these values."""

from __future__ import annotations

from marshmallow import Schema, fields

from service.api.fields import Choice
from service.api.shape_fields import flag, instant, many, maybe, maybe_text, number, one, text
from service.api.shapes import Entitlement, Meter, Wall
from service.domain.decision import Access, Reason
from service.support.story.timeline import Kind, Source


class MomentSource(Schema):
    kept_in = Choice(*Source, required=True)
    id = text(
        "Of the row there: an event's id, an audit entry's number, an entitlement's version, a notice's id, the "
        "journal's number."
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


class ExplainedArticle(Schema):
    id = text()
    access = Choice(*Access, required=True)
    feature = maybe_text()


class ExplainedDecision(Schema):
    granted = flag()
    reason = Choice(*Reason, required=True)
    rule = text("The rule that decided, in a sentence.")
    counted = flag()
    meter = maybe(Meter)
    entitlement = maybe(Entitlement)
    wall = maybe(Wall)
    degraded = maybe_text("Which part was missing: redis, database.")
    decided_at = instant()


class Again(Schema):
    same = fields.Boolean(
        required=True, allow_none=True, metadata={"description": "null: it can't be decided again, and `says` why."}
    )
    says = text()


class DecisionThen(ExplainedDecision):
    again = one(Again)
    turned_out_paid = flag("A later look at Stripe showed that this refusal had been paid for.")
    consume = flag("false for a peek.")
    catalog_version = text("Of plans.yaml.")


class Input(Schema):
    name = text("Stable.")
    label = text("For people.")
    then = maybe_text("In words; null where nothing is known of then.")
    now = maybe_text()
    differs = flag()


class RecordedVersion(Schema):
    version = number()
    entitlement = fields.Dict(keys=fields.String(), required=True)
    cause = text("What made it be computed.")
    as_of = instant("Business time.")
    recorded_at = instant("Wall time.")


class Remembered(Schema):
    article = text()
    at = instant()
    granted = flag()
    reason = Choice(*Reason, required=True)
    visitor_id = maybe_text("The browser, where nobody was signed in.")


class Explanation(Schema):
    reader_id = maybe_text("Of a browser, whose it is.")
    visitor_id = maybe_text()
    article = one(ExplainedArticle)
    moment = instant("The one explained.")
    verdict = text("How now differs from then, for people.")
    then = maybe(DecisionThen)
    missing = maybe_text("Why there is nothing of then.")
    now = one(ExplainedDecision)
    inputs = many(Input)
    version = maybe(RecordedVersion)
    reads = many(Remembered)
    around = many(Remembered)
