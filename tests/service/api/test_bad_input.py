"""Whatever is sent, the answer is a clear problem, never a 500, and nothing reaches a use case."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from service.api.body import LIMIT_BYTES
from service.api.routes import OPERATIONS
from service.api.schemas import DecisionRequest

WRITES = {
    "/v1/decisions": {"article": {"id": "a-1"}},
    "/v1/decisions/batch": {"articles": [{"id": "a-1"}]},
    "/v1/checkouts": {
        "reader_id": "r-81",
        "plan": "monthly",
        "success_url": "https://www.example.com/w",
        "cancel_url": "https://www.example.com/o",
    },
    "/v1/portals": {"reader_id": "r-81", "return_url": "https://www.example.com/a"},
    "/v1/links": {"article": "a-1", "expires_at": "2026-11-17T09:00:00Z", "label": "spring"},
    "/v1/readers/r-81/gifts": {"article": "a-1"},
    "/v1/readers/r-81/visitors": {"visitor_id": "v-5"},
    "/v1/readers/r-81/cancellation": {"reason": "too_expensive"},
    "/v1/readers/r-81/plan-changes": {"plan": "annual"},
    "/v1/support/accounts/r-81/refunds": {"invoice": "in_1", "reason": "moved"},
    "/v1/support/explain": {"article": {"id": "a-1"}, "reader_id": "r-81"},
    "/v1/support/accounts/r-81/explain": {"article": {"id": "a-1"}},
    "/v1/support/accounts/r-81/notes": {"body": "telephoned"},
    "/v1/support/accounts/r-81/grants": {"until": "2026-12-21T23:00:00Z", "reason": "late paper"},
    "/v1/support/accounts/r-81/grants/12": {"reason": "given by mistake"},
    "/v1/support/accounts/r-81/cancellation": {"reason": "asked by letter", "when": "now"},
    "/v1/support/accounts/r-81/plan-changes": {"plan": "annual", "reason": "asked by letter"},
    "/v1/support/accounts/r-81/meter-additions": {"articles": 3, "reason": "the page broke"},
    "/v1/support/accounts/r-81/hold-releases": {"hold": "dp_1", "reason": "withdrawn"},
    "/v1/support/accounts/r-81/merges": {"other": "r-82", "reason": "one person"},
    "/v1/support/accounts/r-81/meter-resets": {"reason": "opened by a preview"},
    "/v1/support/events/evt_1/replay": {"reason": "mended"},
    "/v1/support/events/replays": {"status": "failed", "type": "invoice.paid", "customer": "cus_1", "reason": "mended"},
}
METHODS = {"/v1/support/accounts/r-81/grants/12": "DELETE"}
MALFORMED = {
    "empty": (b" ", 400),
    "half": (b'{"article":', 400),
    "not UTF-8": (b'{"article":{"id":"\xff\xfe"}}', 400),
    "UTF-16": ('{"a":1}'.encode("utf-16"), 400),
    "byte order mark": (b"\xef\xbb\xbf{}", 400),
    "nested arrays": (b"[" * 60_000, 400),
    "nested objects": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400),
    "huge int": (b'{"a":' + b"9" * 50_000 + b"}", 400),
    "NaN": (b'{"a":NaN}', 400),
    "Infinity": (b'{"a":-Infinity}', 400),
    "repeated name": (b'{"a":1,"a":2}', 400),
    "raw NUL": (b'{"a":"\x00"}', 400),
    "trailing text": (b"{} {}", 400),
    "array": (b"[]", 422),
    "null": (b"null", 422),
    "number": (b"1e999", 422),
    "string": (b'"{}"', 422),
    "true": (b"true", 422),
}
NASTY_VALUES: dict[str, Any] = {
    "number": 7,
    "huge number": 10**400,
    "float": 1.5,
    "true": True,
    "list": ["r-81"],
    "object": {"id": "r-81"},
    "empty": "",
    "NUL": "r\x0081",
    "newline": "r-81\n",
    "escape": "\x1b[31m",
    "C1 control": "r\x85",
    "lone surrogate": "r\ud800",
    "low surrogate": "\udfff",
    "too long": "x" * 5_000,
}
OTHERWISE = {
    ("/v1/decisions", "article"),
    ("/v1/decisions/batch", "articles"),
    ("/v1/support/explain", "article"),
    ("/v1/support/accounts/r-81/explain", "article"),
    ("/v1/support/accounts/r-81/notes", "body"),
    ("/v1/support/accounts/r-81/meter-additions", "articles"),
}
"""Fields with rules of their own: articles, a text of several lines, and a number (7 is one)."""
FIELDS = [(path, name) for path, body in WRITES.items() for name in body if (path, name) not in OTHERWISE]


@pytest.fixture(scope="module")
def api(build_api: Callable[..., Any]) -> Any:
    """One application for all: nothing sent here may leave a trace in it."""
    return build_api()


def refused(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.data
    assert answer.mimetype == "application/problem+json"
    problem: dict[str, Any] = json.loads(answer.data)
    assert {"type", "title", "status", "detail", "code"} <= problem.keys()
    assert problem["status"] == status
    return problem


def untouched(api: Any) -> bool:
    reached = (api.gate.questions, api.checkouts.requests, api.portals.opened, api.readers.links)
    acted = (api.cancellations.cancelled, api.plan_changes.asked, api.refunds.requests, api.wishes, api.events.replayed)
    return not any(reached) and not any(acted)


def write(api: Any, path: str, **options: Any) -> Any:
    """Send a body under a key that may send it there; explaining only reads."""
    support = "support:read-key" if path.endswith("/explain") else "support:write-key"
    return api.call(METHODS.get(path, "POST"), path, key=support if "/support/" in path else "site-key", **options)


@pytest.mark.parametrize(("path", "case"), list(itertools.product(WRITES, MALFORMED)))
def test_what_is_no_json_object_is_refused(api: Any, path: str, case: str) -> None:
    """400 for what is not JSON, 422 for JSON that is no object."""
    raw, status = MALFORMED[case]
    refused(write(api, path, data=raw, content_type="application/json"), status)
    assert untouched(api)


@pytest.mark.parametrize(("path", "name", "case"), [(*field, case) for field in FIELDS for case in NASTY_VALUES])
def test_a_value_that_is_none_is_refused_by_name(api: Any, path: str, name: str, case: str) -> None:
    """Wrong types are not coerced, and no text passes that PostgreSQL or UTF-8 cannot hold."""
    problem = refused(write(api, path, json=WRITES[path] | {name: NASTY_VALUES[case]}), 422)
    assert list(problem["errors"]) == [name]
    assert untouched(api)


@pytest.mark.parametrize("case", NASTY_VALUES)
@pytest.mark.parametrize("name", ["id", "access", "feature"])
def test_the_article_is_as_strict(api: Any, name: str, case: str) -> None:
    """Errors inside it are named by their path."""
    body = {"article": {"id": "a-1"} | {name: NASTY_VALUES[case]}}
    problem = refused(api.call("POST", "/v1/decisions", json=body), 422)
    assert list(problem["errors"]["article"]) == [name]


@pytest.mark.parametrize("case", [case for case in NASTY_VALUES if case != "empty"])
@pytest.mark.parametrize("name", ["reader_id", "visitor_id", "mode", "client_ip", "user_agent", "gift", "link"])
def test_optional_fields_are_as_strict(api: Any, name: str, case: str) -> None:
    """Not used is not unchecked."""
    problem = refused(api.call("POST", "/v1/decisions", json=WRITES["/v1/decisions"] | {name: NASTY_VALUES[case]}), 422)
    assert list(problem["errors"]) == [name]


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("name", ["price", "__proto__", "\ud800", "x" * 1000, "\x00"])
def test_unknown_fields_are_refused(api: Any, path: str, name: str) -> None:
    """A typo is told, not ignored; whatever the name holds can be told."""
    problem = refused(write(api, path, json=WRITES[path] | {name: 1}), 422)
    assert problem["errors"] == {name: ["Unknown field."]}
    assert untouched(api)


@pytest.mark.parametrize("article", [None, [], "a-1", 7, {}, {"id": None}, {"id": "a", "title": "x"}])
def test_an_article_that_is_none_is_refused(api: Any, article: object) -> None:
    """Missing, null, of another type, without id, with more than we know."""
    assert "article" in refused(api.call("POST", "/v1/decisions", json={"article": article}), 422)["errors"]


@pytest.mark.parametrize("address", ["x", "a@", "@b.c", "a b@c.example", "a@b@c.example\n", "a" * 250 + "@b.example"])
def test_an_email_that_is_none_is_refused(api: Any, checkout_body: dict[str, str], address: str) -> None:
    """Stripe would refuse it later, with a worse message."""
    problem = refused(api.call("POST", "/v1/checkouts", json=checkout_body | {"email": address}), 422)
    assert list(problem["errors"]) == ["email"]


@pytest.mark.parametrize("address", ["", "1.2.3", "999.1.1.1", "localhost", "1.2.3.4/8", "::g", 7])
def test_an_address_that_is_none_is_refused(api: Any, address: object) -> None:
    """An IP address is v4 or v6, as text."""
    body = WRITES["/v1/decisions"] | {"client_ip": address}
    assert list(refused(api.call("POST", "/v1/decisions", json=body), 422)["errors"]) == ["client_ip"]


LIMITS = dict.fromkeys(WRITES, LIMIT_BYTES) | {"/v1/decisions/batch": 256 * 1024}


@pytest.mark.parametrize(("path", "limit_bytes"), LIMITS.items())
def test_a_body_over_its_limit_is_refused(api: Any, path: str, limit_bytes: int) -> None:
    """64 KiB, a batch's 256: 413, also when the length is not announced."""
    raw = b'{"reason":"' + b"x" * limit_bytes + b'"}'
    refused(write(api, path, data=raw, content_type="application/json"), 413)
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": None}
    for body in (raw, b"{}" + b" " * limit_bytes):
        refused(write(api, path, data=body, content_type="application/json", environ_overrides=chunked), 413)
    assert untouched(api)


def test_a_body_of_64_kib_is_read(api: Any) -> None:
    """The limit is the limit: one byte less than too much is judged by its content."""
    raw = b"{" + b" " * (LIMIT_BYTES - 2) + b"}"
    assert (
        "article"
        in refused(api.call("POST", "/v1/decisions", data=raw, content_type="application/json"), 422)["errors"]
    )


def test_a_batch_of_the_longest_ids_is_read_and_no_larger_one(api: Any) -> None:
    """500 articles with ids of 200 characters and all that may be said of each are answered; a byte too many is 413."""
    longest = [{"id": f"{n:0200d}", "access": "subscribers", "feature": "archives"} for n in range(500)]
    whole = json.dumps({"reader_id": "r" * 200, "visitor_id": "v" * 200, "user_agent": "m" * 2000, "articles": longest})
    room = LIMITS["/v1/decisions/batch"] - len(whole)
    assert room >= 0
    for spaces, status in ((room, 200), (room + 1, 413)):
        data = (whole + " " * spaces).encode()
        answer = api.call("POST", "/v1/decisions/batch", data=data, content_type="application/json")
        assert answer.status_code == status
    assert [len(each.articles) for each in api.gate.questions] == [500]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "", "é/\x00"])
def test_another_media_type_is_refused(api: Any, kind: str) -> None:
    """415: a form that a browser can send across sites is no request."""
    refused(api.call("POST", "/v1/decisions", data=b"{}", headers={"Content-Type": kind}), 415)


def test_a_charset_beside_the_media_type_is_fine(build_api: Callable[..., Any]) -> None:
    """`application/json; charset=utf-8` is JSON."""
    raw = json.dumps(WRITES["/v1/decisions"])
    assert (
        build_api().call("POST", "/v1/decisions", data=raw, content_type="application/json; charset=utf-8").status_code
        == 200
    )


@pytest.mark.parametrize(
    "segment", ["%00", "r%00", "r%0A", "%ff", "%ed%a0%80", "r%7F", "x" * 201, "%F0%9F%92", "%1b", ".%0d%0a"]
)
@pytest.mark.parametrize("tail", ["", "/cancellation"])
def test_a_path_that_is_no_id_is_refused(api: Any, segment: str, tail: str) -> None:
    """Control characters, bytes that are not UTF-8, and ids of more than 200 characters."""
    method = "DELETE" if tail else "GET"
    problem = refused(api.call(method, f"/v1/readers/{segment}{tail}"), 422)
    assert list(problem["errors"]) == ["reader_id"]


@pytest.mark.parametrize("reader_id", ["a/b", ".", "..", "\ufffd"])
def test_an_id_that_no_path_can_carry_is_refused_everywhere(api: Any, reader_id: str) -> None:
    """Better at the first decision than at the first cancellation."""
    body = WRITES["/v1/decisions"] | {"reader_id": reader_id}
    assert list(refused(api.call("POST", "/v1/decisions", json=body), 422)["errors"]) == ["reader_id"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("x=1", "x"),
        ("status=rich", "status"),
        ("q=", "q"),
        ("q=a%00", "q"),
        ("q=a&q=b", "q"),
        ("plan=" + "x" * 101, "plan"),
        ("cursor=%00", "cursor"),
        ("cursor=abc", "cursor"),
        ("cursor=WzFd", "cursor"),
        ("cursor=W1tbW1tb", "cursor"),
        ("cursor=WyJcdTAwMDAiXQ", "cursor"),
        ("cursor=é", "cursor"),
    ],
)
def test_a_query_that_is_none_is_refused(api: Any, query: str, name: str) -> None:
    """Unknown, repeated, unstorable or foreign parameters are named."""
    problem = refused(api.call("GET", f"/v1/support/accounts?{query}", key="support:read-key"), 422)
    assert list(problem["errors"]) == [name]
    assert api.accounts.queries == []


def test_routes_without_parameters_take_none(api: Any) -> None:
    """`?preview=true` on a route that knows no preview is a mistake to be told."""
    assert refused(api.call("GET", "/v1/plans?preview=true"), 422)["errors"] == {"preview": ["Unknown field."]}


def test_an_unknown_path_is_not_found(api: Any) -> None:
    """404 as a problem, with or without a key; doubled and trailing slashes are other paths."""
    for path in ("/", "/v1", "/v1/decisions/", "//v1/plans", "/v1//plans", "/docs/../x", "/static/x"):
        assert refused(api.call("GET", path, key=None), 404)["code"] == "not_found"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "DELETE", "FOO"])
def test_another_method_is_refused(api: Any, method: str) -> None:
    """405 names the methods there are."""
    answer = api.call(method, "/v1/decisions")
    assert refused(answer, 405)["code"] == "method_not_allowed"
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("host", ["evil test", "[::1", "a" * 300, "x:99999", "\x00"])
def test_a_host_that_is_none_is_no_fault_of_ours(build_api: Callable[..., Any], host: str) -> None:
    """A proxy may pass anything on."""
    answer = build_api().call("POST", "/v1/decisions", json=WRITES["/v1/decisions"], headers={"Host": host})
    assert answer.status_code < 500


def test_every_field_that_comes_in_is_tried_here() -> None:
    """A route that takes a body and a field of a decision must be in the tables above."""
    takes_body = {each.path for each in OPERATIONS if each.body_schema is not None and each.view is not None}
    filled = {
        path.replace("{reader_id}", "r-81").replace("{grant_id}", "12").replace("{event_id}", "evt_1")
        for path in takes_body
    }
    assert filled == set(WRITES)
    tried = {"reader_id", "visitor_id", "mode", "article", "client_ip", "user_agent", "gift", "link"}
    assert set(DecisionRequest().fields) == tried
