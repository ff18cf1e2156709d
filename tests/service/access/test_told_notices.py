"""What the site was told to tell a reader is on record once, and telling never waits for the record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from service.access.told_notices import ToldNotices
from service.domain.money import Money
from service.domain.notices import Notice, NoticeKind
from service.store.database import make_engine
from service.store.notice_tables import notices_told

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
ENDS = Notice(id="trial_ends:sub_1:1", kind=NoticeKind.TRIAL_ENDS, at=NOW + timedelta(days=3), amount=Money(290, "usd"))
DUE = Notice(id="payment_due:in_1:2", kind=NoticeKind.PAYMENT_DUE, at=None, amount=Money(500, "jpy"))


def told(engine: Engine, at: datetime) -> ToldNotices:
    return ToldNotices(engine, business_clock=lambda: NOW - timedelta(days=9), wall_clock=lambda: at)


def rows(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        found = connection.execute(select(notices_told).order_by(notices_told.c.id.desc())).mappings()
        return [dict(row) for row in found]


def test_the_first_telling_is_what_stands(engine: Engine) -> None:
    """With whom, what and when, by both clocks; asked again by another process it stays as it was."""
    told(engine, NOW).note("r-1", [ENDS, DUE])
    told(engine, NOW + timedelta(hours=1)).note("r-1", [ENDS])
    same = {"reader_id": "r-1", "as_of": NOW - timedelta(days=9), "told_at": NOW}
    assert rows(engine) == [
        {"id": ENDS.id, "kind": "trial_ends", "due_at": ENDS.at, "amount_minor": 290, "currency": "usd"} | same,
        {"id": DUE.id, "kind": "payment_due", "due_at": None, "amount_minor": 500, "currency": "jpy"} | same,
    ]


def test_a_site_that_asks_at_every_page_writes_once(engine: Engine) -> None:
    """Nor is PostgreSQL asked when there is nothing to tell."""
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *sent: statements.append(sent[2]))
    site = told(engine, NOW)
    for _ in range(3):
        site.note("r-1", [ENDS])
        site.note("r-2", [])
    assert len(statements) == 1


@pytest.fixture
def read_only(database_url: str) -> Any:
    """PostgreSQL as it is while a standby takes over: it answers, and writes nothing."""
    engine = make_engine(database_url, pool_size=1)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("set transaction read only"))
    yield engine
    engine.dispose()


def test_what_cannot_be_written_down_is_told_all_the_same(engine: Engine, read_only: Engine) -> None:
    """Nothing is raised, with PostgreSQL read-only or gone, and the next time it is tried again."""
    told(make_engine("postgresql://newsstand@127.0.0.1:9/none", deadline_seconds=1), NOW).note("r-1", [ENDS])
    site = told(read_only, NOW)
    site.note("r-1", [ENDS])
    assert rows(engine) == []
    site._engine = engine
    site.note("r-1", [ENDS])
    assert [row["id"] for row in rows(engine)] == [ENDS.id]
