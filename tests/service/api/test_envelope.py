"""Every answer carries a request id; every request leaves one access line without personal data."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from service.logs import configure_logs, request_log

EMAIL = "canary.bird@example.com"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Everything logged so far, parsed."""
    request_log.flush()
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    configure_logs("info")

    def logged() -> list[dict[str, Any]]:
        request_log.flush()
        return [json.loads(line) for line in out.getvalue().splitlines()]

    yield logged
    root.handlers[:], root.level = kept
    structlog.reset_defaults()


@pytest.mark.parametrize("path", ["/v1/plans", "/nowhere", "/health/live", "/docs", "/metrics"])
def test_every_answer_carries_a_request_id(api: Any, path: str) -> None:
    """A fresh one each time, whatever becomes of the request; and no answer may be sniffed."""
    first, second = (api.call("GET", path) for _ in range(2))
    assert re.fullmatch("[0-9a-f]{32}", first.headers["X-Request-Id"])
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    assert first.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("req-1", True), ("A" * 128, True), ("A" * 129, False), ("a b", False), (EMAIL, False), ("é", False), ("", False)],
)
def test_a_sane_request_id_is_taken_over(api: Any, given: str, kept: bool) -> None:
    """So that the site finds its own request in our logs; anything else is replaced."""
    answer = api.call("GET", "/v1/plans", headers={"X-Request-Id": given})
    assert (answer.headers["X-Request-Id"] == given) is kept


def test_one_line_per_request_with_ids_alone(api: Any, lines: Any) -> None:
    """The route's template, not the path; no query; the key's id, not the key."""
    api.call("GET", "/v1/readers/r-81?x=canary", headers={"X-Request-Id": "req-1"})
    (line,) = lines()
    assert line.pop("duration_ms") >= 0
    line.pop("timestamp")
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "newsstand.access",
        "request_id": "req-1",
        "method": "GET",
        "route": "/v1/readers/<reader_id>",
        "status": 422,
        "api_key_id": 6,
    }


def test_canaries_in_requests_never_reach_a_log(api: Any, lines: Any, checkout_body: dict[str, str]) -> None:
    """Planted in bodies, paths, queries, headers and keys, in requests that succeed, are refused, and crash."""
    api.call("POST", "/v1/checkouts", json=checkout_body | {"email": EMAIL})
    api.call("POST", "/v1/checkouts", json=checkout_body | {"email": EMAIL, EMAIL: EMAIL})
    api.call("POST", "/v1/decisions", json={"reader_id": EMAIL, "article": {"id": "a"}})
    api.call("GET", f"/v1/readers/{EMAIL}")
    api.call("GET", f"/{EMAIL}?q={EMAIL}", headers={"Referer": EMAIL, "User-Agent": EMAIL, "Cookie": EMAIL})
    api.call("GET", f"/v1/support/accounts?q={EMAIL}", key="support:read-key")
    api.call("GET", "/v1/plans", key="nsk_canary")
    api.call("POST", "/webhooks/stripe", data=f'{{"email":"{EMAIL}"}}', headers={"Stripe-Signature": "t=1,v1=canary"})
    api.checkouts.failure = RuntimeError(f"cannot sell to {EMAIL} with sk_live_canary")
    crashed = api.call("POST", "/v1/checkouts", json=checkout_body | {"email": EMAIL})
    assert crashed.status_code == 500
    assert "canary" not in json.dumps(lines())
    assert "canary" not in crashed.get_data(as_text=True)


def test_the_unexpected_is_a_problem_with_an_id(api: Any, lines: Any, checkout_body: dict[str, str]) -> None:
    """The caller gets the id alone; the log has the class, the places, and the same id."""
    api.checkouts.failure = ZeroDivisionError("secret detail")
    answer = api.call("POST", "/v1/checkouts", json=checkout_body, headers={"X-Request-Id": "req-9"})
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert answer.json["code"] == "internal"
    assert "req-9" in answer.json["detail"]
    access, told = sorted(lines(), key=lambda line: str(line["event"]))
    assert (told["event"], told["exception"], told["request_id"]) == ("unexpected_error", "ZeroDivisionError", "req-9")
    assert (access["event"], access["status"]) == ("request", 500)


def test_a_request_leaves_nothing_to_the_next(api: Any, lines: Any) -> None:
    """The request id bound for logging is the request's own, also in a thread that serves many, and ends with it."""
    api.call("GET", "/v1/plans", headers={"X-Request-Id": "req-1"})
    api.call("GET", "/v1/plans", headers={"X-Request-Id": "req-2"})
    logging.getLogger("gunicorn.error").warning("between requests")
    named = sorted((line["event"], line.get("request_id")) for line in lines())
    assert named == [("between requests", None), ("request", "req-1"), ("request", "req-2")]
