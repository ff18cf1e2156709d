"""Logs are JSON lines of ids: a canary e-mail address and canary secrets never appear, wherever they are planted."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from service import logs
from service.logs import MASK, configure_logs

EMAIL = "canary.bird+tag@example.com"
SECRETS = (
    "sk_test_canary0123456789",
    "sk_live_" + "canary0123456789",
    "rk_live_canary0123456789",
    "whsec_canary0123456789",
    "nsk_0badcafe_canary-0123_456789",
    "Bearer canary0123456789",
    "postgresql://newsstand:canary0123456789@db/newsstand",
)
CANARIES = (EMAIL, EMAIL.replace("@", "%40"), *SECRETS)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Everything logged so far, parsed; each line must be one JSON object."""
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    configure_logs("info")
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    root.handlers[:], root.level = kept
    structlog.reset_defaults()


def holds_canary(found: list[dict[str, Any]]) -> bool:
    text = json.dumps(found, ensure_ascii=False)
    return "canary" in text


def test_a_line_says_when_how_bad_who_and_what(lines: Any) -> None:
    """A constant event name, ids in fields, UTC, and the request it belongs to."""
    logs.request_id.set("req-1")
    structlog.get_logger("newsstand.access").info("request", status=200, route="/v1/plans", api_key_id=4)
    logs.request_id.set(None)
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "newsstand.access",
        "request_id": "req-1",
        "status": 200,
        "route": "/v1/plans",
        "api_key_id": 4,
    }


@pytest.mark.parametrize("canary", CANARIES)
def test_canaries_in_texts_are_cut_out(lines: Any, canary: str) -> None:
    """In the event, in a value, in a list, in a mapping's key and value."""
    log = structlog.get_logger("newsstand")
    log.info(f"sold to {canary}", note=f"<{canary}>", several=[canary, {canary: canary}], one={"deep": (canary,)})
    assert not holds_canary(lines())
    assert MASK in lines()[0]["event"]


@pytest.mark.parametrize(
    "name",
    ["email", "e_mail", "customer_email", "Authorization", "api_key", "webhook_secret", "cookie", "body", "query"],
)
def test_values_named_like_secrets_are_masked(lines: Any, name: str) -> None:
    """Whatever they hold, and however deep they stand."""
    structlog.get_logger("newsstand").info("stored", **{name: "canary"}, nested={name: {"x": "canary"}})
    assert not holds_canary(lines())
    assert lines()[0][name] == MASK


@pytest.mark.parametrize("canary", [*CANARIES, "canary in no known shape"])
def test_an_exceptions_text_is_never_logged(lines: Any, canary: str) -> None:
    """A driver quotes whole rows in its errors: the class and the places are told, causes included in neither."""

    def fail() -> None:
        try:
            {}[canary]
        except KeyError as cause:
            raise ValueError(canary) from cause

    try:
        fail()
    except ValueError:
        structlog.get_logger("newsstand").exception("sync_failed", customer_id="cus_1")
        logging.getLogger("somebody.else").exception("failed")
    ours, theirs = lines()
    assert not holds_canary([ours, theirs])
    assert ours["exception"] == theirs["exception"] == "ValueError"
    assert "test_logs.py" in ours["at"][0]


def test_the_standard_librarys_logging_takes_the_same_way(lines: Any) -> None:
    """Arguments, extras and all; libraries that log requests with parameters are only heard when they warn."""
    logging.getLogger("webhooks.endpoint").info("webhook.stored %s", EMAIL, extra={"event_id": "evt_1", "email": EMAIL})
    logging.getLogger("stripe").info("Request to Stripe api %s", EMAIL)
    logging.getLogger("urllib3.connectionpool").debug("GET /v1/customers?email=%s", EMAIL)
    logging.getLogger("stripe").warning("retrying for %s", EMAIL)
    first, second = lines()
    assert (first["event"], first["event_id"]) == ("webhook.stored ***", "evt_1")
    assert (second["logger"], second["level"]) == ("stripe", "warning")
    assert not holds_canary([first, second])


def test_what_is_not_json_is_named_not_shown(lines: Any) -> None:
    """An object that strays into a log shows its class, never its contents."""

    class Customer:
        def __repr__(self) -> str:
            return EMAIL

    structlog.get_logger("newsstand").info("odd", customer=Customer())
    assert lines()[0]["customer"] == "Customer"


def test_line_breaks_cannot_forge_a_line(lines: Any) -> None:
    """One event is one line, whatever a text holds."""
    structlog.get_logger("newsstand").info('x\n{"event": "forged"}', value="\r\n\u2028")
    assert len(lines()) == 1


def test_below_the_level_nothing_is_said(lines: Any) -> None:
    """`info` leaves debugging out."""
    structlog.get_logger("newsstand").debug("details")
    logging.getLogger("x").debug("details")
    assert lines() == []
