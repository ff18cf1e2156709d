"""Somebody is known by all names they have here, and by those they had."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, insert

from service.privacy.export import Exports
from service.privacy.person import Person, find_person
from service.store import merges, tables
from webhooks.tables import events

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)


def known(engine: Engine, reader_id: str = "r-1") -> Person:
    with engine.connect() as connection:
        return find_person(connection, reader_id)


def merge(engine: Engine, *steps: tuple[str, str]) -> None:
    said = {"reason": "one person", "merged_by": "staff:7", "merged_at": NOW, "gone_customer_id": None}
    with engine.begin() as connection:
        for gone, staying in steps:
            merges.record(connection, gone_reader_id=gone, reader_id=staying, **said)


def test_accounts_made_one_are_one_person(engine: Engine) -> None:
    """However many steps ago; who stays is not found from who went, and others are nobody's."""
    merge(engine, ("r-3", "r-2"), ("r-2", "r-1"), ("r-4", "r-1"), ("r-6", "r-5"))
    assert known(engine).reader_ids == ("r-1", "r-2", "r-3", "r-4")
    assert known(engine, "r-2").reader_ids == ("r-2", "r-3")
    assert known(engine, "r-5").reader_ids == ("r-5", "r-6")


def test_who_was_merged_there_and_back_is_one_person_from_either_side(engine: Engine) -> None:
    """A circle has an end."""
    merge(engine, ("r-2", "r-1"), ("r-1", "r-2"))
    assert set(known(engine).reader_ids) == set(known(engine, "r-2").reader_ids) == {"r-1", "r-2"}


def test_addresses_of_before_are_known_as_far_as_stripe_told_them(engine: Engine) -> None:
    """Wherever they stand in an event, in any spelling; not those of other customers, nor what is no text at all."""
    about = {"email": "now@example.com", "receipt_email": None, "invoice": {"customer_email": "d\u00f6@example.com"}}
    told = {"object": about, "previous_attributes": {"email": 'a"b\\@example.com'}, "x": {"email": "\u0000\ud800"}}
    with engine.begin() as connection:
        account = {"reader_id": "r-1", "customer_id": "cus_1", "email": "mine@example.com"}
        connection.execute(insert(tables.accounts).values(account))
        for number, customer_id, data in ((1, "cus_1", told), (2, "cus_2", {"email": "other@example.com"})):
            event = {"id": f"evt_{number}", "type": "x", "customer_id": customer_id, "status": "pending"}
            connection.execute(insert(events).values(event | {"body": json.dumps({"data": data}).encode()}))
    assert known(engine).emails == ('a"b\\@example.com', "d\u00f6@example.com", "mine@example.com", "now@example.com")


def test_an_export_tells_of_the_accounts_that_went_into_this_one(parts: Any, engine: Engine) -> None:
    """What was read under them, and what is counted for them still."""
    from service.access.question import Question
    from service.domain.decision import Article

    merge(engine, ("r-2", "r-1"))
    parts.gate.decide(Question(articles=[Article(id="a-1")], reader_id="r-2", visitor_id="v-2", consume=True))
    parts.journal.close()
    exports = Exports(parts.engine, parts.meter, parts.catalog, business_clock=parts.clock, wall_clock=lambda: NOW)
    found = exports.export("r-1")
    (counted,) = found["meter"]["merged"]
    assert (counted["reader_id"], counted["articles_read"]) == ("r-2", 1)
    assert [each["article_id"] for each in found["held"]["decisions"]["rows"]] == ["a-1"]
