"""A decision's key and its answer share one deadline: the site waits for the request, not for its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from service.api.operations import Operation

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class OneDeadline:
    """A WSGI application around all the others, which opens `one_decision` around the requests for `operations`."""

    def __init__(
        self,
        inner: WSGIApplication,
        operations: Iterable[Operation],
        one_decision: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._inner = inner
        self._paths = frozenset(operation.path for operation in operations)
        self._one_decision = one_decision

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] not in self._paths:
            return self._inner(environ, start_response)
        with self._one_decision():
            return self._inner(environ, start_response)
