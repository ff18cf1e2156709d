"""Every page of the console, whichever there are, with a reader's own data behind it: each role, each wrong id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from marshmallow import fields

from service.console.frame import Page
from service.console.once import new_key
from service.console.routes import PAGES
from service.domain.staff import Role
from service.store.audit import AuditQuery

pytestmark = pytest.mark.xdist_group("console_routes")  # the service behind them is put together once

GUARDED = [page for page in PAGES if isinstance(page.role, Role)]
UNKNOWN = ("r-nobody", "cus_nobody", "in_nobody", "evt_nobody", "999999999", "-1", "r-canary'--", "\u202e")
PRYING = "r-prying"
HANDS_OUT_TRACES = {"export_reader"}
"""Where even a wrong id has something: that it was asked for is in the audit log, and is handed out."""


def names_in(page: Page) -> list[str]:
    return [each.strip("<>").rpartition(":")[2] for each in page.path.split("/") if each.startswith("<")]


def at(page: Page, values: dict[str, str]) -> str:
    steps = [quote(values[each.strip("<>").rpartition(":")[2]], safe="") if "<" in each else each
             for each in page.path.split("/")]  # fmt: skip
    return "/".join(steps)


def kind_of(name: str) -> str:
    return name.removesuffix("_id")


def own(whole: Any, page: Page) -> dict[str, str]:
    return {name: whole.ids.get(kind_of(name), "999999999") for name in names_in(page)}


def filled(page: Page) -> dict[str, str]:
    """Return the page's form filled in with what nobody could object to, as far as a schema says what that is."""
    if page.form is None:
        return {}
    return {name: _value(each) for name, each in page.form().fields.items() if each.required}


def _value(of: Any) -> str:
    choices = next((each.choices for each in of.validators if hasattr(each, "choices")), None)
    if choices:
        return str(next(iter(choices)))
    return "999999999" if isinstance(of, fields.Integer) else "because"


@pytest.fixture
def desks(whole: Any) -> dict[Role, Any]:
    """A browser for each role."""
    return {role: whole.staff(role) for role in Role}


def test_no_page_opens_to_nobody(whole: Any) -> None:
    """Sent to sign in, or refused: and not a word of the reader whose page it is."""
    before = whole.account()
    for page in GUARDED:
        path = at(page, own(whole, page))
        answer = whole.app.test_client().open(path, method=page.method, base_url="https://desk.daily.example")
        assert answer.status_code == (303 if page.method == "GET" else 401), page.name
        assert whole.leaked(answer, path, quote(path, safe="/")) == [], page.name
    assert whole.account() == before


def test_a_page_above_ones_role_tells_nothing_and_does_nothing(whole: Any, desks: dict[Role, Any]) -> None:
    """Every page as every role below its own, with a well-filled form: 403, no leak, no change."""
    before = whole.account()
    for page in GUARDED:
        for role in (each for each in Role if each < page.role):
            path = at(page, own(whole, page))
            answer = desks[role].ask(page.method, path, filled(page))
            assert (answer.status_code, "needs the role" in answer.text) == (403, True), (page.name, role)
            assert whole.leaked(answer, path) == [], (page.name, role)
    assert whole.account() == before


def test_every_page_that_shows_opens_to_its_role(whole: Any, desks: dict[Role, Any]) -> None:
    """The tests beside can fail: with the right role and the reader's own id, GET pages are there."""
    shown = [page for page in GUARDED if page.method == "GET" and set(names_in(page)) <= {"reader_id"}]
    for page in shown:
        for role in (each for each in Role if each >= page.role):
            answer = desks[role].ask("GET", at(page, own(whole, page)))
            assert answer.status_code == 200, (page.name, role, answer.text)
    assert whole.leaked(desks[Role.VIEWER].ask("GET", "/support/accounts/r-canary")) != []


def test_every_page_names_in_the_log_whom_it_shows(whole: Any, desks: dict[Role, Any]) -> None:
    """Also a list that nobody asked for by a reader's id: whoever is on it was looked at, and the log says so."""
    shown = set()
    for page in (each for each in GUARDED if each.method == "GET" and set(names_in(each)) <= {"reader_id", "event_id"}):
        answer = desks[Role.ADMIN].ask("GET", at(page, own(whole, page)))
        seen = {each for each in (whole.ids["reader"], PRYING) if each in answer.text.replace(quote(each), each)}
        if not seen:
            continue
        (entry, *_) = whole.services.audit.page(AuditQuery()).rows
        assert page.audited is not None, page.name
        assert (entry["act"], seen - set(entry["subjects"])) == (page.audited.act, set()), page.name
        shown.add(page.name)
    assert {"accounts", "account", "events", "event", "drift", "timeline", "why_of_account", "audit"} <= shown


def strangers(whole: Any, page: Page) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield ids that do not belong there, in each place in turn; beside a reader also another reader's things."""
    for name in names_in(page):
        nested = name != "reader_id" and "reader_id" in names_in(page)
        foreign = [value for kind, value in whole.ids.items() if nested or kind != kind_of(name)]
        whose = {"reader_id": PRYING} if nested else {}
        for stranger in (*foreign, *UNKNOWN):
            yield stranger, own(whole, page) | whose | {name: stranger}


NAMES_A_READER = {"other": "reader"}
"""What a field is about where its name does not say it."""


def strange_values(whole: Any, page: Page, role: Role) -> Iterator[tuple[str, str]]:
    """Yield the victim's things for each field of a form: each where it belongs, and as an admin also where not."""
    for name in filled(page):
        for kind, stranger in whole.ids.items():
            if role is Role.ADMIN or kind == NAMES_A_READER.get(name, name):
                yield name, stranger


@pytest.mark.slow
def test_anothers_id_in_a_form_does_nothing_to_them(whole: Any, desks: dict[Role, Any]) -> None:
    """The prying reader's account in the address, the victim's things in the form: as every role that may.

    Told in words wherever the field names a thing of the victim's; the victim stays as they were.
    """
    before, tried = whole.account(), set()
    for page in (each for each in GUARDED if each.method == "POST" and "reader_id" in names_in(each)):
        path = at(page, {name: PRYING if name == "reader_id" else "999999999" for name in names_in(page)})
        for role in (each for each in Role if each >= page.role):
            for name, stranger in strange_values(whole, page, role):
                answer = desks[role].ask("POST", path, filled(page) | {"once": new_key()} | {name: stranger})
                assert answer.status_code < 500, (page.name, name, stranger, answer.text)
                traces = page.name in HANDS_OUT_TRACES  # what was tried here before is in the log, and handed out
                assert traces or whole.leaked(answer, stranger) == [], (page.name, name, stranger)
                if whole.ids.get(NAMES_A_READER.get(name, name)) == stranger:
                    assert answer.status_code in {404, 409, 422}, (page.name, role, name, answer.text)
                    tried.add((page.name, name))
    assert whole.account() == before
    assert {name for _, name in tried} >= {"invoice", "grant", "hold", "other"}


@pytest.mark.slow
def test_a_wrong_id_leads_nowhere(whole: Any, desks: dict[Role, Any]) -> None:
    """Of another kind, of another reader, of nobody: told in words, to an admin too, and nothing is done."""
    before, tried = whole.account(), 0
    for page in GUARDED:
        for stranger, values in strangers(whole, page):
            answer = desks[Role.ADMIN].ask(page.method, at(page, values), filled(page))
            allowed = {404, 409, 422} | ({200} if page.name in HANDS_OUT_TRACES else set())
            assert answer.status_code in allowed, (page.name, stranger, answer.status_code, answer.text)
            assert whole.leaked(answer, *values.values()) == [], (page.name, stranger)
            tried += 1
    assert tried > 20
    assert whole.account() == before
