"""An export has all that is held on a reader, and nothing of anybody else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from service.errors import NotFound
from service.privacy.everything import HELD
from service.privacy.export import Exports
from service.store import tables
from service.store.note_tables import notes
from service.support.audit import Audit, Entry
from webhooks.tables import events

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)


@pytest.fixture
def exports(parts: Any) -> Exports:
    return Exports(parts.engine, parts.meter, parts.catalog, business_clock=parts.clock, wall_clock=lambda: NOW)


def test_what_is_told_is_theirs_alone(exports: Exports, engine: Engine) -> None:
    """Rows of theirs; of what was done to several readers at once, that it was done, and nothing of the others."""
    audit = Audit(engine, lambda: NOW)
    with engine.begin() as connection:
        for reader_id in ("r-ada", "r-bob"):
            account = {"reader_id": reader_id, "email": f"{reader_id}@example.com", "customer_id": f"cus_{reader_id}"}
            connection.execute(insert(tables.accounts).values(account))
            note = {"reader_id": reader_id, "body": f"About {reader_id}", "written_by": "staff:7", "written_at": NOW}
            connection.execute(insert(notes).values(note))
            connection.execute(insert(events).values(_event(f"evt_{reader_id}", f"cus_{reader_id}")))
        audit.record(
            connection, Entry(actor="staff:7", act="account.read", subjects=("r-ada",), detail={"status": 200})
        )
        search = Entry(actor="staff:7", act="accounts.search", subjects=("r-ada", "r-bob"), detail={"q": "r-bob@"})
        audit.record(connection, search)
    found = exports.export("r-ada")
    assert [each["body"] for each in found["held"]["notes"]["rows"]] == ["About r-ada"]
    assert [each["payload"] for each in found["held"]["events"]["rows"]] == [{"id": "evt_r-ada", "data": {"n": 1}}]
    told = [(each["act"], each["detail"]) for each in found["held"]["audit_details"]["rows"]]
    assert told == [("account.read", {"status": 200}), ("accounts.search", None)]
    assert "r-bob" not in json.dumps(found)


def test_an_event_that_names_no_customer_is_found_by_what_it_says(exports: Exports, engine: Engine) -> None:
    """One that waits to be routed, or was ignored, may still name the reader, in any spelling."""
    with engine.begin() as connection:
        account = {"reader_id": "r-ada", "email": "Ada.Ö@example.com"}
        connection.execute(insert(tables.accounts).values(account))
        body = json.dumps({"id": "evt_1", "billing_details": {"email": "ada.ö@example.com"}}).encode()
        connection.execute(insert(events).values(_event("evt_1", None) | {"body": body}))
        connection.execute(insert(events).values(_event("evt_2", None)))
    assert [each["id"] for each in exports.export("r-ada")["held"]["events"]["rows"]] == ["evt_1"]


def test_somebody_who_only_read_is_known_too(exports: Exports, parts: Any) -> None:
    """Without an account there is what was decided, the browser that is linked, and the count in Redis."""
    from service.access.question import Question
    from service.domain.decision import Article

    question = Question(articles=[Article(id="a-1")], reader_id="r-new", visitor_id="v-new", consume=True)
    parts.gate.decide(question)
    parts.journal.close()
    found = exports.export("r-new")
    assert found["meter"]["reader"]["articles_read"] == 1
    assert [each["visitor_id"] for each in found["meter"]["browsers"]] == ["v-new"]
    assert [each["article_id"] for each in found["held"]["decisions"]["rows"]] == ["a-1"]
    json.dumps(found)


def test_of_whom_nothing_is_held_is_told_so(exports: Exports) -> None:
    """Not an empty document, which may be a reader id with a typing error."""
    with pytest.raises(NotFound, match="Nothing is held"):
        exports.export("r-404")


def test_every_part_says_what_it_is_for(exports: Exports, engine: Engine) -> None:
    """The reader sees all the tables there are, those that are empty for them too."""
    with engine.begin() as connection:
        connection.execute(insert(tables.accounts).values(reader_id="r-ada"))
    held = exports.export("r-ada")["held"]
    assert held.keys() == {each.name for each in HELD}
    assert all(part["why"].endswith(".") for part in held.values())


def _event(event_id: str, customer_id: str | None) -> dict[str, Any]:
    payload = {"id": event_id, "data": {"n": 1, "client_secret": "pi_1_secret_2"}}
    return {
        "id": event_id, "type": "customer.updated", "body": json.dumps(payload).encode(), "customer_id": customer_id,
        "status": "pending",
    }  # fmt: skip
