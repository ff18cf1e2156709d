"""No route of people's scopes answers without leaving an entry, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from service.api.auditing import AUDITED_SCOPES, refuse_untraced
from service.api.cursors import cursor_of
from service.api.operations import Operation, answer
from service.api.routes import OPERATIONS
from service.store.api_keys import Scope
from service.store.audit import AuditQuery
from service.support.accounts import AccountDetail, FoundAccount, Page, Place
from service.support.audit import AuditPage
from service.support.drift import DriftPage

AUDITED = [each for each in OPERATIONS if each.access in AUDITED_SCOPES]
START = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
READ, WRITE = "support:read-key", "support:write-key"


def filled(operation: Operation) -> str:
    """Return a path of the route, with some id wherever it takes one."""
    return operation.path.replace("{grant_id}", "12").replace("{", "").replace("}", "")


@pytest.mark.parametrize("operation", AUDITED, ids=lambda each: each.name)
def test_every_route_of_peoples_scopes_leaves_an_entry(api: Any, account: AccountDetail, operation: Operation) -> None:
    """Read or write, found or not: with the key that called, the declared act, and the reader in the path."""
    assert operation.audited is not None
    api.accounts.known = account
    options: dict[str, Any] = {"json": operation.example_body} if operation.body_schema else {}
    if operation.query_schema and "reason" in operation.query_schema().fields:
        options["query_string"] = {"reason": "asked by letter"}
    reply = api.call(operation.method, filled(operation), key=f"{operation.access}-key", **options)
    assert reply.status_code < 300, reply.text
    last = api.audit.entries[-1]
    assert (last.act, last.request_id) == (operation.audited.act, reply.headers["X-Request-Id"])
    assert last.actor.startswith("key:")
    if operation.audited.act == "account.erase":  # which erases what such an entry would say
        assert (last.subjects, last.detail) == ((), {})
        return
    assert last.detail["status"] == reply.status_code
    if "{reader_id}" in operation.path:
        assert last.subjects[0] == "reader_id"


@pytest.mark.parametrize("scope", sorted(AUDITED_SCOPES))
def test_a_route_that_would_leave_no_trace_is_not_served(build_api: Callable[..., Any], scope: Scope) -> None:
    """Whoever forgets to say what it leaves cannot start the service."""
    silent = Operation(
        method="GET", path="/v1/support/new", name="new", tag="For support", summary="New", access=scope,
        view=lambda *_: answer(200, {}),
    )  # fmt: skip
    with pytest.raises(ValueError, match="audit log"):
        refuse_untraced(silent)
    refuse_untraced(replace(silent, access=Scope.DECIDE))


def test_what_cannot_be_recorded_is_not_shown(api: Any, account: AccountDetail) -> None:
    """503, and nothing of the account."""
    api.accounts.known, api.audit.failure = account, OperationalError("insert", {}, Exception("down"))
    reply = api.call("GET", "/v1/support/accounts/r-81", key=READ)
    assert (reply.status_code, reply.json["code"]) == (503, "database_unavailable")
    assert "reader@example.com" not in reply.text


def test_what_cannot_be_recorded_is_not_begun(api: Any) -> None:
    """No money moves without a trace."""
    api.audit.failure = OperationalError("insert", {}, Exception("down"))
    body = {"invoice": "in_1", "reason": "moved"}
    assert api.call("POST", "/v1/support/accounts/r-81/refunds", key=WRITE, json=body).status_code == 503
    assert api.refunds.requests == []


def test_an_act_at_stripe_is_asked_first_and_told_after(api: Any) -> None:
    """Two entries: what was asked and why, and what came of it."""
    body = {"invoice": "in_1", "amount": 100, "reason": "moved"}
    api.call("POST", "/v1/support/accounts/r-81/refunds", key=WRITE, json=body)
    asked, done = api.audit.entries
    told = {"invoice": "in_1", "amount": 100, "preview": False}
    assert (asked.act, asked.reason, asked.detail) == ("act.refund.asked", "moved", told)
    assert (done.act, done.subjects) == ("act.refund", ("r-81",))
    assert done.detail == told | {"status": 201}


def test_a_search_says_whom_it_showed(api: Any) -> None:
    """Each reader on the page, and what was asked for."""
    api.accounts.page = Page(accounts=[found("r-1"), found("r-2")], next_after=None)
    api.call("GET", "/v1/support/accounts", key=READ, query_string={"q": "a"})
    (entry,) = api.audit.entries
    assert (entry.subjects, entry.detail) == (("r-1", "r-2"), {"q": "a", "status": 200})


@pytest.mark.parametrize("path", ["/v1/support/accounts", "/v1/support/accounts.csv"])
def test_of_a_search_that_found_nobody_it_is_kept_that_it_was(api: Any, path: str) -> None:
    """And not what was looked for: half of somebody's address, which no erasure would find."""
    api.accounts.page = Page(accounts=[], next_after=None)
    assert api.call("GET", path, key=READ, query_string={"q": "ada@exampl"}).status_code == 200
    (entry,) = api.audit.entries
    assert (entry.subjects, entry.detail) == ((), {"q": None, "found": 0, "status": 200})


def test_a_page_that_continues_names_nobody_of_the_page_before(api: Any) -> None:
    """A cursor holds the last of them, in a code that no erasure reads."""
    api.accounts.page = Page(accounts=[found("r-2")], next_after=None)
    last = Place(match=None, key="2026-11-10T09:00:00+00:00", reader_id="r-1")
    api.call("GET", "/v1/support/accounts", key=READ, query_string={"cursor": cursor_of(str(last))})
    (entry,) = api.audit.entries
    assert (entry.subjects, entry.detail) == (("r-2",), {"status": 200})


def test_a_callers_request_id_can_be_erased(api: Any, account: AccountDetail) -> None:
    """It may name a reader; what stays for good is an id of ours, the same for what was asked and what came of it."""
    api.accounts.known = account
    body = {"invoice": "in_1", "reason": "moved"}
    sent = {"key": WRITE, "json": body, "headers": {"X-Request-Id": "refund-of-r-81"}}
    assert api.call("POST", "/v1/support/accounts/r-81/refunds", **sent).headers["X-Request-Id"] == "refund-of-r-81"
    asked, done = api.audit.entries
    assert re.fullmatch("[0-9a-f]{32}", asked.request_id)
    assert done.request_id == asked.request_id
    assert asked.detail["request_id"] == done.detail["request_id"] == "refund-of-r-81"


def test_lists_of_events_and_of_drift_say_whom_they_showed(api: Any) -> None:
    """Each reader on the page, once, as a search does."""
    row = {
        "id": 9, "customer_id": "cus_1", "reader_id": "r-7", "subscription_id": "", "kind": "unreadable", "field": "",
        "ours": None, "theirs": None, "found_at": START, "seen_at": START, "repaired_at": None,
    }  # fmt: skip
    api.drift.page_shown = DriftPage(rows=[row, row, row | {"reader_id": None}], next_before=None)
    for path in ("/v1/support/drift", "/v1/support/events"):
        assert api.call("GET", path, key=READ).status_code == 200
    assert [each.subjects for each in api.audit.entries] == [("r-7",), ("r-81",)]


def test_the_log_is_shown_by_its_filters(api: Any, audit_row: dict[str, Any]) -> None:
    """And reading it is in it."""
    api.audit.page_shown = AuditPage(rows=[audit_row], next_before=9)
    asked = {
        "reader_id": "r-81",
        "actor": "key:3",
        "act": "x",
        "since": "2026-11-10T09:00:00Z",
        "cursor": cursor_of("12"),
    }
    shown = api.call("GET", "/v1/support/audit", key=READ, query_string=asked).json
    since = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
    assert api.audit.asked == [AuditQuery(subject="r-81", actor="key:3", act="x", since=since, before=12)]
    assert (shown["data"][0]["seq"], shown["data"][0]["digest"], shown["next"]) == (9, "00" * 32, cursor_of("9"))
    assert shown["data"][0]["erases"] == [5]
    assert (api.audit.entries[-1].act, api.audit.entries[-1].subjects) == ("audit.read", ("r-81",))


@pytest.mark.parametrize("cursor", [cursor_of("r-81"), cursor_of("9" * 19), "x"])
def test_another_lists_cursor_is_refused(api: Any, cursor: str) -> None:
    """422, not a page of something else."""
    reply = api.call("GET", "/v1/support/audit", key=READ, query_string={"cursor": cursor})
    assert (reply.status_code, list(reply.json["errors"])) == (422, ["cursor"])


def test_a_kept_answer_is_no_second_act(build_api: Callable[..., Any], engine: Engine) -> None:
    """An Idempotency-Key repeated acts once, and is in the log once."""
    api = build_api(engine)
    asked = {"key": WRITE, "json": {"invoice": "in_1", "reason": "moved"}, "headers": {"Idempotency-Key": "k-1"}}
    for _ in range(2):
        assert api.call("POST", "/v1/support/accounts/r-81/refunds", **asked).status_code == 201
    assert [each.act for each in api.audit.entries] == ["act.refund.asked", "act.refund"]


def found(reader_id: str) -> FoundAccount:
    made = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
    return FoundAccount(reader_id=reader_id, email=None, customer_id=None, status="none", plan=None, created_at=made)
