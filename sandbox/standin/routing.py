"""Which function answers which /v1 address, and which parameters it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.forms import Spec, integer, list_of, text
from sandbox.standin.store import Json

Params = dict[str, Any]
Handler = Callable[..., Any]

EXPAND: Spec = {"expand": list_of(text)}
PAGE: Spec = {"limit": integer, "starting_after": text, "ending_before": text, **EXPAND}


@dataclass(frozen=True)
class Route:
    """One address. A listing's handler returns objects, oldest first, which the API cuts into pages."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    spec: Spec
    required: tuple[str, ...]
    is_listing: bool

    def answer(self, account: Account, params: Params, path: Mapping[str, str]) -> Any:
        """Call the handler."""
        return self.handler(account, params, **path)


ROUTES: list[Route] = []


def route(
    method: str, path: str, spec: Spec | None = None, *, required: tuple[str, ...] = ()
) -> Callable[[Handler], Handler]:
    """Register a handler `(account, params, **path members) -> object`."""
    return _register(method, path, {**(spec or {}), **EXPAND}, required, is_listing=False)


def listing(path: str, spec: Spec | None = None, *, required: tuple[str, ...] = ()) -> Callable[[Handler], Handler]:
    """Register a handler that returns objects oldest first; they are listed newest first, in pages."""
    return _register("GET", path, {**(spec or {}), **PAGE}, required, is_listing=True)


def _register(
    method: str, path: str, spec: Spec, required: tuple[str, ...], *, is_listing: bool
) -> Callable[[Handler], Handler]:
    pattern = re.compile("^" + re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", path) + "$")

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, pattern, handler, spec, required, is_listing))
        return handler

    return register


def match(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route for a request and the members of its path; of two that fit, the more literal one."""
    fitting = [
        (each, found.groupdict()) for each in ROUTES if each.method == method and (found := each.pattern.match(path))
    ]
    return min(fitting, key=lambda pair: len(pair[1]), default=None)


def page(items: list[Json], params: Params, url: str) -> Json:
    """Return one page of `items` (oldest first), newest first, as the cursors ask."""
    newest_first = items[::-1]
    limit = 10 if params.get("limit") is None else params["limit"]
    if not 1 <= limit <= 100:
        raise InvalidRequest("This value must be between 1 and 100 (inclusive).", param="limit")
    before, after = params.get("ending_before"), params.get("starting_after")
    ids = [each["id"] for each in newest_first]
    for name, cursor in (("ending_before", before), ("starting_after", after)):
        if cursor and cursor not in ids:
            raise InvalidRequest(f"No such object: '{cursor}'", code="resource_missing", param=name)
    if before:
        rest = newest_first[: ids.index(before)]
        return {"object": "list", "data": rest[-limit:], "has_more": len(rest) > limit, "url": url}
    rest = newest_first[ids.index(after) + 1 :] if after else newest_first
    return {"object": "list", "data": rest[:limit], "has_more": len(rest) > limit, "url": url}
