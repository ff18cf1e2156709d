"""What goes out, for the OpenAPI document; `present` builds these values, and tests hold each against its shape."""

from __future__ import annotations

from marshmallow import INCLUDE, Schema, fields

from service.api.fields import Choice
from service.api.shape_fields import flag, instant, many, maybe, maybe_number, maybe_text, number, one, text, texts
from service.domain.decision import Reason
from service.domain.entitlement import Status
from service.domain.notices import NoticeKind


class Money(Schema):
    amount = number("In the currency's minor unit.")
    currency = text()
    display = text()


class Meter(Schema):
    limit = number()
    used = number("Distinct articles, this one included.")
    remaining = number()
    window = Choice("day", "week", "month", "rolling", required=True)
    resets_at = instant("RFC 3339, in the publication's time zone.")


class Entitlement(Schema):
    plan = maybe_text()
    features = texts()
    until = instant("The end of the trial, or of what is paid for.", nullable=True)
    renews = flag()


class Wall(Schema):
    kind = Choice("register", "subscribe", required=True)
    offers = texts()
    trial_eligible = flag()


class Decision(Schema):
    granted = flag()
    reason = Choice(*Reason, required=True)
    counted = flag("Whether this request used up an article.")
    visitor_id = maybe_text()
    meter = maybe(Meter)
    entitlement = maybe(Entitlement)
    wall = maybe(Wall)
    degraded = Choice(
        "redis",
        "database",
        required=True,
        allow_none=True,
        metadata={"description": "Which part was missing when the answer fell back on the failure policy."},
    )


class Decisions(Schema):
    decisions = many(Decision)


class Feature(Schema):
    id = text()
    label = text()
    badge = maybe_text()


class Saving(Money):
    against = text("The plan this one is compared with.")
    text = maybe_text()


class Plan(Schema):
    id = text()
    label = text()
    badge = maybe_text()
    price = one(Money)
    interval = Choice("month", "year", required=True)
    trial_days = number()
    terms = text()
    features = texts()
    saving = maybe(Saving)


class PlansMeter(Schema):
    headline = text()
    headline_reader = text()
    window = Choice("day", "week", "month", "rolling", required=True)
    rolling_days = maybe_number("How long a rolling window lasts; null for the others.")
    visitor_limit = number()
    reader_limit = number()


class Plans(Schema):
    publication = text()
    version = text("A digest of plans.yaml; changes when the offer does.")
    meter = one(PlansMeter)
    features = many(Feature)
    plans = many(Plan)
    cancel_line = text()


class Trial(Schema):
    eligible = flag()
    days = number()
    reason = text()


class Disclosure(Schema):
    due_today = one(Money)
    first_charge = one(Money)
    first_charge_at = instant()
    renewal = text()
    cancel = text()


class Checkout(Schema):
    id = text()
    url = text("Stripe's page; send the reader there.")
    expires_at = instant()
    trial = one(Trial)
    disclosure = one(Disclosure)


class Subscription(Schema):
    id = text()
    status = text("Stripe's word.")
    plan = maybe_text()
    price = one(Money)
    interval = maybe_text()
    created_at = instant()
    trial_ends_at = instant(nullable=True)
    period_ends_at = instant("At Stripe; while past due this period is not paid yet.", nullable=True)
    cancels_at = instant(nullable=True)
    ended_at = instant(nullable=True)


class Notice(Schema):
    id = text("The same while it is the same thing: send one mail for each.")
    kind = Choice(*NoticeKind, required=True)
    at = instant("When the charge is made, or tried again; null when not by itself.", nullable=True)
    amount = one(Money)
    pay_url = maybe_text("Stripe's page where a payment that is due can be made or confirmed.")


class Reader(Schema):
    reader_id = text()
    status = Choice(*Status, required=True)
    entitlement = maybe(Entitlement)
    subscription = maybe(Subscription)
    meter = maybe(Meter)
    trial_eligible = flag()
    trial_reason = text()
    notices = many(Notice)


class CheckoutOutcome(Schema):
    status = Choice("open", "complete", "expired", required=True)
    reader = one(Reader)


class Portal(Schema):
    url = text("Stripe's page; send the reader there.")


class Link(Schema):
    reader_id = text()
    visitor_id = text()


class Gift(Schema):
    token = text("For the article's address; `gift` of a decision.")
    article = text()
    given_at = instant()
    expires_at = instant()


class GivenGift(Gift):
    per_month = number()
    remaining = number("What the reader may still give in this month.")
    resets_at = instant("RFC 3339, in the publication's time zone.")


class Gifts(Schema):
    per_month = number()
    remaining = number("What the reader may still give in this month.")
    resets_at = instant("RFC 3339, in the publication's time zone.")
    data = many(Gift)


class SignedLink(Schema):
    token = text("For the article's address; `link` of a decision.")
    article = text()
    label = text("Empty for none.")
    expires_at = instant()


class Cancellation(Schema):
    access_until = instant("When what was sold stops opening articles; now, if the subscription ended at once.")
    final = text(
        "For the reader: `no further charge`; while the running period is still to be paid, "
        "`no renewal; $2.90 is still due`; of what was paused at Stripe, `access has ended, no further charge`."
    )
    undo_until = instant()


class ChangeLine(Schema):
    description = text("In Stripe's words.")
    amount = one(Money)


class PlanChange(Schema):
    plan = text()
    preview = flag("Whether nothing has changed yet.")
    quoted_at = instant("As of when it was computed; hand it back to be billed exactly this.")
    due_now = one(Money)
    credit = one(Money)
    renewal = one(Money)
    renews_at = instant()
    lines = many(ChangeLine)


class Part(Schema):
    status = Choice("up", "down", required=True)


class Health(Schema):
    status = Choice("ready", "degraded", "outage", "starting", "draining", required=True)
    degraded = texts()
    parts = fields.Dict(keys=fields.String(), values=fields.Nested(Part), required=True)
    oldest_unprocessed_event_seconds = fields.Float(required=True, allow_none=True)
    stuck_events = fields.Dict(
        keys=fields.String(), values=fields.Integer(), required=True, allow_none=True,
        metadata={
            "description": "Events that wait because something failed, as `failed` (tried again) and `quarantined` "
            "(hardly ever, and without an age); counted up to 10,000. Null while it cannot be known."
        },
    )  # fmt: skip


class Live(Schema):
    status = Choice("live", required=True)


class Document(Schema):
    """OpenAPI 3.1."""

    class Meta:
        unknown = INCLUDE

    openapi = text()
    info = fields.Dict(keys=fields.String(), required=True)
    paths = fields.Dict(keys=fields.String(), required=True)


class Problem(Schema):
    """RFC 9457."""

    type = text()
    title = fields.String()
    status = number()
    detail = text()
    code = text("Stable; the documentation page lists them.")
    errors = fields.Dict(keys=fields.String(), metadata={"description": "By field, what is wrong with it."})
