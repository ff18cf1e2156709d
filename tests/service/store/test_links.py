"""Whose browser it is, and since when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select, text

from service.store.links import LINKED_SINCE, record_link
from service.store.tables import visitor_links

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def linked(engine: Engine, *sign_ins: tuple[str, datetime]) -> tuple[str, datetime, datetime]:
    """Return whose the browser is after these sign-ins, when they last signed in, and since when it is theirs."""
    columns = visitor_links.c
    with engine.begin() as connection:
        for reader_id, at in sign_ins:
            record_link(connection, "v-1", reader_id, at)
        row = connection.execute(select(columns.reader_id, columns.linked_at, LINKED_SINCE)).one()
        return row[0], row[1], row[2]


def test_signing_in_again_does_not_move_since_when_a_browser_is_the_readers(engine: Engine) -> None:
    """Claim: `linked_at` is the last sign-in, `since` the first of those in a row."""
    found = linked(engine, ("r-1", MONDAY), ("r-1", MONDAY + DAY), ("r-1", MONDAY + 2 * DAY))
    assert found == ("r-1", MONDAY + 2 * DAY, MONDAY)


def test_another_reader_has_the_browser_from_their_own_sign_in_on(engine: Engine) -> None:
    """Claim: also who comes back to it; a sign-in that arrives late changes nothing."""
    assert linked(engine, ("r-1", MONDAY), ("r-2", MONDAY + DAY)) == ("r-2", MONDAY + DAY, MONDAY + DAY)
    again = MONDAY + 2 * DAY
    assert linked(engine, ("r-1", again), ("r-2", MONDAY + DAY)) == ("r-1", again, again)


def test_a_row_of_the_release_before_counts_from_its_last_sign_in(engine: Engine) -> None:
    """Claim: that is all it knows, and the next sign-in keeps it."""
    with engine.begin() as connection:
        statement = text("insert into visitor_links (visitor_id, reader_id, linked_at) values ('v-1', 'r-1', :at)")
        connection.execute(statement, {"at": MONDAY})
    assert linked(engine) == ("r-1", MONDAY, MONDAY)
    assert linked(engine, ("r-1", MONDAY + DAY)) == ("r-1", MONDAY + DAY, MONDAY)
