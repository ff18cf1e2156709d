"""POST /webhooks/stripe: verify the raw bytes, store, answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response, g, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from webhooks.events import Refusal, StripeEvent
from webhooks.inbox import Inbox, NotStored
from webhooks.signature import Verifier

MAX_BODY_BYTES = 1024 * 1024
_RETRY_AFTER_SECONDS = 5
_log = logging.getLogger(__name__)


def _uncounted(_: str) -> None:
    """Count nothing."""


def webhook_blueprint(
    *,
    verifier: Verifier,
    inbox: Inbox,
    wall_clock: Callable[[], datetime],
    count: Callable[[str], None] = _uncounted,
) -> Blueprint:
    """Return the blueprint of the one endpoint; `count` is told every outcome by a constant word.

    Which event it was stands in `g.told`, for the line that every request leaves in the log.

    200 once the event is stored, whatever it is about; 400 when it is not Stripe's or no event, 413 above 1 MiB, 503
    when it could not be stored, so that Stripe sends it again.
    """
    blueprint = Blueprint("stripe_webhooks", __name__)

    @blueprint.post("/webhooks/stripe")
    def receive() -> Response:
        body = _bounded_body()
        if body is None:
            count("too_large")
            return _problem(413, "too_large", "An event is at most 1 MiB.")
        event = verifier.verify(body, request.headers.get("Stripe-Signature"), wall_clock())
        if isinstance(event, Refusal):
            count(event.code)
            return _refused(event)
        return _stored(inbox, event, count)

    return blueprint


def _bounded_body() -> bytes | None:
    """Return the raw body, or None above 1 MiB."""
    # One byte more than allowed: a chunked body is cut off at Flask's limit without an error.
    request.max_content_length = MAX_BODY_BYTES + 1
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        return None
    return body if len(body) <= MAX_BODY_BYTES else None


def _refused(refusal: Refusal) -> Response:
    _log.warning("webhook.refused", extra={"code": refusal.code.value, "reason": refusal.reason})
    return _problem(400, refusal.code.value, f"Not taken in: {refusal.reason}.")


def _stored(inbox: Inbox, event: StripeEvent, count: Callable[[str], None]) -> Response:
    try:
        outcome = inbox.store(event)
    except NotStored:
        count("not_stored")
        problem = _problem(503, "unavailable", "The event could not be stored; send it again.")
        problem.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
        return problem
    count(outcome)
    g.told = {"event_id": event.id, "event_type": event.type, "outcome": outcome.value}
    return jsonify({"event": event.id, "outcome": outcome.value})


def _problem(status: int, code: str, detail: str) -> Response:
    problem = jsonify({"type": "about:blank", "status": status, "code": code, "detail": detail})
    problem.status_code = status
    problem.mimetype = "application/problem+json"
    return problem
