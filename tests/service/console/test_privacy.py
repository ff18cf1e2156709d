"""A lead hands a reader what is held on them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, insert

from service.domain.staff import Role
from service.store import tables


def test_a_lead_takes_everything_away(console: Any, engine: Engine) -> None:
    """As a file, from the account's page; an agent can't, and that it was taken is on record."""
    with engine.begin() as connection:
        connection.execute(insert(tables.accounts).values(reader_id="r-<ada>", email="ada@example.com"))
    lead = console.signed_in(Role.LEAD)
    assert 'href="/support/accounts/r-%3Cada%3E/export"' in lead.get("/support/accounts/r-%3Cada%3E").text
    answer = lead.get("/support/accounts/r-%3Cada%3E/export")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.json["held"]["accounts"]["rows"][0]["email"] == "ada@example.com"
    assert console.acts()[-1][1] == "account.export"
    assert lead.get("/support/accounts/r-404/export").status_code == 404
    assert console.signed_in(Role.AGENT, "bob").get("/support/accounts/r-%3Cada%3E/export").status_code == 403
