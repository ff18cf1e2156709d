"""A lead hands a reader what is held on them; an admin erases it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, text, update

from service.console.once import new_key
from service.domain.staff import Role
from service.store import tables
from service.store.audit import AuditQuery
from service.store.notes import add as add_note


def test_a_lead_takes_everything_away(console: Any, engine: Engine) -> None:
    """As a file, from the account's page; an agent can't, and that it was taken is on record, with the reason."""
    with engine.begin() as connection:
        connection.execute(insert(tables.accounts).values(reader_id="r-<ada>", email="ada@example.com"))
    lead = console.signed_in(Role.LEAD)
    assert 'action="/support/accounts/r-%3Cada%3E/export"' in lead.get("/support/accounts/r-%3Cada%3E").text
    assert lead.post("/support/accounts/r-%3Cada%3E/export").status_code == 422
    answer = lead.post("/support/accounts/r-%3Cada%3E/export", {"reason": "asked by letter"})
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.json["held"]["accounts"]["rows"][0]["email"] == "ada@example.com"
    newest = console.desk.services.audit.page(AuditQuery()).rows[0]
    assert (newest["act"], newest["reason"], newest["subjects"]) == ("account.export", "asked by letter", ["r-<ada>"])
    assert lead.post("/support/accounts/r-404/export", {"reason": "x"}).status_code == 404
    agent = console.signed_in(Role.AGENT, "bob")
    assert agent.post("/support/accounts/r-%3Cada%3E/export", {"reason": "x"}).status_code == 403


@pytest.fixture
def ada(engine: Engine) -> str:
    """A reader with an account and a note about it; returns the address of the account's page."""
    with engine.begin() as connection:
        connection.execute(insert(tables.accounts).values(reader_id="r-<ada>", email="ada@example.com"))
        add_note(connection, "r-<ada>", body="Rang.", written_by="staff:7", written_at=datetime.now(UTC))
    return "/support/accounts/r-%3Cada%3E"


def test_an_admin_erases_a_reader(console: Any, engine: Engine, ada: str) -> None:
    """After seeing what goes; the typed id must be the reader's, the reason must not say whom it is about."""
    admin = console.signed_in(Role.ADMIN)
    console.desk.services.erasures._sleep = lambda _seconds: None
    assert f'href="{ada}/erasure"' in admin.get(ada).text
    page = admin.get(f"{ada}/erasure")
    assert "<code>notes</code></td><td>What staff wrote to each other about the account.</td><td>1</td>" in page.text
    refused = [{"reason": "asked", "confirm": "r-ada"}, {"confirm": "r-<ada>"}, {"reason": "x", "confirm": ""},
               {"reason": "for ada@example.com", "confirm": "r-<ada>"}]  # fmt: skip
    for form in refused:
        assert admin.post(f"{ada}/erasure", form).status_code == 422
    done = admin.post(f"{ada}/erasure", {"reason": "asked by letter", "confirm": "r-<ada>"})
    assert done.status_code == 200
    assert "nothing is left to be done there" in done.text
    with engine.connect() as connection:
        assert connection.scalar(text("select count(*) from accounts")) == 0
        assert connection.scalar(text("select count(*) from notes")) == 0
    assert console.acts()[-1][1] == "account.erase"
    assert list(console.desk.services.audit.faults()) == []
    assert admin.get(f"{ada}/erasure").status_code == 404


def test_a_second_press_tells_what_the_first_did(console: Any, engine: Engine, ada: str) -> None:
    """The form has the customer's number, so nothing is kept for it; without, it is said that it was told before."""
    with engine.begin() as connection:
        connection.execute(update(tables.accounts).values(customer_id="cus_Ada"))
    admin = console.signed_in(Role.ADMIN)
    erasures = console.desk.services.erasures
    erasures._sleep = erasures._sync_now = lambda _: None
    assert '<input type="hidden" name="customers" value="cus_Ada">' in admin.get(f"{ada}/erasure").text
    form = {"reason": "asked by letter", "confirm": "r-<ada>", "customers": "cus_Ada"}
    first, second = (admin.post(f"{ada}/erasure", form) for _ in range(2))
    for page in (first, second):
        assert "Note cus_Ada now" in page.text
    third = admin.post(f"{ada}/erasure", form | {"customers": "cus_Bob"})
    assert "had been erased before" in third.text
    assert "is known of this reader" not in third.text
    assert "cus_" not in third.text
    with engine.connect() as connection:
        log = str([*connection.execute(text("table audit")), *connection.execute(text("table audit_details"))])
    assert "cus_Ada" not in log


def test_only_an_admin_erases(console: Any, ada: str) -> None:
    """A lead exports, and is not even shown the way."""
    lead = console.signed_in(Role.LEAD)
    assert "/erasure" not in lead.get(ada).text
    assert lead.get(f"{ada}/erasure").status_code == 403
    assert lead.post(f"{ada}/erasure", {"reason": "x", "confirm": "r-<ada>"}).status_code == 403


def test_it_takes_two_where_the_publication_says_so(console: Any, ada: str) -> None:
    """One admin asks, another erases; nobody does both, and asking holds for a week."""
    object.__setattr__(console.desk, "erasure_by_two", True)
    console.desk.services.erasures._sleep = lambda _seconds: None
    one, two = console.signed_in(Role.ADMIN, "one"), console.signed_in(Role.ADMIN, "two")
    form = {"reason": "asked by letter", "confirm": "r-<ada>"}
    assert two.post(f"{ada}/erasure", form).status_code == 409
    assert one.post(f"{ada}/erasure/ask", {"reason": "a letter came"}).status_code == 303
    assert "Ask for the erasure" in one.get(f"{ada}/erasure").text
    assert one.post(f"{ada}/erasure", form).status_code == 409
    assert "type the reader id" in two.get(f"{ada}/erasure").text
    assert two.post(f"{ada}/erasure", form).status_code == 200


def test_a_running_subscription_stands_in_the_way(console: Any, engine: Engine, ada: str) -> None:
    """It is said on the page, where there is no button then."""
    with engine.begin() as connection:
        connection.execute(update(tables.accounts).values(customer_id="cus_Ada"))
        now = datetime.now(UTC)
        row = {"id": "sub_1", "customer_id": "cus_Ada", "status": "past_due", "plan": "monthly", "price_id": "price_1"}
        connection.execute(insert(tables.subscriptions).values(row | {"created_at": now, "fetched_at": now}))
    page = console.signed_in(Role.ADMIN).get(f"{ada}/erasure")
    assert "A subscription is running" in page.text
    assert "type the reader id" not in page.text
    assert "cus_Ada" in page.text


def test_where_a_form_led_to_is_erased_too(console: Any, engine: Engine, ada: str) -> None:
    """A form's kept answer has the reader in an address; another reader's, whose id begins alike, stays."""
    with engine.begin() as connection:
        connection.execute(insert(tables.accounts).values(reader_id="r-<ada>2"))
    admin = console.signed_in(Role.ADMIN)
    console.desk.services.erasures._sleep = lambda _seconds: None
    until = (datetime.now(UTC) + timedelta(days=7)).date().isoformat()
    for page in (ada, f"{ada}2"):
        form = {"until": until, "reason": "late paper", "once": new_key()}
        assert admin.post(f"{page}/acts/grant", form).status_code == 303
    assert admin.post(f"{ada}/erasure", {"reason": "asked by letter", "confirm": "r-<ada>"}).status_code == 200
    with engine.connect() as connection:
        assert connection.scalars(select(tables.idempotency_keys.c.body)).all() == [f"{ada}2?done=grant"]
