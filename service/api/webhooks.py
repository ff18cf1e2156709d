"""`POST /webhooks/stripe`, as documented here; the intake's own blueprint serves it."""

from __future__ import annotations

from marshmallow import INCLUDE, Schema

from service.api.operations import Open, Operation
from service.api.shape_fields import text


class Event(Schema):
    class Meta:
        unknown = INCLUDE

    id = text("Stripe's event id.")


class Stored(Schema):
    event = text()
    outcome = text("marked, to_route, ignored or duplicate.")


STRIPE_WEBHOOK = Operation(
    method="POST",
    path="/webhooks/stripe",
    name="stripe_webhook",
    tag="For Stripe",
    summary="Take an event in",
    description=(
        "Signed by Stripe, at most 1 MiB. 200 once stored, whether the type is known, the event new, the mode ours, "
        "or not; 400 for a bad or missing signature, or a body that is no event; 503 when it cannot be stored, so "
        "that Stripe sends it again."
    ),
    access=Open.STRIPE_SIGNATURE,
    body_schema=Event,
    answers={200: Stored},
    problems=("invalid_signature", "invalid_event", "unavailable"),
)
