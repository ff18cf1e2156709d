"""Walls and what led to a checkout, against cases counted by hand; and that a day counted once stays counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, insert, select, text

from service.domain.catalog import Catalog
from service.journal import partitions
from service.numbers.counting import Counting
from service.numbers.figures import FigureId
from service.numbers.journal import RecordedDay, articles, walls
from service.numbers.reading import Numbers
from service.store.database import make_engine
from service.store.journal_tables import decisions
from service.store.number_tables import counted, daily_numbers
from service.store.runs import alone
from service.store.tables import accounts, checkouts, subscriptions, visitor_links

PARIS = ZoneInfo("Europe/Paris")
DAY = date(2026, 11, 20)
BOUGHT = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
_ids = count(1)


@pytest.fixture(autouse=True)
def days(engine: Engine) -> None:
    """The journal's days around the one that is looked at."""
    with engine.begin() as connection:
        partitions.ensure(connection, [DAY - timedelta(days=1), DAY, DAY + timedelta(days=1)])


def decided(engine: Engine, article: str, minutes_before: float, **changes: Any) -> None:
    """Write down a wall that reader r-1 met so long before the purchase, with `changes`."""
    moment = BOUGHT - timedelta(minutes=minutes_before)
    usual = {
        "recorded_at": moment, "id": next(_ids), "decided_at": moment, "reader_id": "r-1", "visitor_id": None,
        "article_id": article, "article_access": "metered", "consume": True, "granted": False, "counted": False,
        "reason": "meter_exhausted", "wall_kind": "subscribe", "offers": ["monthly"], "trial_eligible": True,
        "catalog_version": "c1",
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(decisions).values(usual | changes))


READ = {
    "granted": True,
    "counted": True,
    "reason": "metered",
    "wall_kind": None,
    "offers": None,
    "trial_eligible": None,
}


def bought(engine: Engine, reader_id: str = "r-1", status: str = "complete", at: datetime = BOUGHT) -> None:
    told = {"trial": {}, "disclosure": {}, "parameters": {}, "catalog_version": "c1"}
    number = next(_ids)
    with engine.begin() as connection:
        connection.execute(
            text("insert into accounts (reader_id) values (:it) on conflict do nothing"), {"it": reader_id}
        )
        connection.execute(
            insert(checkouts).values(
                id=f"chk_{number}", reader_id=reader_id, plan="monthly", status=status, idempotency_key=f"k{number}",
                success_url="x", cancel_url="x", created_at=at, **told,
            )
        )  # fmt: skip


def led(engine: Engine, day: date = DAY) -> dict[tuple[date, str], int]:
    with engine.connect() as connection:
        return {(each.day, each.key): each.value for each in articles(connection, RecordedDay(day=day), PARIS)}


def test_walls_are_counted_by_kind_and_business_day(engine: Engine) -> None:
    """Refusals of whoever really asked, on the day it was for the publication; the same one twice is two."""
    decided(engine, "a", 5)
    decided(engine, "a", 4)
    decided(engine, "b", 3, wall_kind="register", reader_id=None, visitor_id="v-1")
    decided(engine, "c", 2, consume=False)
    decided(engine, "d", 1, **READ)
    decided(engine, "e", 1, decided_at=datetime(2025, 3, 1, 23, 30, tzinfo=UTC))
    with engine.connect() as connection:
        found = {(each.day, each.key): each.value for each in walls(connection, RecordedDay(day=DAY), PARIS)}
    assert found == {(DAY, "subscribe"): 2, (DAY, "register"): 1, (date(2025, 3, 2), "subscribe"): 1}


def test_the_last_article_before_a_checkout_led_to_it(engine: Engine) -> None:
    """A wall or a free article, whichever was last; what came after, was open anyway or only looked ahead is not."""
    decided(engine, "earlier", 30)
    decided(engine, "last", 5)
    decided(engine, "after", -5)
    decided(engine, "subscriber's", 2, **(READ | {"counted": False, "reason": "subscription"}))
    decided(engine, "teaser", 1, consume=False)
    bought(engine)
    assert led(engine) == {(DAY, "wall last"): 1}
    decided(engine, "free one", 1, **READ)
    assert led(engine) == {(DAY, "read free one"): 1}


def test_a_browser_of_theirs_led_to_it_too(engine: Engine) -> None:
    """What was met before signing in counts, if the browser was linked; another's browser does not."""
    decided(engine, "anonymous", 5, reader_id=None, visitor_id="v-1")
    decided(engine, "a stranger's", 1, reader_id=None, visitor_id="v-2")
    decided(engine, "another reader's", 1, reader_id="r-2")
    with engine.begin() as connection:
        connection.execute(insert(accounts).values(reader_id="r-1"))
        connection.execute(insert(visitor_links).values(visitor_id="v-1", reader_id="r-1"))
    bought(engine)
    assert led(engine) == {(DAY, "wall anonymous"): 1}


@pytest.mark.parametrize("status", ["open", "expired", "creating"])
def test_only_a_checkout_that_sold_counts(engine: Engine, status: str) -> None:
    """Nor one that nothing came before, within a day."""
    decided(engine, "last", 5)
    bought(engine, status=status)
    decided(engine, "yesterday's", 24 * 60 + 5, reader_id="r-9")
    bought(engine, "r-9")
    assert led(engine) == {}


def test_each_checkout_counts_for_one_article(engine: Engine) -> None:
    """Two readers after the same article are two; the evening before belongs to a checkout past midnight."""
    for reader_id in ("r-1", "r-2"):
        decided(engine, "scoop", 5, reader_id=reader_id)
        bought(engine, reader_id)
    decided(engine, "scoop", 5, reader_id="r-3")
    bought(engine, "r-3", at=BOUGHT + timedelta(hours=8))
    assert led(engine) == {(DAY, "wall scoop"): 2}
    assert led(engine, DAY + timedelta(days=1)) == {(DAY, "wall scoop"): 1}


class Clock:
    def __init__(self) -> None:
        self.now = BOUGHT + timedelta(hours=1)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counting(database_url: str, clock: Clock) -> Counting:
    return Counting(lambda: make_engine(database_url), zone=PARIS, business_clock=clock, wall_clock=clock)


@pytest.fixture
def numbers(engine: Engine, catalog: Catalog, clock: Clock) -> Iterator[Numbers]:
    return Numbers(engine, catalog, clock)


def total(numbers: Numbers, figure: FigureId, days: int = 30) -> list[Any]:
    return [row for row in numbers.show(figure, days=days).table.rows if any(row[1:])]


def test_what_was_counted_is_shown_with_as_of(
    engine: Engine, counting: Counting, numbers: Numbers, clock: Clock
) -> None:
    """Nothing before the first count; after it the numbers, and again the same after the next one."""
    assert numbers.show(FigureId.WALLS, days=30).counted_at is None
    decided(engine, "a", 5)
    bought(engine)
    for _ in range(2):
        assert counting.count()
        assert total(numbers, FigureId.WALLS) == [[DAY, 1, 0, 1]]
        assert total(numbers, FigureId.ARTICLES) == [[1, "a", 1, 0, 1]]
    shown = numbers.show(FigureId.ACTIVE, days=30)
    assert (shown.as_of, shown.counted_at, len(shown.table.rows)) == (clock.now, clock.now, 30)


def test_a_day_that_is_forgotten_stays_counted(
    engine: Engine, counting: Counting, numbers: Numbers, clock: Clock
) -> None:
    """The journal drops its days; what was counted of them is kept, and late entries of recent days are found."""
    decided(engine, "a", 5)
    counting.count()
    decided(engine, "a", 4)
    clock.now += timedelta(days=2)
    counting.count()
    assert total(numbers, FigureId.WALLS) == [[DAY, 2, 0, 2]]
    partitions.drop_before(engine, DAY + timedelta(days=1))
    counting.count()
    assert total(numbers, FigureId.WALLS) == [[DAY, 2, 0, 2]]


def test_settled_days_are_not_read_again(engine: Engine, counting: Counting, numbers: Numbers, clock: Clock) -> None:
    """Past three days nothing of them changes: a journal of months costs no more than one of days."""
    decided(engine, "a", 5)
    counting.count()
    clock.now += timedelta(days=10)
    counting.count()
    decided(engine, "a", 4)
    counting.count()
    assert total(numbers, FigureId.WALLS) == [[DAY, 1, 0, 1]]


def test_one_process_counts_at_a_time(engine: Engine, counting: Counting) -> None:
    """The other says so, and leaves everything as it is."""
    with alone(engine, "numbers"):
        assert not counting.count()
    with engine.connect() as connection:
        assert connection.execute(select(counted)).all() == []


def test_what_is_gone_is_no_longer_counted(engine: Engine, counting: Counting) -> None:
    """The record is counted anew each time: a subscription of a reader who was erased leaves the levels."""
    usual = {"customer_id": "cus_1", "status": "active", "plan": "monthly", "price_id": "p", "fetched_at": BOUGHT}
    with engine.begin() as connection:
        connection.execute(insert(subscriptions).values(id="sub_1", created_at=BOUGHT, **usual))
    counting.count()
    with engine.begin() as connection:
        assert connection.execute(select(daily_numbers)).all() != []
        connection.execute(subscriptions.delete())
    counting.count()
    with engine.connect() as connection:
        assert connection.execute(select(daily_numbers)).all() == []


def test_a_day_that_came_since_the_last_count_is_not_told_as_none(
    engine: Engine, counting: Counting, numbers: Numbers, clock: Clock
) -> None:
    """Just past midnight, or while no worker runs, nobody has left: the last day shown is that of the last count."""
    usual = {"customer_id": "cus_1", "status": "active", "plan": "monthly", "price_id": "p", "fetched_at": BOUGHT}
    price = {"amount_minor": 290, "currency": "usd", "interval": "month"}
    with engine.begin() as connection:
        connection.execute(insert(subscriptions).values(id="sub_1", created_at=BOUGHT, **usual, **price))
    counting.count()
    clock.now += timedelta(days=2)
    for figure, paying in ((FigureId.ACTIVE, 1), (FigureId.MRR, 290)):
        last = numbers.show(figure, days=30).table.rows[-1]
        assert (last[0], last[1]) == (DAY, paying)
