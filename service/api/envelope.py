"""What surrounds every request: its id, its access line, its duration, and the headers every answer carries."""

from __future__ import annotations

import re
import secrets
import time

import structlog
from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from service import metrics

REQUEST_ID = "X-Request-Id"
_SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_log = structlog.get_logger("newsstand.access")


def surround(app: Flask) -> None:
    """Give every request of the app its envelope."""
    app.before_request(_open)
    app.after_request(_close)
    app.teardown_request(_forget)


def _open() -> None:
    """Take over the caller's request id if it is fit for a header and a log line, else make one."""
    given = request.headers.get(REQUEST_ID, "")
    g.request_id = given if _SANE.fullmatch(given) else secrets.token_hex(16)
    g.began = time.perf_counter()
    clear_contextvars()
    bind_contextvars(request_id=g.request_id)


def _close(response: Response) -> Response:
    seconds = time.perf_counter() - g.began
    route = request.url_rule.rule if request.url_rule else None
    metrics.observe_request(request.method, route, response.status_code, seconds)
    _log.info(
        "request",
        method=request.method if request.method in metrics.METHODS else metrics.OTHER,
        route=route,
        status=response.status_code,
        duration_ms=round(seconds * 1000, 2),
        api_key_id=g.get("api_key_id"),
    )
    response.headers[REQUEST_ID] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _forget(_error: BaseException | None) -> None:
    """Unbind the request id, or the server's own lines in this thread would carry it."""
    clear_contextvars()
