"""Every route of the document, whichever there are: without a key, under each other scope, with ids not its own.

The routes are read from `/openapi.json`, so a new one is tried without anybody thinking of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from service.store.api_keys import Scope

pytestmark = pytest.mark.xdist_group("api_routes")  # the service behind them is put together once

PRYING = "r-prying"
NO_KEY = "nsk_00000000_" + "A" * 43
UNKNOWN = ("r-nobody", "cus_nobody", "in_nobody", "chk_nobody", "evt_nobody", "999999999", "../r-canary", "\u202e")
OPAQUE = {"reader", "visitor"}
"""Kinds whose ids the site makes up: whichever it sends is one."""
ABOUT_ANYBODY = {
    "/v1/readers/{reader_id}/export", "/v1/support/accounts/{reader_id}/export",
    "/v1/support/accounts/{reader_id}/explain",
}  # fmt: skip
"""Where any id of a reader is one: that it was asked for is kept, and handed out; a stranger's wall is explained."""


@dataclass(frozen=True)
class Route:
    """One operation of the document."""

    method: str
    path: str
    spec: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def scope(self) -> str | None:
        asked = self.spec["security"]
        return asked[0]["key"][0] if asked and "key" in asked[0] else None

    @property
    def path_names(self) -> list[str]:
        return [each["name"] for each in self.spec["parameters"] if each.get("in") == "path"]

    @property
    def body(self) -> dict[str, Any] | None:
        """Return the documented example of a body, None where the route takes none."""
        content = self.spec.get("requestBody", {}).get("content")
        return None if content is None else dict(content["application/json"].get("example", {}))

    def at(self, **values: str) -> str:
        """Return the path with each place filled in."""
        path = self.path
        for name in self.path_names:
            path = path.replace(f"{{{name}}}", quote(values[name], safe=""))
        return path


@pytest.fixture
def routes(whole: Any) -> list[Route]:
    """Every operation of the document as it is served."""
    document = whole.call("GET", "/openapi.json", None).json
    found = [
        Route(method.upper(), path, spec)
        for path, methods in document["paths"].items()
        for method, spec in methods.items()
    ]
    assert len(found) > 20
    return found


def kind_of(name: str) -> str:
    return name.removesuffix("_id")


def own(whole: Any, route: Route) -> dict[str, str]:
    """Return the victim's own id for each place in the path."""
    return {name: whole.ids.get(kind_of(name), "999999999") for name in route.path_names}


def refused(answer: Any, *statuses: int) -> bool:
    """Tell whether it is a problem of one of the statuses that says nothing beyond itself."""
    shape = {"type", "title", "status", "detail", "code", "errors"}
    return answer.status_code in statuses and answer.mimetype.endswith("+json") and set(answer.json) <= shape


def test_no_route_opens_without_its_scope(whole: Any, routes: list[Route]) -> None:
    """No key, an unknown and a revoked one, each other scope alone, all others together: nothing told, nothing done."""
    before = whole.account()
    others = {scope: whole.key(*(each for each in Scope if each is not scope)) for scope in Scope}
    revoked = whole.key(*Scope)
    assert whole.desk.keys.revoke(whole.desk.keys.list()[-1].id)
    for route in routes:
        if route.scope is None:
            continue
        asked = {"json": route.body} if route.body is not None else {}
        shut: list[tuple[str | None, int]] = [(None, 401), (NO_KEY, 401), (revoked, 401)]
        shut += [(whole.keys[scope], 403) for scope in Scope if scope != route.scope]
        shut += [(others[Scope(route.scope)], 403)]
        for key, status in shut:
            path = route.at(**own(whole, route))
            answer = whole.call(route.method, path, key, **asked)
            assert refused(answer, status), (str(route), status, answer.text)
            assert whole.leaked(answer, path) == [], str(route)
    assert whole.account() == before


def test_what_asks_for_no_key_tells_of_nobody(whole: Any, routes: list[Route]) -> None:
    """Health, metrics and the documents hold no reader; a webhook without Stripe's signature is not read."""
    for route in routes:
        if route.scope is None:
            answer = whole.call(route.method, route.path, None, **({} if route.body is None else {"json": route.body}))
            assert whole.leaked(answer) == [], str(route)
            signed = route.spec["security"] != []
            assert (answer.status_code == 400) if signed else answer.status_code in {200, 503}, str(route)


def strangers(whole: Any, route: Route) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the path filled in with an id that does not belong there, in each place in turn, and which one it is.

    In the place of a reader, ids of other kinds and of nobody. Where another id stands beside a reader, also the
    victim's own one under the prying reader's account.
    """
    for name in route.path_names:
        nested = name != "reader_id" and "reader_id" in route.path_names
        foreign = [value for kind, value in whole.ids.items() if nested or kind != kind_of(name)]
        whose = {"reader_id": PRYING} if nested else {}
        for stranger in (*foreign, *UNKNOWN):
            yield stranger, own(whole, route) | whose | {name: stranger}


@pytest.mark.slow
def test_an_id_that_is_not_ones_own_opens_nothing(whole: Any, routes: list[Route]) -> None:
    """Of another kind, of another reader, of nobody: 4xx where a 404 is documented; and never a word of the victim."""
    before, tried = whole.account(), 0
    for route in routes:
        if route.scope is None:
            continue
        asked = {"json": route.body} if route.body is not None else {}
        for stranger, filled in strangers(whole, route):
            answer = whole.call(route.method, route.at(**filled), whole.keys[route.scope], **asked)
            if "404" in route.spec["responses"] and route.path not in ABOUT_ANYBODY:
                assert refused(answer, 404, 409, 422), (str(route), stranger, answer.text)
            assert answer.status_code < 500, (str(route), stranger, answer.text)
            assert whole.leaked(answer, *filled.values()) == [], (str(route), stranger)
            tried += 1
    assert tried > 100
    assert whole.account() == before


def test_anothers_id_in_a_body_does_nothing_to_them(whole: Any, routes: list[Route]) -> None:
    """The prying reader's own account in the path, the victim's things in the body: the victim stays as they were."""
    before = whole.account()
    foreign = [value for kind, value in whole.ids.items() if kind not in OPAQUE]
    for route in routes:
        if route.scope is None or not route.body:
            continue
        filled = {name: PRYING if name == "reader_id" else "999999999" for name in route.path_names}
        for name in (each for each, value in route.body.items() if isinstance(value, str)):
            for stranger in foreign if kind_of(name) in whole.ids else foreign[:2]:
                body = route.body | ({"reader_id": PRYING} if "reader_id" in route.body else {}) | {name: stranger}
                answer = whole.call(route.method, route.at(**filled), whole.keys[route.scope], json=body)
                assert answer.status_code < 500, (str(route), name, stranger, answer.text)
                assert whole.leaked(answer, stranger) == [], (str(route), name, stranger)
                if whole.ids.get(kind_of(name)) == stranger:
                    assert refused(answer, 404, 409, 422), (str(route), name, answer.text)
    assert whole.account() == before
