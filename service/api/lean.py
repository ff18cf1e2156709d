"""A short cut for decisions, asked for every page view: past Flask, whose dispatch costs more than Redis.

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
from typing import TYPE_CHECKING, NamedTuple

from werkzeug.http import HTTP_STATUS_CODES

from service import logs
from service.api.auth import authorise
from service.api.body import parsed
from service.api.envelope import ALWAYS, REQUEST_ID, UNLESS_SAID, open_envelope, tell
from service.api.operations import Call, Operation, Reply, View
from service.api.problems import content_type, reply_to
from service.api.quick import Loader, quick_loader
from service.api.services import Services
from service.store.api_keys import ApiKey, Scope

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


_UNLESS_SAID = tuple(UNLESS_SAID.items())


class _Way(NamedTuple):
    """What the short cut knows of an operation."""

    path: str
    scope: Scope
    view: View
    limit_bytes: int
    load: Loader


class LeanPath:
    """A WSGI application before Flask's, for `operations`: plain POSTs that need a key and act in one call."""

    def __init__(self, flask: WSGIApplication, operations: Iterable[Operation], services: Services) -> None:
        self._flask = flask
        self._ways = {operation.path: _way(operation) for operation in operations}
        self._services = services

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        way = self._ways.get(environ["PATH_INFO"])
        understood = self._understand(way, environ) if way is not None and _is_ordinary(environ) else None
        if way is None or understood is None:
            return self._flask(environ, start_response)
        return self._answer(way, *understood, environ, start_response, began)

    def _understand(self, way: _Way, environ: WSGIEnvironment) -> tuple[ApiKey, Call] | None:
        """Return whose request it is and what it asks; None when Flask must have a look, which changes nothing."""
        length = _length(environ)
        if length > way.limit_bytes:
            return None
        try:
            key = authorise(environ.get("HTTP_AUTHORIZATION", ""), self._services.keys, way.scope)
            raw = environ["wsgi.input"].read(length)
            environ["wsgi.input"] = io.BytesIO(raw)  # Flask finds it whole
            value = parsed(raw)
        except Exception:  # whatever is amiss, Flask meets it too, and says what it is
            return None
        whole = len(raw) == length and isinstance(value, dict)
        body = way.load(value) if whole else None
        return None if body is None else (key, Call(path={}, query={}, body=body))

    def _answer(
        self, way: _Way, key: ApiKey, call: Call, environ: WSGIEnvironment, start_response: StartResponse, began: float
    ) -> Iterable[bytes]:
        request_id = open_envelope(environ.get("HTTP_X_REQUEST_ID", ""))
        try:
            reply = self._reply(way, call, request_id)
            tell("POST", way.path, reply.status, began, request_id=request_id, key_id=key.id, usual=reply.usual)
        finally:
            logs.request_id.set(None)
        body = reply.body.encode()
        start_response(_status_line(reply.status), _headers(reply, len(body), request_id))
        return [body]

    def _reply(self, way: _Way, call: Call, request_id: str) -> Reply:
        try:
            return way.view(self._services, call)
        except Exception as error:  # as Flask does; what it means is decided in one place
            return reply_to(error, request_id)


def _way(operation: Operation) -> _Way:
    """Return the way for an operation; raises ValueError for one that needs more than the short cut does."""
    if operation.view is None or operation.body_schema is None or not isinstance(operation.access, Scope):
        raise ValueError(f"{operation.name} is no operation for the short cut")
    if operation.slow or operation.idempotent or operation.audited:
        raise ValueError(f"{operation.name} needs what only the dispatcher does")
    load = quick_loader(operation.body_schema())
    return _Way(operation.path, operation.access, operation.view, operation.body_limit_bytes, load)


def _is_ordinary(environ: WSGIEnvironment) -> bool:
    """Tell whether the head is the site's usual one."""
    return (
        environ["REQUEST_METHOD"] == "POST"
        and environ.get("CONTENT_TYPE") == "application/json"
        and not environ.get("QUERY_STRING")
        and "HTTP_TRANSFER_ENCODING" not in environ
    )


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
