"""A lead reads the audit log in the console: who did what, to whom and why, by the API's filters."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from service.domain.staff import Role
from service.store.audit import AuditQuery
from service.store.tables import accounts
from service.support.audit import Entry


@pytest.fixture
def lead(console: Any) -> Any:
    """A lead's browser, beside a log in which somebody gave money back and somebody took a list away."""
    audit = console.desk.services.audit
    many = tuple(f"r-{number}" for number in range(10, 1010))
    with console.engine.begin() as connection:
        connection.execute(insert(accounts).values(reader_id="r-<ada>"))
        refund = {"invoice": "in_1", "status": 201}
        given = {"act": "act.refund", "subjects": ("r-<ada>",), "reason": "charged <twice>", "detail": refund}
        audit.record(connection, Entry(actor="key:3", **given))
        audit.record(connection, Entry(actor="staff:9", act="accounts.export", subjects=many))
    return console.signed_in(Role.LEAD)


def test_an_entry_is_told_in_words(lead: Any) -> None:
    """With who, whom and why, escaped; of a thousand readers three are named and the rest counted."""
    page = lead.get("/support/audit").text
    assert "Refunded a payment (in_1)." in page
    assert '<a href="/support/accounts/r-%3Cada%3E">r-&lt;ada&gt;</a>' in page
    assert "charged &lt;twice&gt;" in page
    assert "r-12</a> and 997 more" in page
    assert "r-13" not in page


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"reader_id": "r-<ada>"}, ["act.refund"]), ({"actor": "staff:9"}, ["accounts.export"]),
        ({"act": "act.refund", "until": "2026-11-11T00:00"}, ["act.refund"]),
        ({"since": "2026-11-10T10:00", "actor": "key:3"}, ["act.refund"]),  # by the clock of Paris
        ({"since": "2026-11-10T10:01", "actor": "key:3"}, []), ({"act": "nothing"}, []),
    ],
)  # fmt: skip
def test_the_filters_are_the_apis(lead: Any, asked: dict[str, str], found: list[str]) -> None:
    """By reader, by who, by act and by time, which is the publication's clock; nothing found is said in words."""
    page = lead.get("/support/audit", query_string=asked | {"cursor": ""}).text
    assert [each for each in ("act.refund", "accounts.export") if f"({each})" in page] == found
    assert ("No entry is like that." in page) is (not found)


def test_pages_lead_on(console: Any, lead: Any) -> None:
    """Fifty at a time, by the same filter."""
    with console.engine.begin() as connection:
        console.desk.services.audit.record_all(connection, [Entry(actor="key:4", act=f"x.{n}") for n in range(51)])
    first = lead.get("/support/audit?actor=key:4").text
    (following,) = [each.split('"')[0] for each in first.split('href="') if 'rel="next"' in each.split(">")[0]]
    assert ("(x.50)" in first, "(x.0)" in first) == (True, False)
    second = lead.get(following.replace("&amp;", "&")).text
    assert ("(x.0)" in second, "(x.1)" in second, "That is all of them." in second) == (True, False, True)


def test_reading_it_is_in_it(console: Any, lead: Any) -> None:
    """With what was asked for and whom the page named: no more than that."""
    lead.get("/support/audit?reader_id=r-nobody&act=x")
    (entry, *_) = console.desk.services.audit.page(AuditQuery()).rows
    assert (entry["act"], entry["subjects"]) == ("audit.read", ["r-nobody"])
    assert entry["detail"] == {"reader_id": "r-nobody", "act": "x", "status": 200}
    lead.get("/support/audit?actor=staff:9")
    (entry, *_) = console.desk.services.audit.page(AuditQuery()).rows
    assert entry["subjects"] == ["r-10", "r-11", "r-12"]


@pytest.mark.parametrize("wrong", ["since=yesterday", "cursor=x", "colour=red", f"actor={'x' * 101}"])
def test_what_is_no_filter_is_shown_again(lead: Any, wrong: str) -> None:
    """With what is wrong, and nothing of the log."""
    answer = lead.get(f"/support/audit?{wrong}")
    assert (answer.status_code, "can’t be shown" in answer.text, "r-10" in answer.text) == (422, True, False)


def test_the_log_is_a_leads(console: Any) -> None:
    """An agent is refused and has no link there; a lead has."""
    agent = console.signed_in(Role.AGENT)
    assert agent.get("/support/audit").status_code == 403
    assert 'href="/support/audit"' not in agent.get("/support").text
    assert 'href="/support/audit"' in console.signed_in(Role.LEAD, "lee").get("/support").text
