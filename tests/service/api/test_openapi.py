"""The document is true: every route is in it, and what is really sent and answered fits it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from service.api import paths
from service.api.health import Report
from service.api.problems import CODES
from service.api.routes import OPERATIONS
from service.domain.decision import Reason, Wall
from service.domain.entitlement import Entitlement
from service.errors import StripeUnavailable
from service.store.api_keys import Scope
from service.store.runs import Finished, Unfinished
from service.support.accounts import AccountDetail, FoundAccount, Match, Page, Place
from service.support.audit import AuditPage
from service.support.drift import DriftPage
from webhooks.snapshot import SubscriptionFacts

Json = dict[str, Any]
TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda it: isinstance(it, str),
    "integer": lambda it: isinstance(it, int) and not isinstance(it, bool),
    "number": lambda it: isinstance(it, int | float) and not isinstance(it, bool),
    "boolean": lambda it: isinstance(it, bool),
    "array": lambda it: isinstance(it, list),
    "object": lambda it: isinstance(it, dict),
    "null": lambda it: it is None,
}


class Judge:
    """As much of JSON Schema as the document uses; a keyword it doesn't know fails, so that none goes unchecked."""

    silent = frozenset({"description", "title", "default", "example", "readOnly"})

    def __init__(self, document: Json) -> None:
        self.document = document

    def faults(self, schema: Json, value: Any, where: str = "$") -> Iterator[str]:
        for keyword, rule in schema.items():
            if keyword not in self.silent:
                yield from getattr(self, f"_{keyword.lstrip('$')}")(rule, value, where, schema)

    def _ref(self, rule: str, value: Any, where: str, _schema: Json) -> Iterator[str]:
        found = self.document
        for step in rule.removeprefix("#/").split("/"):
            found = found[step]
        yield from self.faults(found, value, where)

    def _anyOf(self, rule: list[Json], value: Any, where: str, _schema: Json) -> Iterator[str]:  # noqa: N802
        if all(list(self.faults(each, value, where)) for each in rule):
            yield f"{where}: fits none of {rule}"

    def _type(self, rule: str | list[str], value: Any, where: str, _schema: Json) -> Iterator[str]:
        if not any(TYPES[each](value) for each in ([rule] if isinstance(rule, str) else rule)):
            yield f"{where}: {value!r} is no {rule}"

    def _enum(self, rule: list[Any], value: Any, where: str, _schema: Json) -> Iterator[str]:
        if value not in rule:
            yield f"{where}: {value!r} is none of {rule}"

    def _required(self, rule: list[str], value: Any, where: str, _schema: Json) -> Iterator[str]:
        yield from (f"{where}: {name} is missing" for name in rule if isinstance(value, dict) and name not in value)

    def _properties(self, rule: Json, value: Any, where: str, _schema: Json) -> Iterator[str]:
        for name, each in rule.items():
            if isinstance(value, dict) and name in value:
                yield from self.faults(each, value[name], f"{where}.{name}")

    def _additionalProperties(self, rule: Any, value: Any, where: str, schema: Json) -> Iterator[str]:  # noqa: N802
        for name in set(value if isinstance(value, dict) else ()) - set(schema.get("properties", ())):
            if rule is False:
                yield f"{where}: {name} is not documented"
            elif isinstance(rule, dict):
                yield from self.faults(rule, value[name], f"{where}.{name}")

    def _items(self, rule: Json, value: Any, where: str, _schema: Json) -> Iterator[str]:
        for index, each in enumerate(value if isinstance(value, list) else ()):
            yield from self.faults(rule, each, f"{where}[{index}]")

    def _maxItems(self, rule: int, value: Any, where: str, _schema: Json) -> Iterator[str]:  # noqa: N802
        if isinstance(value, list) and len(value) > rule:
            yield f"{where}: {len(value)} of at most {rule}"

    def _format(self, rule: str, value: Any, where: str, _schema: Json) -> Iterator[str]:
        if rule == "date-time" and isinstance(value, str) and datetime.fromisoformat(value).tzinfo is None:
            yield f"{where}: {value} has no zone"

    def _pattern(self, rule: str, value: Any, where: str, _schema: Json) -> Iterator[str]:
        if isinstance(value, str) and not re.search(rule, value):
            yield f"{where}: {value!r} does not match {rule}"

    def _minLength(self, rule: int, value: Any, where: str, _schema: Json) -> Iterator[str]:  # noqa: N802
        if isinstance(value, str) and len(value) < rule:
            yield f"{where}: too short"

    def _minimum(self, rule: int, value: Any, where: str, _schema: Json) -> Iterator[str]:
        if TYPES["number"](value) and value < rule:
            yield f"{where}: too small"

    def _maximum(self, rule: int, value: Any, where: str, _schema: Json) -> Iterator[str]:
        if TYPES["number"](value) and value > rule:
            yield f"{where}: too large"

    def _maxLength(self, rule: int, value: Any, where: str, _schema: Json) -> Iterator[str]:  # noqa: N802
        if isinstance(value, str) and len(value) > rule:
            yield f"{where}: too long"


@pytest.fixture(scope="module")
def document(build_api: Callable[..., Any]) -> Json:
    """The document as served."""
    found: Json = build_api().call("GET", "/openapi.json", key=None).json
    return found


@pytest.fixture(scope="module")
def judge(document: Json) -> Judge:
    return Judge(document)


def operations_in(document: Json) -> dict[tuple[str, str], Json]:
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_every_registered_route_is_in_the_document(api: Any, document: Json) -> None:
    """And the document holds no other."""
    rules = [(paths.shown(rule.rule), rule.methods - {"HEAD"}) for rule in api.app.url_map.iter_rules()]
    served = {(method, rule.replace("<", "{").replace(">", "}")) for rule, methods in rules for method in methods}
    assert set(operations_in(document)) == served
    assert document["openapi"] == "3.1.0"


def test_every_reference_leads_somewhere(document: Json) -> None:
    """No dangling `$ref`, and no schema that nothing refers to."""
    text = json.dumps(document)
    referred = set(re.findall(r'"\$ref": "#/components/(\w+)/([^"]+)"', text))
    held = {(kind, name) for kind, found in document["components"].items() for name in found}
    assert referred == {(kind, name) for kind, name in held if kind != "securitySchemes"}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_who_may_call_is_documented(document: Json, operation: Any) -> None:
    """A scope under the key, Stripe's signature, or nothing for the open routes."""
    security = operations_in(document)[operation.method, operation.path]["security"]
    if isinstance(operation.access, Scope):
        assert security == [{"key": [operation.access.value]}]
    else:
        assert security == ([{"stripe_signature": []}] if operation.path.startswith("/webhooks") else [])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_examples_fit_their_schemas(document: Json, judge: Judge, operation: Any) -> None:
    """An example that the service would refuse, or never give, teaches the wrong thing."""
    found = operations_in(document)[operation.method, operation.path]
    contents = [response.get("content", {}) for response in found["responses"].values()]
    contents.append(found.get("requestBody", {}).get("content", {}))
    for media in (each for content in contents for each in content.values() if "example" in each):
        assert list(judge.faults(media["schema"], media["example"])) == []


def check(judge: Judge, answer: Any, method: str, path: str) -> None:
    """Hold a real answer against the documented response of its status."""
    responses = operations_in(judge.document)[method, path]["responses"]
    assert str(answer.status_code) in responses, f"{answer.status_code} is not documented for {method} {path}"
    content = responses[str(answer.status_code)].get("content")
    if content is None:
        assert answer.data == b""
        return
    assert answer.mimetype in {kind.partition(";")[0] for kind in content}
    if answer.is_json or answer.mimetype.endswith("json"):
        (media,) = content.values()
        assert list(judge.faults(media["schema"], json.loads(answer.data))) == []


def test_the_inboxs_answers_fit_the_document(api: Any, judge: Judge) -> None:
    """How it stands, events, one of them, and what a replay came to."""
    for path in ("/v1/support/inbox", "/v1/support/events"):
        check(judge, api.call("GET", path, key="support:read-key"), "GET", path)
    answer = api.call("GET", "/v1/support/events/evt_1", key="support:read-key")
    check(judge, answer, "GET", "/v1/support/events/{event_id}")
    answer = api.call("POST", "/v1/support/events/evt_1/replay", key="support:write-key")
    check(judge, answer, "POST", "/v1/support/events/{event_id}/replay")
    answer = api.call(
        "POST", "/v1/support/events/replays", key="support:write-key", json={"status": "failed", "reason": "mended"}
    )
    check(judge, answer, "POST", "/v1/support/events/replays")


def test_real_answers_fit_the_document(
    api: Any,
    judge: Judge,
    trialing: Entitlement,
    subscription: SubscriptionFacts,
    checkout_body: dict[str, str],
    account: AccountDetail,
) -> None:
    """Every route's success, with as much in it as there can be, and with as little."""
    article = {"article": {"id": "a"}}
    decide = ("POST", "/v1/decisions")
    check(judge, api.call(*decide, json=article), *decide)
    wall = Wall(kind="register", offers=("monthly",), trial_eligible=False)
    plain = api.gate.answer.decision
    refused = plain._replace(granted=False, reason=Reason.METER_EXHAUSTED, counted=False, wall=wall)
    carried = plain._replace(reason=Reason.TRIAL, reading=None, entitlement=trialing)
    for decision, degraded in ((refused, None), (carried, "redis"), (plain._replace(reading=None), "database")):
        api.gate.answer = api.gate.answer._replace(decision=decision, degraded=degraded)
        check(judge, api.call(*decide, json=article), *decide)
        batch = ("POST", "/v1/decisions/batch")
        check(judge, api.call(*batch, json={"articles": [article["article"]] * 2}), *batch)
    check(judge, api.call("GET", "/v1/plans"), "GET", "/v1/plans")
    for created in (True, False):
        api.checkouts.created = created
        check(judge, api.call("POST", "/v1/checkouts", json=checkout_body), "POST", "/v1/checkouts")
    for state in (
        api.readers.known,
        replace(api.readers.known, entitlement=trialing, subscription=subscription, reading=plain.reading),
    ):
        api.readers.known = state
        check(judge, api.call("GET", "/v1/readers/r-81"), "GET", "/v1/readers/{reader_id}")
        check(judge, api.call("GET", "/v1/checkouts/chk_1"), "GET", "/v1/checkouts/{checkout_id}")
    body = {"reader_id": "r-81", "return_url": "https://www.example.com/a"}
    check(judge, api.call("POST", "/v1/portals", json=body), "POST", "/v1/portals")
    visitors = "/v1/readers/{reader_id}/visitors"
    check(judge, api.call("POST", "/v1/readers/r-81/visitors", json={"visitor_id": "v"}), "POST", visitors)
    for method in ("POST", "DELETE"):
        answer = api.call(method, "/v1/readers/r-81/cancellation")
        check(judge, answer, method, "/v1/readers/{reader_id}/cancellation")
    for preview in (True, False):
        answer = api.call("POST", "/v1/readers/r-81/plan-changes", json={"plan": "annual", "preview": preview})
        check(judge, answer, "POST", "/v1/readers/{reader_id}/plan-changes")
    for created in (True, False):
        api.refunds.created = created
        asked = {"key": "support:write-key", "json": {"invoice": "in_1", "reason": "moved"}}
        answer = api.call("POST", "/v1/support/accounts/r-81/refunds", **asked)
        check(judge, answer, "POST", "/v1/support/accounts/{reader_id}/refunds")
    listed = FoundAccount(
        reader_id="r-81",
        email="a@example.com",
        customer_id=None,
        status="none",
        plan=None,
        created_at=account.created_at,
    )
    ended = Place(match=Match.READER, key="r-81", reader_id="r-81")
    for page in (api.accounts.page, Page(accounts=[listed], next_after=ended)):
        api.accounts.page, api.accounts.known = page, account
        answer = api.call("GET", "/v1/support/accounts", key="support:read-key")
        check(judge, answer, "GET", "/v1/support/accounts")
    drifted = {
        "id": 9, "customer_id": "cus_1", "reader_id": None, "subscription_id": "sub_1", "kind": "differs",
        "field": "status", "ours": "active", "theirs": "canceled", "found_at": account.created_at,
        "seen_at": account.created_at, "repaired_at": None,
    }  # fmt: skip
    at = account.created_at
    numbers = {"compared": 4, "differing": 1, "repaired": 1, "failed": 0, "resumed": 0}
    ended = Finished(name="reconcile", started_at=at, finished_at=at, found=numbers)
    begun = Unfinished(name="reconcile", started_at=at, updated_at=at)
    drift = DriftPage(rows=[drifted], next_before=9, last_run=ended, under_way=begun, open=1)
    for shown in (api.drift.page_shown, drift):
        api.drift.page_shown = shown
        check(judge, api.call("GET", "/v1/support/drift", key="support:read-key"), "GET", "/v1/support/drift")
    answer = api.call("GET", "/v1/support/accounts/r-81", key="support:read-key")
    check(judge, answer, "GET", "/v1/support/accounts/{reader_id}")
    answer = api.call("POST", "/v1/support/accounts/r-81/sync", key="support:write-key")
    check(judge, answer, "POST", "/v1/support/accounts/{reader_id}/sync")
    answer = api.call("GET", "/v1/support/accounts.csv", key="support:read-key")
    check(judge, answer, "GET", "/v1/support/accounts.csv")
    for path in ("/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs"):
        check(judge, api.call("GET", path, key=None), "GET", path)
    api.health.report = Report(
        ready=False, status="draining", parts={"redis": False}, oldest_unprocessed_event_seconds=3
    )
    check(judge, api.call("GET", "/health/ready", key=None), "GET", "/health/ready")


def test_real_audit_entries_fit_the_document(api: Any, judge: Judge, audit_row: Json) -> None:
    """None, one, and one whose details were erased."""
    erased = audit_row | {"subjects": None, "reason": None, "detail": None}
    for shown in (api.audit.page_shown, AuditPage(rows=[audit_row, erased], next_before=9)):
        api.audit.page_shown = shown
        check(judge, api.call("GET", "/v1/support/audit", key="support:read-key"), "GET", "/v1/support/audit")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_real_problems_fit_the_document(api: Any, judge: Judge, operation: Any, checkout_body: dict[str, str]) -> None:
    """No key, a wrong key, a key without the scope, a body that is none, too much of it, of another type."""
    path = operation.path.replace("{reader_id}", "r-81").replace("{checkout_id}", "chk_1")
    key = f"{operation.access}-key"
    json_type = {"Content-Type": "application/json"}
    attempts: list[Json] = [
        {"key": None},
        {"key": "nobody"},
        {"key": "privacy-key"},
        {"key": key, "query_string": "x=1"},
    ]
    if operation.body_schema is not None:
        attempts += [{"key": key, "data": raw, "headers": json_type} for raw in (b"{", b"[]", b"x" * 2_000_000)]
        attempts += [{"key": key, "data": b"{}", "headers": {"Content-Type": "text/plain"}}]
    if operation.name == "open_checkout":
        api.checkouts.failure = StripeUnavailable("x")
        attempts += [{"key": key, "json": checkout_body}]
    for attempt in attempts:
        check(judge, api.call(operation.method, path, **attempt), operation.method, operation.path)


def test_the_judge_is_no_friend(judge: Judge) -> None:
    """What does not fit is found: the checks above can fail."""
    reader = {"$ref": "#/components/schemas/Meter"}
    good = {"limit": 1, "used": 1, "remaining": 0, "window": "month", "resets_at": "2026-12-01T00:00:00+01:00"}
    assert list(judge.faults(reader, good)) == []
    for change in (
        {"limit": "1"},
        {"window": "year"},
        {"resets_at": "2026-12-01T00:00:00"},
        {"more": 1},
        {"used": None},
    ):
        assert list(judge.faults(reader, good | change)) != []
    assert list(judge.faults(reader, {"limit": 1})) != []
    assert list(judge.faults({"maxItems": 1}, [1, 2])) != []
    assert all(list(judge.faults({"minimum": 1, "maximum": 5}, value)) != [] for value in (0, 6))


def test_the_page_shows_every_route_schema_and_code(api: Any, document: Json) -> None:
    """Each has a place of its own, so that `type` in a problem leads to what it means."""
    page = api.call("GET", "/docs", key=None).get_data(as_text=True)
    for operation in operations_in(document).values():
        assert f'id="{operation["operationId"]}"' in page
    for name in document["components"]["schemas"]:
        assert f'id="schema-{name}"' in page
    for code in CODES:
        assert f'id="{code}"' in page
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert targets <= set(re.findall(r'id="([^"]+)"', page))


def test_the_page_runs_and_loads_nothing(api: Any) -> None:
    """No script, no style but its own (by hash), nothing from elsewhere, in no frame."""
    answer = api.call("GET", "/docs", key=None)
    page, policy = answer.get_data(as_text=True), answer.headers["Content-Security-Policy"]
    assert answer.content_type == "text/html; charset=utf-8"
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    for unwanted in ("<script", " style=", " src=", "<link", "url(", "@import", " onclick"):
        assert unwanted not in page


def test_the_pages_style_is_the_one_its_policy_allows(api: Any) -> None:
    """The hash is of exactly what stands between the tags, or browsers would drop it."""
    import base64
    import hashlib

    answer = api.call("GET", "/docs", key=None)
    style = re.search("<style>(.*?)</style>", answer.get_data(as_text=True), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["Content-Security-Policy"]
