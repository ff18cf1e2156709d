"""Every page of the console, handed what nobody should hand it: told in words, or ignored; never a 500."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from marshmallow import fields
from sqlalchemy import insert

from service.console.frame import Page
from service.console.routes import PAGES
from service.domain.staff import Role
from service.store.audit import AuditQuery
from service.store.tables import accounts

NASTY = {"nul": b"a\x00b", "long": b"0123456789abcdef" * 500, "not_utf8": b"\xff\xed\xa0\x80"}
ASKED = {
    "accounts": ("q", "status", "plan", "only", "sort", "cursor"),
    "export_accounts": ("q", "status"),
    "account": ("sync", "done"),
    "timeline": ("kind", "cursor"),
    "events": ("status", "type", "customer", "cause", "cursor"),
    "confirm_replays": ("status", "type", "customer", "cause"),
    "event": ("replayed",),
    "inbox": ("replayed", "customers"),
    "drift": ("cursor",),
    "why": ("visitor_id", "article", "at"),
    "why_of_account": ("article", "at"),
    "numbers": ("figure", "period"),
    "sign_in": ("next",),
    "start_sign_in": ("next",),
    "grant_form": ("until",),
}
"""What pages read from their addresses; all of them leave the rest of it in the audit log."""
EXPECTED = {200, 303, 400, 403, 404, 409, 413, 422}


@pytest.fixture
def admin(console: Any) -> Any:
    """An admin's browser, and an account to be asked about."""
    with console.engine.begin() as connection:
        connection.execute(insert(accounts).values(reader_id="r-ada"))
    return console.signed_in(Role.ADMIN)


def at(page: Page, value: str) -> str:
    """Return the page's address with each place filled in."""
    return "/".join(value if each.startswith("<") else each for each in page.path.split("/"))


def filled(page: Page, name: str = "", value: bytes = b"") -> dict[str, Any]:
    """Return the page's form as it should be, as far as a schema tells, but for one field."""
    form = page.form().fields if page.form else {}
    return {each: _good(field) for each, field in form.items()} | ({name: value} if name else {})


def _good(field: Any) -> str:
    choices = next((each.choices for each in field.validators if hasattr(each, "choices")), None)
    usual = "1" if isinstance(field, fields.Integer) else "2026-11-20" if isinstance(field, fields.Date) else "because"
    return str(next(iter(choices))) if choices else usual


def asked_of(page: Page, value: bytes) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield addresses and forms with the value in each place in turn."""
    written = quote_from_bytes(value, safe="")
    address = at(page, "r-ada")
    if "<" in page.path:
        yield at(page, written), filled(page) if page.method == "POST" else None
    if page.method == "GET":
        yield from ((f"{address}?{name}={written}", None) for name in (*ASKED.get(page.name, ()), "x"))
        yield f"{address}?{written}=x", None
    else:
        yield from ((f"{address}?x={written}", filled(page, name, value)) for name in filled(page))


@pytest.mark.parametrize("value", NASTY.values(), ids=NASTY.keys())
def test_nothing_sent_to_a_page_is_a_500(console: Any, admin: Any, value: bytes) -> None:
    """In the path, the address and each field of each form; also of pages that leave it in the audit log."""
    for page in PAGES:
        if page.name == "sign_out":
            continue
        for path, form in asked_of(page, value):
            answer = admin.get(path) if form is None else admin.post(path, form)
            assert answer.status_code in EXPECTED, (page.name, path[:200], str(form)[:200], answer.text[-400:])
    assert list(console.desk.services.audit.faults()) == []


def test_what_cannot_be_kept_is_kept_as_far_as_it_can(console: Any, admin: Any) -> None:
    """The entry is there, with what was asked, but for what PostgreSQL refuses, and not without an end."""
    assert admin.get("/support/accounts/r-ada?x=a%00b&y=" + "y" * 6000).status_code == 200
    assert admin.get("/support/accounts/r-ada?%00=1").status_code == 200
    details = [row["detail"] for row in console.desk.services.audit.page(AuditQuery(act="account.read")).rows]
    assert details == [{"\ufffd": "1", "status": 200}, {"x": "a\ufffdb", "y": "y" * 5000, "status": 200}]
