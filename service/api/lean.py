"""A short cut for `POST /v1/decisions`, asked for every page view: past Flask, whose dispatch costs more than Redis.

It takes the ordinary request and nothing else: whatever is unusual in any way goes to Flask, body and all, and is
answered there. Both share the keys, the schema, the view, the problems and the envelope; a test holds their answers
equal, byte by byte.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from werkzeug.http import HTTP_STATUS_CODES

from service import logs
from service.api.auth import authorise
from service.api.body import parsed
from service.api.envelope import ALWAYS, REQUEST_ID, UNLESS_SAID, open_envelope, tell
from service.api.operations import Call, Operation, Reply
from service.api.problems import content_type, reply_to
from service.api.quick import quick_loader
from service.api.services import Services
from service.errors import Problem
from service.store.api_keys import ApiKey, Scope

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


_UNLESS_SAID = tuple(UNLESS_SAID.items())


class LeanPath:
    """A WSGI application before Flask's, for one operation: a plain POST that needs a key and acts in one call."""

    def __init__(self, flask: WSGIApplication, operation: Operation, services: Services) -> None:
        if operation.view is None or operation.body_schema is None or not isinstance(operation.access, Scope):
            raise ValueError(f"{operation.name} is no operation for the short cut")
        if operation.slow or operation.idempotent or operation.audited:
            raise ValueError(f"{operation.name} needs what only the dispatcher does")
        self._flask = flask
        self._path = operation.path
        self._scope = operation.access
        self._view = operation.view
        self._services = services
        self._limit_bytes = operation.body_limit_bytes
        self._load = quick_loader(operation.body_schema())

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        understood = self._understand(environ) if self._is_ordinary(environ) else None
        if understood is None:
            return self._flask(environ, start_response)
        return self._answer(*understood, environ, start_response, began)

    def _is_ordinary(self, environ: WSGIEnvironment) -> bool:
        """Tell whether the head is the site's usual one."""
        return (
            environ["PATH_INFO"] == self._path
            and environ["REQUEST_METHOD"] == "POST"
            and environ.get("CONTENT_TYPE") == "application/json"
            and not environ.get("QUERY_STRING")
            and "HTTP_TRANSFER_ENCODING" not in environ
        )

    def _understand(self, environ: WSGIEnvironment) -> tuple[ApiKey, Call] | None:
        """Return whose request it is and what it asks; None when Flask must have a look, which changes nothing."""
        length = _length(environ)
        if length > self._limit_bytes:
            return None
        try:
            key = authorise(environ.get("HTTP_AUTHORIZATION", ""), self._services.keys, self._scope)
            raw = environ["wsgi.input"].read(length)
            environ["wsgi.input"] = io.BytesIO(raw)  # Flask finds it whole
            value = parsed(raw)
        except (Problem, OSError):
            return None
        whole = len(raw) == length and isinstance(value, dict)
        body = self._load(value) if whole else None
        return None if body is None else (key, Call(path={}, query={}, body=body))

    def _answer(
        self, key: ApiKey, call: Call, environ: WSGIEnvironment, start_response: StartResponse, began: float
    ) -> Iterable[bytes]:
        request_id = open_envelope(environ.get("HTTP_X_REQUEST_ID", ""))
        try:
            reply = self._reply(call, request_id)
            tell("POST", self._path, reply.status, began, request_id=request_id, key_id=key.id, usual=reply.usual)
        finally:
            logs.request_id.set(None)
        body = reply.body.encode()
        start_response(_status_line(reply.status), _headers(reply, len(body), request_id))
        return [body]

    def _reply(self, call: Call, request_id: str) -> Reply:
        try:
            return self._view(self._services, call)
        except Exception as error:  # as Flask does; what it means is decided in one place
            return reply_to(error, request_id)


def _length(environ: WSGIEnvironment) -> int:
    """Return the body's stated length; one that is not stated plainly is beyond any limit."""
    stated = environ.get("CONTENT_LENGTH") or ""
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 10 else sys.maxsize


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    return f"{status} {HTTP_STATUS_CODES[status].upper()}"


def _headers(reply: Reply, length: int, request_id: str) -> list[tuple[str, str]]:
    said = reply.headers
    return [
        ("Content-Type", content_type(reply)),
        ("Content-Length", str(length)),
        *said.items(),
        (REQUEST_ID, request_id),
        *ALWAYS.items(),
        *[each for each in _UNLESS_SAID if each[0] not in said],
    ]
