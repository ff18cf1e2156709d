"""What surrounds every request: its id, its access line, its duration, and the headers every answer carries."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping

from flask import Flask, Response, g, request

from service import logs, metrics
from service.api.paths import shown

REQUEST_ID = "X-Request-Id"
ALWAYS = {"X-Content-Type-Options": "nosniff"}
UNLESS_SAID = {"Cache-Control": "no-store"}
SLOW_SECONDS = 0.1
"""What a request that usually takes a few milliseconds should never take."""
_SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def surround(app: Flask) -> None:
    """Give every request of the app its envelope."""
    app.before_request(_open)
    app.after_request(_close)
    app.teardown_request(_forget)


def open_envelope(given: str) -> str:
    """Return the request's id, and name it on every log line of this thread until `logs.request_id` is None again.

    The caller's is taken over if it is fit for a header and a log line, else one is made.
    """
    request_id = given if _SANE.fullmatch(given) else _new_id()
    logs.request_id.set(request_id)
    return request_id


def lasting_id() -> tuple[str, dict[str, str]]:
    """Return the request's id for what is kept for good, and, for what can be erased, the one that the caller gave.

    A caller may have put a reader's id into theirs; ours says nothing of anybody.
    """
    return g.lasting_id, {"request_id": g.request_id} if g.request_id_given else {}


def _new_id() -> str:
    # Not a secret, so it needs no bytes from the kernel, which would let go of the interpreter in every request.
    return f"{random.getrandbits(128):032x}"


def tell(
    method: str,
    route: str | None,
    status: int,
    began: float,
    *,
    request_id: str,
    key_id: int | None,
    usual: bool = False,
    also: Mapping[str, str] | None = None,
) -> None:
    """Count one request that began at `began` (of time.perf_counter), and write its access line, with `also` in it.

    A `usual` one, of which there are thousands a second, is a line of `debug`, unless it was slow.
    """
    seconds = time.perf_counter() - began
    metrics.observe_request(method, route, status, seconds)
    level: logs.Level = "debug" if usual and seconds < SLOW_SECONDS else "info"
    if logs.is_told(level):
        known = method if method in metrics.METHODS else metrics.OTHER
        answered = logs.Answered(level, known, route, status, key_id)
        logs.access(answered, duration_ms=round(seconds * 1000, 2), request_id=request_id, also=also)


def _open() -> None:
    g.began = time.perf_counter()
    given = request.headers.get(REQUEST_ID, "")
    g.request_id = open_envelope(given)
    g.request_id_given = g.request_id == given
    g.lasting_id = _new_id() if g.request_id_given else g.request_id


def _close(response: Response) -> Response:
    route = shown(request.url_rule.rule) if request.url_rule else None
    status, key_id = response.status_code, g.get("api_key_id")
    also = g.get("told")
    tell(
        request.method,
        route,
        status,
        g.began,
        request_id=g.request_id,
        key_id=key_id,
        usual=g.get("usual", False),
        also=also,
    )
    response.headers[REQUEST_ID] = g.request_id
    response.headers.update(ALWAYS)
    for name, value in UNLESS_SAID.items():
        response.headers.setdefault(name, value)
    return response


def _forget(_error: BaseException | None) -> None:
    """Unbind the request id, or the server's own lines in this thread would carry it."""
    logs.request_id.set(None)
