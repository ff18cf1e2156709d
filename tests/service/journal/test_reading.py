"""What the journal tells of a reader, and that it forgets one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, text, update

from service.access.question import Question
from service.domain.bonuses import Bonus
from service.domain.decision import Article
from service.journal import reading
from service.journal.buffer import Buffer
from service.journal.what_if import Day, WhatIf
from service.journal.writer import Writer
from service.store import accounts, bonuses
from service.store.journal_tables import catalogs, paid_but_refused


@pytest.fixture
def written(engine: Engine, make_entry: Any, make_refusal: Any) -> list[Any]:
    """Four walls of a reader, one each minute, and one of her browser before she signed in."""
    usual = make_entry()
    at = [usual.decision.decided_at + timedelta(minutes=each) for each in range(4)]
    entries = [make_entry(reader_id="r-1", decision=make_refusal(decided_at=each)) for each in at]
    entries += [make_entry(visitor_id="v-1"), make_entry(reader_id="r-2", visitor_id="v-2")]
    buffer = Buffer(10)
    for each in entries:
        buffer.add(each)
    Writer(engine, buffer, day_bytes=10**9).flush()
    return entries


def test_the_newest_come_first_within_the_time_asked_for(engine: Engine, written: list[Any]) -> None:
    """From `since` on, before `until`, as many as wanted; a browser's own are found by the browser."""
    since = written[0].decision.decided_at
    with engine.connect() as connection:
        all_of_them = reading.of_reader(connection, "r-1", since=since, until=since + timedelta(minutes=3))
        latest = reading.of_reader(connection, "r-1", since=since, until=since + timedelta(hours=1), limit=1)
        browsers = reading.of_visitor(connection, "v-1", since=since, until=since + timedelta(seconds=1))
    assert all_of_them == [written[2], written[1], written[0]]
    assert latest == [written[3]]
    assert sorted(each.id for each in browsers) == [written[0].id, written[4].id]


def test_what_a_browser_met_signed_out_stays_its_readers_when_they_sign_in_again(parts: Any) -> None:
    """Claim: what-if is told the reader for the wall between two sign-ins of one reader, and nobody for one before."""

    def ask(article: str, *, reader: str | None = None) -> None:
        question = Question(articles=[Article(id=article)], reader_id=reader, visitor_id="v-1", consume=True)
        parts.gate.decide(question)

    ask("a-0")
    ask("a-1", reader="r-1")
    ask("a-1")
    ask("a-2")
    parts.links.link("r-1", "v-1", now=parts.clock())
    parts.journal.close()
    owners = [each.reader_id for each in reading.tries(parts.engine, until=parts.clock() + timedelta(days=1))]
    assert owners == [None, "r-1", "r-1", "r-1"]


def test_a_reader_is_forgotten_with_her_browsers(engine: Engine, written: list[Any]) -> None:
    """Others stay; a refusal that had been paid for stays counted, without saying whose."""
    with engine.begin() as connection:
        connection.execute(
            insert(paid_but_refused).values(
                recorded_at=written[0].recorded_at, decision_id=written[0].id, reader_id="r-1", article_id="a-1",
                decided_at=written[0].decision.decided_at,
            )
        )  # fmt: skip
        assert reading.forget_reader(connection, "r-1", ["v-1", "v-2"]) == 5
        assert connection.scalars(text("select reader_id from decisions")).all() == ["r-2"]
        kept = connection.execute(text("select reader_id, article_id from paid_but_refused")).all()
    assert kept == [(None, None)]


def test_what_staff_added_is_told_with_each_try(parts: Any) -> None:
    """Claim: under the terms in force a replay gains and loses nothing, also for a reader to whom staff gave more."""
    now = parts.clock()
    with parts.engine.begin() as connection:
        accounts.ensure(connection, "r-1")
        more = Bonus(articles=2, from_at=now, until_at=now + timedelta(days=20))
        bonuses.add(connection, "r-1", more, reason="they asked", given_by="staff:1")
        parts.projection.record_entitlement(connection, "r-1", now=now, cause="meter_bonus")
    for article in "abcd":
        parts.gate.decide(Question([Article(article)], "r-1", "v-1", consume=True))
    parts.gate.decide(Question([Article("e")], None, "v-1", consume=True))
    parts.journal.close()
    found = [*reading.tries(parts.engine, until=now + timedelta(days=1))]
    assert [(each.counted, each.added) for each in found] == [(True, 2)] * 3 + [(False, 2), (False, 0)]
    replay = WhatIf(parts.catalog)
    replay.replay(found)
    assert [*replay.days.values()] == [Day(reads=3, walls=2, gained=0, lost=0)]


def test_an_offer_that_cannot_be_read_any_more_adds_nothing(parts: Any) -> None:
    """Claim: a replay reaches back over offers of which today's rules make nothing, or that were not kept."""
    parts.gate.decide(Question([Article("a")], "r-1", None, consume=True))
    parts.journal.close()
    for change in (update(catalogs).values(source="{}"), delete(catalogs)):
        with parts.engine.begin() as connection:
            connection.execute(change)
        [only] = reading.tries(parts.engine, until=parts.clock() + timedelta(days=1))
        assert only.added == 0
