"""Every error as application/problem+json (RFC 9457), and none with more than the caller may know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import stripe
import structlog
from flask import Flask, Response, g
from marshmallow import ValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from service.api.operations import Reply
from service.errors import InvalidRequest, Problem, StripeUnavailable, Unavailable

MEDIA_TYPE = "application/problem+json"

CODES: dict[str, tuple[int, str]] = {
    "malformed_request": (400, "The request is not HTTP as this service understands it."),
    "invalid_signature": (400, "Stripe's signature is missing, wrong or stale."),
    "invalid_event": (400, "The signed body is no event."),
    "malformed_json": (400, "The body is not JSON in UTF-8."),
    "missing_key": (401, "No API key was given."),
    "unknown_key": (401, "The API key is not known, or was revoked."),
    "payment_failed": (402, "The card was refused; nothing has changed."),
    "authentication_required": (402, "The bank asks for the cardholder; the portal takes the card anew, or another."),
    "insufficient_scope": (403, "The API key lacks the scope this route needs."),
    "not_found": (404, "There is no such thing here."),
    "no_event": (404, "There is no stored event of this id."),
    "no_account": (404, "There is no account of this reader."),
    "no_checkout": (404, "There is no such checkout."),
    "no_invoice": (404, "There is no such invoice of this reader."),
    "no_hold": (404, "There is no such hold of this reader."),
    "no_grant": (404, "There is no such grant of this reader."),
    "no_customer": (404, "The reader has never subscribed."),
    "no_subscription": (404, "The reader has no running subscription."),
    "not_cancelled": (404, "Nothing is cancelled."),
    "method_not_allowed": (405, "The route does not take this method."),
    "conflict": (409, "The request contradicts the present state."),
    "already_subscribed": (409, "The reader already has a subscription."),
    "same_plan": (409, "The reader has this plan already."),
    "subscription_ending": (409, "The subscription is cancelled; undo that first."),
    "subscription_paused": (409, "The subscription is paused at Stripe; it must be resumed first."),
    "payment_processing": (409, "A payment is under way, as a bank debit is for days; ask again when it has arrived."),
    "payment_outstanding": (
        409,
        "A payment is outstanding: for the portal, or just after a renewal for an hour's wait.",
    ),
    "no_entitlement": (409, "Only a reader who has access may do this."),
    "no_gifts_left": (409, "All gifts of this month are given."),
    "gifts_off": (409, "`plans.yaml` offers no gifts."),
    "hold_closes_nothing": (409, "The hold closes nothing."),
    "hold_not_releasable": (409, "A dispute that was lost cannot be released; give courtesy access instead."),
    "both_subscribed": (409, "Both accounts have a running subscription; end one first."),
    "checkout_open": (409, "A checkout of one of the accounts is open and may still be paid."),
    "customer_held": (409, "Something stands against a payment of the customer that would be left behind."),
    "grant_over": (409, "The grant is over already."),
    "access_held": (409, "The last payment is disputed or refunded."),
    "event_without_effect": (409, "The event has no effect here, however often it is replayed."),
    "subscription_running": (409, "A subscription is running; cancel it at once first."),
    "work_under_way": (409, "A payment is just being given back, or a checkout is open; try again in a minute."),
    "account_merged": (409, "The account was made one with another; erase that one, and both are gone."),
    "checkout_closed": (409, "The checkout was closed meanwhile; ask again."),
    "request_in_flight": (409, "A request with this Idempotency-Key is still being worked on."),
    "body_too_large": (413, "The body is larger than this route takes."),
    "too_large": (413, "The event is larger than 1 MiB."),
    "unsupported_media_type": (415, "The body must be application/json."),
    "invalid_request": (422, "The request has fields at fault; `errors` names them."),
    "same_account": (422, "An account cannot be merged with itself."),
    "unknown_plan": (422, "No plan of that id is on sale."),
    "quote_expired": (422, "The preview is too old; ask for a new one."),
    "nothing_to_refund": (422, "Nothing of this invoice can be given back."),
    "refund_too_large": (422, "More than is left of this payment."),
    "idempotency_key_reused": (422, "The Idempotency-Key was used for another request."),
    "internal": (500, "A fault of ours; the request id finds it in the logs."),
    "stripe_refused": (502, "Stripe refused what we asked; the request id finds why in the logs."),
    "unavailable": (503, "A part this route needs does not answer; try again."),
    "busy": (503, "This process has as many slow calls under way as it allows; try again."),
    "database_unavailable": (503, "The database does not answer; try again."),
    "erasure_incomplete": (503, "Redis does not answer; erase the reader again."),
    "link_unavailable": (503, "The link cannot be recorded now; try again."),
    "meter_unavailable": (503, "Redis does not answer, so the meter cannot be changed; try again."),
    "offer_not_applied": (503, "The plan is not on sale at Stripe yet: run `newsstand plans apply`."),
    "sync_pending": (503, "It is recorded at Stripe, and will show here within a minute."),
    "stripe_unavailable": (503, "Stripe does not answer; try again with the same Idempotency-Key."),
}
"""Every code this layer answers, with its status and what it means; use cases may raise more specific ones."""

_HTTP_CODES = {
    400: "malformed_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}
_KEPT_HEADERS = ("Allow", "Retry-After")
_log = structlog.get_logger("newsstand.api")


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return the problem as an answer; `type` leads to its entry on the documentation page."""
    value = {"type": f"/docs#{code}", "title": HTTPStatus(status).phrase, "status": status}
    value |= {"detail": detail, "code": code} | ({"errors": errors} if errors else {})
    return Reply(status=status, body=json.dumps(value), media_type=MEDIA_TYPE, headers=dict(headers or {}))


def describe(error: Exception) -> Reply | None:
    """Return the answer to an error that is understood, or None."""
    if isinstance(error, Problem):
        return problem(error.status, error.code, error.detail, errors=error.errors, headers=error.headers)
    if isinstance(error, ValidationError):
        return describe(invalid(error))
    if isinstance(error, StripeUnavailable):
        return describe(Unavailable("Stripe does not answer; try again.", code="stripe_unavailable"))
    if isinstance(error, stripe.StripeError):
        return _describe_stripe(error)
    if _is_database_down(error):
        return describe(Unavailable("The database does not answer; try again.", code="database_unavailable"))
    return _describe_http(error) if isinstance(error, HTTPException) else None


def invalid(error: ValidationError) -> InvalidRequest:
    """Return marshmallow's complaint as a problem that names the fields."""
    errors = error.normalized_messages()  # type: ignore[no-untyped-call]
    return InvalidRequest("The request has fields at fault.", errors=errors)


def reply_to(error: Exception, request_id: str) -> Reply:
    """Return the answer to any error; the unexpected is logged by its class and place, never its text."""
    return describe(error) or _unexpected(error, request_id)


def handle_everything(app: Flask) -> None:
    """Make every error of the app a problem."""

    def handle(error: Exception) -> Response:
        return as_response(reply_to(error, g.get("request_id", "unknown")))

    app.register_error_handler(Exception, handle)


def as_response(reply: Reply) -> Response:
    """Return the answer as Flask's response; what it is to the log goes along in `g`."""
    g.usual = reply.usual
    response = Response(
        reply.body if reply.stream is None else reply.stream, status=reply.status, content_type=content_type(reply)
    )
    response.headers.update(reply.headers)
    return response


def content_type(reply: Reply) -> str:
    """Return the header's value."""
    return f"{reply.media_type}; charset=utf-8" if reply.media_type.startswith("text/") else reply.media_type


def _describe_stripe(error: stripe.StripeError) -> Reply:
    """Return the answer to a refusal that repeating won't change; one of them is the caller's to mend."""
    _log.error("stripe_refused", code=error.code, http_status=error.http_status, stripe_request=error.request_id)
    if error.code == "email_invalid":
        return problem(422, "invalid_request", "Stripe refuses the address.", errors={"email": ["Not an address."]})
    return problem(502, "stripe_refused", CODES["stripe_refused"][1])


def _describe_http(error: HTTPException) -> Reply | None:
    status = error.code or 500
    if status >= 500 or status < 400:
        return None
    kept = {name: value for name, value in error.get_headers() if name in _KEPT_HEADERS}
    code = _HTTP_CODES.get(status, "malformed_request")
    return problem(status, code, CODES[code][1], headers=kept)


def _is_database_down(error: Exception) -> bool:
    """Tell whether PostgreSQL could not be asked, rather than answered that we asked wrongly."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _unexpected(error: Exception, request_id: str) -> Reply:
    _log.error("unexpected_error", exception=type(error).__name__, exc_info=error)
    return problem(500, "internal", f"A fault of ours. Its request id is {request_id}.")
