"""The inbox as support is shown it, for the OpenAPI document; `events` builds these values."""

from __future__ import annotations

from marshmallow import Schema, fields

from service.api.fields import Choice
from service.api.shape_fields import flag, instant, many, maybe_text, number, one, text, texts
from service.support.events import Replay
from webhooks.state import EventState


class EventRow(Schema):
    id = text()
    type = text()
    status = Choice(*EventState, required=True)
    story = text("What that means, in a sentence.")
    meaning = text("What such an event means for a reader, or why nothing follows from this one.")
    api_version = maybe_text()
    reason = maybe_text("Why it is without effect, or what failed last.")
    reason_in_words = maybe_text()
    customer_id = maybe_text("Whom it concerns, once known.")
    reader_id = maybe_text("Whose customer that is here.")
    created_at = instant("Stripe's.", nullable=True)
    received_at = instant("Wall time.")
    attempts = number("Failures since the last success: of the customer's sync, or of finding the customer.")
    not_before = instant("Left alone until then, after a failure.", nullable=True)


class EventList(Schema):
    data = many(EventRow)
    next = fields.String(required=True, allow_none=True, metadata={"description": "Hand it back as `cursor`."})


class EventWhole(EventRow):
    livemode = fields.Boolean(required=True, allow_none=True)
    account = maybe_text("A connected account's id.")
    payload = fields.Raw(
        required=True,
        allow_none=True,
        metadata={"description": "As Stripe sent it, secrets and what is somebody's masked; null once erased."},
    )


class ReplayDone(Schema):
    id = text()
    preview = flag("True: nothing has changed.")
    effect = texts()
    outcome = Choice(Replay.RESUMED, required=True, metadata={"description": "It will be tried again at once."})


class ReplaysDone(Schema):
    events = number("That will be tried again, or would be.")
    customers = number("Whom they concern: each is synced once.")
    more = flag("Whether others match that are left for the next time.")
    preview = flag()


class StateCounts(Schema):
    pending = number()
    failed = number()
    quarantined = number()
    ignored = number()


class NewestCounts(StateCounts):
    done = number()


class ErrandBacklog(Schema):
    kind = text("repeated_card: a trial to be ended; warned_charge: a payment to be given back.")
    waiting = number("How many are still to be done.")
    failing = number("How many of them Stripe refuses; they are tried again, less and less often.")
    reason = maybe_text("Why one of those is refused.")
    reason_in_words = maybe_text()


class InboxHealth(Schema):
    as_of = instant("Wall time.")
    behind = flag("Whether the oldest event waits longer than it ever should.")
    oldest_seconds = fields.Float(
        required=True, metadata={"description": "How long the oldest hint has waited; 0 when nothing waits."}
    )
    counts = one(StateCounts)
    counted_to = number("A count of so many stands for that many or more.")
    newest = one(NewestCounts)
    newest_since = instant("When the oldest of those came.", nullable=True)
    last_received_at = instant(nullable=True)
    followed_until = instant("Up to when Stripe's own list was compared with ours.", nullable=True)
    errands = many(ErrandBacklog)
