"""The short cut answers as Flask does: the same bytes, headers, questions and access lines, whatever is sent."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from service.api import envelope
from service.api.body import LIMIT_BYTES
from service.api.decisions import DECIDE, DECIDE_BATCH
from service.api.lean import LeanPath
from service.api.routes import OPERATIONS
from service.errors import Unavailable
from service.logs import configure_logs, request_log

ID = "X-Request-Id"
DEEP = b'{"article":' * 5_000 + b"1" + b"}" * 5_000
NO_JSON = [b"", b"{", b"[]", b"null", b"{} {}", b'{"a":NaN}', b'{"article":{"id":"\xff"}}', b'{"a":1,"a":2}', DEEP]
TEXTS = st.sampled_from(
    ["r-81", "", ".", "..", "a/b", "é", "\x00", "x\n", "\ud800", "\ufffd", "a" * 200, "a" * 201, "203.0.113.7", "::1",
     "consume", "peek", "free", "metered", "subscribers", "archives", "no such feature", "Mozilla/5.0 (X11; Linux)"]
) | st.text(max_size=5)  # fmt: skip
VALUES = TEXTS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.just([]) | st.just({})
NAMES = ["reader_id", "visitor_id", "mode", "client_ip", "user_agent", "gift", "link"]
ARTICLES = st.fixed_dictionaries(
    {"id": st.just("a-1") | VALUES},
    optional={"access": st.sampled_from(["metered", "free"]) | VALUES, "feature": st.just("archives") | VALUES,
              "title": VALUES},
)  # fmt: skip
QUESTIONS = st.fixed_dictionaries(
    {"article": ARTICLES | VALUES}, optional={name: st.just("r-81") | VALUES for name in [*NAMES, "unknown"]}
)
BATCHES = st.fixed_dictionaries(
    {"articles": st.lists(ARTICLES | VALUES, max_size=3) | VALUES},
    optional={name: st.just("r-81") | VALUES for name in [*NAMES, "unknown"]},
)

USUAL: dict[str, Any] = {
    "method": "POST", "path": "/v1/decisions", "query": "", "content_type": "application/json",
    "key": "Bearer site-key", "request_id": "req-1", "length": "right", "chunked": None, "idempotency_key": None,
}  # fmt: skip
BODY = json.dumps({"reader_id": "r-81", "user_agent": "Mozilla/5.0", "article": {"id": "a-1"}}).encode()
BATCH = json.dumps({"visitor_id": "v-5", "articles": [{"id": "a-1"}, {"id": "a-2", "access": "free"}]}).encode()
USUAL_BATCH = USUAL | {"path": "/v1/decisions/batch"}
BOTH = [(USUAL, BODY), (USUAL_BATCH, BATCH)]
ODD = {
    "method": ["GET", "PUT", "DELETE"],
    "path": ["/v1/decisions", "/v1/decisions/batch", "/v1/decisions/", "//v1/decisions", "/v1/plans", "/nowhere"],
    "query": ["a=1", "a"],
    "content_type": ["application/json; charset=utf-8", "APPLICATION/JSON", "text/plain", "", None],
    "key": ["bearer site-key", "Bearer  site-key", "Bearer support:read-key", "Bearer unknown", "Bearer ", "Bearer é",
            "Basic x", None],
    "request_id": ["not sane", "x" * 129, "nsk_canary"],
    "length": ["missing", "one less", "one more", "-1", "+5", "a", "٣", str(10**12)],
    "chunked": ["without a length", "and a length"],
    "idempotency_key": ["once"],
}  # fmt: skip
ODDITIES = [(name, value) for name, values in ODD.items() for value in values]
ANY_HEAD = st.sampled_from([USUAL, USUAL_BATCH])
HEADS = st.builds(lambda usual, odd: usual | dict(odd), ANY_HEAD, st.lists(st.sampled_from(ODDITIES), max_size=2))
BODIES = (
    st.sampled_from([BODY, BATCH])
    | (QUESTIONS | BATCHES).map(json.dumps).map(str.encode)
    | st.sampled_from([*NO_JSON, b" " * (LIMIT_BYTES + 1)])
)


@dataclass(frozen=True)
class Answer:
    """All that a server passes on."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes


def _environ(head: dict[str, Any], body: bytes) -> dict[str, Any]:
    environ = EnvironBuilder(path="/", method=head["method"], input_stream=io.BytesIO(body)).get_environ()
    lengths = {"right": str(len(body)), "one less": str(max(0, len(body) - 1)), "one more": str(len(body) + 1)}
    given = {
        "PATH_INFO": head["path"],
        "QUERY_STRING": head["query"],
        "CONTENT_TYPE": head["content_type"],
        "HTTP_AUTHORIZATION": head["key"],
        "HTTP_X_REQUEST_ID": head["request_id"],
        "HTTP_IDEMPOTENCY_KEY": head["idempotency_key"],
        "CONTENT_LENGTH": None if head["length"] == "missing" else lengths.get(head["length"], head["length"]),
    }
    if head["chunked"]:
        given |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    if head["chunked"] == "without a length":
        del given["CONTENT_LENGTH"]
    environ = {**environ, "CONTENT_LENGTH": None, **given}
    return {name: value for name, value in environ.items() if value is not None}


def _asked(application: Any, environ: dict[str, Any]) -> Answer:
    started: list[Any] = []
    chunks: Iterable[bytes] = application(environ, lambda status, headers, *_: started.extend((status, headers)))
    body = b"".join(chunks)
    if hasattr(chunks, "close"):
        chunks.close()
    return Answer(started[0], started[1], body)


def _both(api: Any, head: dict[str, Any], body: bytes) -> tuple[Answer, Answer]:
    """Return the answers of the application as it is served, and of Flask alone."""
    served = _asked(api.app, _environ(head, body))
    reference = _asked(lambda environ, start: Flask.wsgi_app(api.app, environ, start), _environ(head, body))
    return served, reference


def _assert_alike(api: Any, head: dict[str, Any], body: bytes) -> None:
    api.gate.questions.clear()
    served, reference = _both(api, head, body)
    if head["request_id"] not in {"req-1", "nsk_canary"}:  # each answer has an id of its own
        for each in (served, reference):
            each.headers[:] = [(name, "made" if name == ID else value) for name, value in each.headers]
    assert served == reference
    assert len(api.gate.questions) in {0, 2}
    assert not api.gate.questions or api.gate.questions[0] == api.gate.questions[1]


@pytest.mark.parametrize(("usual", "body"), BOTH)
@pytest.mark.parametrize(("name", "value"), ODDITIES)
def test_one_oddity_is_answered_alike(api: Any, usual: dict[str, Any], body: bytes, name: str, value: Any) -> None:
    """Claim: one thing amiss in the head of a good request leads to one answer on both ways."""
    _assert_alike(api, usual | {name: value}, body)


@pytest.mark.parametrize(("usual", "body"), BOTH)
@pytest.mark.parametrize("address", ["fe80::1%eth0", "fe80::1%" + "a" * 100, "fe80::1%\n", "2001:db8:1::7%\x1b[31m"])
def test_an_address_with_an_odd_zone_is_answered_alike(
    api: Any, usual: dict[str, Any], body: bytes, address: str
) -> None:
    """Claim: what an IPv6 zone may hold is no other question on one way than on the other."""
    _assert_alike(api, usual, json.dumps(json.loads(body) | {"client_ip": address}).encode())


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=HEADS, body=BODIES)
def test_both_ways_answer_alike(api: Any, head: dict[str, Any], body: bytes) -> None:
    """Claim: status, headers in their order, and body are equal, and the gate is asked the same."""
    _assert_alike(api, head, body)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        *BOTH,
        (USUAL, json.dumps({"article": {"id": "a", "feature": "nothing"}}).encode()),
        (USUAL_BATCH, json.dumps({"articles": [{"id": "a"}, {"id": "a", "feature": "nothing"}]}).encode()),
    ],
)
def test_the_usual_request_never_reaches_flask(api: Any, head: dict[str, Any], body: bytes) -> None:
    """Claim: a plain question, also one that the view itself refuses, is answered by the short cut."""

    def fail(*_: Any) -> Iterable[bytes]:
        raise AssertionError("Flask was asked")

    answer = _asked(LeanPath(fail, [DECIDE, DECIDE_BATCH], api.services), _environ(head, body))
    assert answer.status in {"200 OK", "422 UNPROCESSABLE ENTITY"}


@pytest.mark.parametrize(("usual", "body"), BOTH)
@pytest.mark.parametrize("error", [RuntimeError("canary"), Unavailable("Later.", retry_after_seconds=3)])
def test_what_fails_inside_is_answered_alike(
    api: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, usual: dict[str, Any], body: bytes
) -> None:
    """Claim: an error of ours is the same problem on both ways, with its id and its headers."""

    def decide(*_: Any) -> None:
        raise error

    monkeypatch.setattr(api.gate, "decide", decide)
    served, reference = _both(api, usual, body)
    assert served == reference
    assert served.status[0] == "5"
    assert b"canary" not in served.body


def test_what_fails_at_the_door_is_answered_alike(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claim: a fault of ours before the question is known is the same problem on both ways, not a bare 500."""

    def find(*_: Any) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr(api.services.keys, "find", find)
    served, reference = _both(api, USUAL, BODY)
    assert served == reference
    assert served.status[0] == "5"
    assert b"canary" not in served.body


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Callable[[], list[dict[str, Any]]]]]:
    """Write logs of a level; then return the lines so far, without what differs from one request to the next."""
    request_log.flush()
    out = io.StringIO()
    root = logging.getLogger()
    kept = root.handlers[:], root.level

    def written() -> list[dict[str, Any]]:
        request_log.flush()
        return [{**json.loads(line), "timestamp": 0, "duration_ms": 0} for line in out.getvalue().splitlines()]

    def begin(level: str) -> Callable[[], list[dict[str, Any]]]:
        monkeypatch.setattr(sys, "stdout", out)  # not before: the test's own phase has a stdout of its own
        configure_logs(level)
        return written

    yield begin
    request_log.flush()
    root.handlers[:], root.level = kept
    structlog.reset_defaults()


@pytest.mark.parametrize(("usual", "body"), BOTH)
@pytest.mark.parametrize("key", ["Bearer site-key", "Bearer unknown"])
def test_both_ways_leave_the_same_line(api: Any, lines: Any, key: str, usual: dict[str, Any], body: bytes) -> None:
    """Claim: the access line tells the same, the caller's request id and the key's id included."""
    written = lines("debug")
    _both(api, usual | {"key": key}, body)
    first, second = written()
    assert first == second
    assert first["route"] == usual["path"]
    assert first["request_id"] == "req-1"


@pytest.mark.parametrize(("usual", "body"), BOTH)
def test_only_what_is_unusual_leaves_a_line(
    api: Any, lines: Any, monkeypatch: pytest.MonkeyPatch, usual: dict[str, Any], body: bytes
) -> None:
    """Claim: a decision as there are thousands leaves none; one that is degraded, slow, refused or fails does."""
    written = lines("info")
    _both(api, usual, body)
    assert written() == []
    _asked(api.app, _environ(usual | {"key": "Bearer unknown"}, body))
    with monkeypatch.context() as patched:
        patched.setattr(envelope, "SLOW_SECONDS", 0.0)
        _asked(api.app, _environ(usual, body))
    api.gate.answer = api.gate.answer._replace(degraded="redis")
    _asked(api.app, _environ(usual, body))
    assert [line["status"] for line in written()] == [401, 200, 200]


def test_no_id_is_left_for_the_next_request(api: Any) -> None:
    """Claim: what this thread logs afterwards does not carry the id of a request that is over."""
    _asked(api.app, _environ(USUAL, BODY))
    assert structlog.contextvars.get_contextvars() == {}


def test_only_an_operation_without_further_needs_may_take_it(api: Any) -> None:
    """Claim: what is slow, idempotent, audited or open to all is refused at the start, not served without it."""
    others = [each for each in OPERATIONS if each.slow or each.idempotent or each.audited or not each.body_schema]
    assert others
    for operation in others:
        with pytest.raises(ValueError, match=operation.name):
            LeanPath(api.app.wsgi_app, [operation], api.services)
