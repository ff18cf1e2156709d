"""Which error becomes which answer."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import stripe
from marshmallow import ValidationError
from sqlalchemy.exc import DataError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import BadRequest, MethodNotAllowed
from werkzeug.routing import RequestRedirect

import service
from service.api.problems import CODES, describe
from service.errors import Conflict, InvalidRequest, NotFound, Problem, StripeUnavailable, Unavailable

DOWN = Exception("down")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Problem("x"), 500, "internal"),
        (NotFound("x"), 404, "not_found"),
        (Conflict("x", code="already_subscribed"), 409, "already_subscribed"),
        (InvalidRequest("x", status=400), 400, "invalid_request"),
        (Unavailable("x"), 503, "unavailable"),
        (StripeUnavailable("x"), 503, "stripe_unavailable"),
        (OperationalError("select", {}, DOWN), 503, "database_unavailable"),
        (InterfaceError("select", {}, DOWN), 503, "database_unavailable"),
        (PoolTimeout(), 503, "database_unavailable"),
        (DataError("select", {}, DOWN, connection_invalidated=True), 503, "database_unavailable"),
        (ValidationError({"plan": ["No."]}), 422, "invalid_request"),
        (BadRequest(), 400, "malformed_request"),
        (stripe.InvalidRequestError("x", "email", code="email_invalid", http_status=400), 422, "invalid_request"),
        (stripe.InvalidRequestError("x", "price", http_status=400), 502, "stripe_refused"),
        (stripe.AuthenticationError("x", http_status=401), 502, "stripe_refused"),
    ],
)
def test_an_understood_error_has_its_answer(error: Exception, status: int, code: str) -> None:
    """Status and code of each; 503s say when to come back."""
    reply = describe(error)
    assert reply is not None
    problem = json.loads(reply.body)
    assert (reply.status, problem["status"], problem["code"]) == (status, status, code)
    assert ("Retry-After" in reply.headers) is (status == 503)


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), ProgrammingError("select", {}, DOWN), DataError("select", {}, DOWN), RequestRedirect("/x")],
)
def test_what_is_not_understood_is_ours(error: Exception) -> None:
    """A statement that PostgreSQL calls wrong is a fault of ours, not an outage."""
    assert describe(error) is None


def test_a_method_that_is_not_allowed_names_those_that_are() -> None:
    """RFC 9110 §15.5.6."""
    reply = describe(MethodNotAllowed(["GET", "HEAD"]))
    assert reply is not None
    assert reply.headers == {"Allow": "GET, HEAD"}


def test_stripes_words_do_not_reach_the_caller() -> None:
    """They may quote what another reader or our account is."""
    reply = describe(stripe.InvalidRequestError("No such customer: canary", "customer", http_status=404))
    assert reply is not None
    assert "canary" not in reply.body


def test_codes_are_stable_words() -> None:
    """Lower case with underscores, each with a 4xx or 5xx status and a sentence."""
    for code, (status, meaning) in CODES.items():
        assert code.replace("_", "").isalpha()
        assert code == code.lower()
        assert 400 <= status < 600
        assert meaning.endswith(".")


def test_every_code_that_is_raised_is_documented() -> None:
    """A use case's own code has its entry on the documentation page, where `type` leads."""
    sources = (Path(service.__file__).parent).rglob("*.py")
    raised = {code for path in sources for code in re.findall(r'\bcode="([a-z_]+)"', path.read_text())}
    assert raised - {"email_invalid"} <= set(CODES)
