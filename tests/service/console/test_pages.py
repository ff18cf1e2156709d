"""What the console's own pages do: sessions, staff, API keys; each change is on record, with its reason."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from service.console.once import new_key
from service.domain.staff import Role
from service.store.api_keys import Scope
from service.store.audit import AuditQuery
from service.store.tables import idempotency_keys

SESSION = "__Host-newsstand-staff"


def test_somebody_sees_and_ends_their_own_sessions_alone(console: Any) -> None:
    """Both of theirs, neither of anybody else's; an ended one is out at its next request."""
    here, there, other = console.signed_in(Role.VIEWER), console.signed_in(Role.VIEWER), console.signed_in(
        Role.ADMIN, "eve"
    )  # fmt: skip
    page = here.get("/support/sessions").text
    numbers = re.findall(r'name="number" value="(\d+)"', page)
    assert (len(numbers), "(this one)" in page) == (2, True)
    theirs = console.desk.sessions.find(other.cookie(SESSION)).session
    assert here.post("/support/sessions/end", {"number": theirs}).status_code == 404
    assert other.get("/support").status_code == 200
    elsewhere = console.desk.sessions.find(there.cookie(SESSION)).session
    assert here.post("/support/sessions/end", {"number": elsewhere}).status_code == 303
    assert (there.get("/support").status_code, here.get("/support").status_code) == (303, 200)


def test_signing_out_ends_the_session_itself(console: Any) -> None:
    """Not only this browser's cookie: a copy of it opens nothing either."""
    browser = console.signed_in(Role.VIEWER)
    kept = browser.cookie(SESSION)
    assert browser.post("/support/sign-out").status_code == 303
    assert browser.cookie(SESSION) is None
    browser.carry(SESSION, kept)
    assert browser.get("/support").status_code == 303
    assert "You are signed out" in browser.get("/support/sign-in?out=1").text


def test_an_admin_limits_shuts_out_and_lets_in_again(console: Any) -> None:
    """Each at the next request of whom it concerns; the reasons are in the audit log."""
    admin, agent = console.signed_in(Role.ADMIN, "eve"), console.signed_in(Role.ADMIN, "ana")
    ana = console.employ(Role.ADMIN, "ana")
    assert agent.get("/support/staff").status_code == 200
    assert admin.post("/support/staff/limit", {"staff": ana, "limit": "agent", "reason": "new"}).status_code == 303
    assert agent.get("/support/staff").status_code == 403
    assert "groups say admin" in admin.get("/support/staff").text
    assert admin.post("/support/staff/limit", {"staff": ana, "limit": "", "reason": "grown"}).status_code == 303
    assert agent.get("/support/staff").status_code == 200
    assert admin.post("/support/staff/revoke", {"staff": ana, "reason": "left"}).status_code == 303
    assert agent.get("/support").status_code == 303
    assert admin.post("/support/staff/restore", {"staff": ana, "reason": "back"}).status_code == 303
    assert agent.get("/support").status_code == 303, "an old session stays ended"
    rows = console.desk.services.audit.page(AuditQuery()).rows
    reasons = [(row["act"], row["reason"]) for row in reversed(rows) if row["reason"]]
    assert reasons == [("staff.limit", "new"), ("staff.limit", "grown"), ("staff.revoke", "left"),
                       ("staff.restore", "back")]  # fmt: skip


@pytest.mark.parametrize("path", ["limit", "revoke"])
def test_nobody_changes_their_own_access(console: Any, path: str) -> None:
    """The last admin can't lock the desk from the inside."""
    admin = console.signed_in(Role.ADMIN)
    form = {"staff": console.employ(Role.ADMIN), "reason": "tired"}
    assert admin.post(f"/support/staff/{path}", form).status_code == 409
    assert admin.get("/support/staff").status_code == 200


@pytest.mark.parametrize("path", ["limit", "revoke", "restore"])
def test_what_is_not_there_is_told(console: Any, path: str) -> None:
    """No such member of staff: 404 in words, and not on record as done."""
    answer = console.signed_in(Role.ADMIN).post(f"/support/staff/{path}", {"staff": 999, "reason": "x"})
    assert (answer.status_code, "no such member" in answer.text) == (404, True)
    assert console.acts() == []


def test_a_change_of_staff_needs_a_reason(console: Any) -> None:
    """422, and nothing is done."""
    ana = console.employ(Role.AGENT, "ana")
    answer = console.signed_in(Role.ADMIN).post("/support/staff/revoke", {"staff": ana, "reason": ""})
    assert (answer.status_code, "reason" in answer.text) == (422, True)


def keyed(**form: Any) -> dict[str, Any]:
    """Return a form of the keys' page as it is sent when it was just shown."""
    return {"reason": "because", "once": new_key()} | form


def test_a_key_is_made_shown_once_rotated_and_revoked(console: Any) -> None:
    """The successor has the same label and scopes, and both work until the old one is revoked; each for a reason."""
    admin = console.signed_in(Role.ADMIN)
    made = admin.post("/support/keys", keyed(label="our site", scope=["decide", "billing"]))
    key = re.search(r"nsk_[0-9a-f]{8}_[\w-]{43}", made.text)
    assert key is not None
    assert key[0] not in admin.get("/support/keys").text
    (first,) = console.desk.keys.live()
    assert first.scopes == {"decide", "billing"}
    assert "nsk_" in admin.post("/support/keys/rotate", keyed(key=first.id)).text
    assert [(each.label, each.scopes) for each in console.desk.keys.live()] == [("our site", first.scopes)] * 2
    assert admin.post("/support/keys/revoke", keyed(key=first.id)).status_code == 303
    assert first.id not in {each.id for each in console.desk.keys.live()}
    for path in ("rotate", "revoke"):
        assert admin.post(f"/support/keys/{path}", keyed(key=first.id)).status_code == 404
    acts = [act for _, act in console.acts()]
    assert acts[:4] == ["key.make", "key.rotate", "key.revoke.asked", "key.revoke"]
    rows = [dict(row) for row in console.desk.services.audit.page(AuditQuery()).rows]
    assert key[0] not in str(rows)
    assert {row["reason"] for row in rows} == {"because"}


@pytest.mark.parametrize("path", ["", "/rotate", "/revoke"])
def test_a_form_of_the_keys_sent_twice_acts_once(console: Any, path: str) -> None:
    """One key more or less, one entry; a key that was shown is not shown again, nor kept anywhere to be."""
    admin = console.signed_in(Role.ADMIN)
    console.desk.keys.create_key("old", [Scope.DECIDE])
    (old,) = console.desk.keys.list()
    form = keyed(label="our site", scope="decide") if path == "" else keyed(key=old.id)
    first, again = (admin.post(f"/support/keys{path}", form) for _ in range(2))
    assert (first.status_code, again.status_code) == ((303, 303) if path == "/revoke" else (200, 409))
    assert "nsk_" not in again.text
    assert len(console.desk.keys.list()) == (1 if path == "/revoke" else 2)
    assert len([act for _, act in console.acts() if not act.endswith(".asked")]) == 1
    with console.engine.connect() as connection:
        kept = connection.scalars(select(idempotency_keys.c.body)).all()
    assert kept == ["/support/keys" if path == "/revoke" else ""]


@pytest.mark.parametrize("path", ["", "/rotate", "/revoke"])
@pytest.mark.parametrize("lacking", ["reason", "once"])
def test_keys_change_only_for_a_reason_and_once(console: Any, path: str, lacking: str) -> None:
    """Without a reason, or the form's own key, nothing is done, and what is missing is said."""
    admin = console.signed_in(Role.ADMIN)
    console.desk.keys.create_key("old", [Scope.DECIDE])
    (old,) = console.desk.keys.list()
    form = keyed(label="x", scope="decide", key=old.id)
    answer = admin.post(f"/support/keys{path}", {name: each for name, each in form.items() if name != lacking})
    assert (answer.status_code, f"{lacking}: Missing" in answer.text) == (422, True)
    assert [each.revoked_at for each in console.desk.keys.list()] == [None]


@pytest.mark.parametrize("scopes", [[], ["everything"]])
def test_a_key_that_opens_nothing_is_not_made(console: Any, scopes: list[str]) -> None:
    """At least one scope that there is; the same form with one ticked then makes it."""
    admin, form = console.signed_in(Role.ADMIN), keyed(label="x")
    assert admin.post("/support/keys", form | {"scope": scopes}).status_code == 422
    assert console.desk.keys.list() == []
    assert admin.post("/support/keys", form | {"scope": ["decide"]}).status_code == 200


def test_what_people_typed_is_shown_as_text(console: Any) -> None:
    """A label or a name with markup in it is markup nowhere."""
    admin = console.signed_in(Role.ADMIN)
    console.employ(Role.VIEWER, "<script>alert(1)</script>")
    console.desk.keys.create_key("<img src=x onerror=alert(1)>", [Scope.DECIDE])
    for path in ("/support/staff", "/support/keys"):
        page = admin.get(path).text
        assert "&lt;" in page
        assert "<script>alert" not in page
        assert "<img" not in page
