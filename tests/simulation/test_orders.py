"""Every order of a seven-event life, each event told twice, commits landing in any order: one final state."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import pytest
from sqlalchemy import Engine, text

import webhooks.syncs
from sandbox.simulation.life import LAST, LIFE, READER
from sandbox.simulation.orders import (
    GOOD_END,
    WAYS,
    Check,
    DatabaseDesk,
    End,
    MemoryDesk,
    Order,
    Way,
    all_overlapping,
    anything_goes,
    end_of,
    every_order,
)
from service.access.projection import Projection
from service.domain.vocabulary import Policy
from service.store.database import make_engine
from webhooks.snapshot import CustomerSnapshot
from webhooks.turn import SyncRow, Turn, is_current

SEED = 5040


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url, pool_size=2)
    yield engine
    engine.dispose()


def in_memory(way: Way, may_commit: Check, orders: Iterable[Order], *, times: int = 1) -> Counter[End]:
    """Live the orders by the pure rules, each `times` with other fetch moments, commit orders and crashes."""
    dice = random.Random(SEED)
    return Counter(end_of(way(each, MemoryDesk(may_commit), dice)) for each in orders for _ in range(times))


def anyone(row: SyncRow, turn: Turn) -> bool:
    """Let every turn commit: the rule without its ticket check."""
    return True


def test_every_order_of_a_life_ends_in_one_state() -> None:
    """All 5,040 orders, doubled and overlapping: whoever commits last, the record ends as Stripe, with no sweep."""
    assert in_memory(all_overlapping, is_current, every_order()) == {GOOD_END: 5040}


def test_the_record_never_goes_back_and_always_arrives() -> None:
    """With crashes and lapsing leases too, no older state replaces a newer one, and the sweeper ends it."""
    assert in_memory(anything_goes, is_current, every_order()) == {GOOD_END: 5040}


@pytest.mark.simulate
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("way", WAYS)
def test_every_order_in_twenty_interleavings(way: Way, covered: Callable[..., None]) -> None:
    """The same 5,040, each in twenty mixtures of fetch moments, commit orders, lapses and crashes."""
    ends = in_memory(way, is_current, every_order(), times=20)
    covered(f"orders, {way.__name__}, by the pure rules", lives=ends.total(), final_states=len(ends))
    assert ends == {GOOD_END: 100_800}


def test_without_the_ticket_check_lives_end_in_an_older_state() -> None:
    """The proof has teeth: a third of all lives end with work undone, and hundreds show an older state for good."""
    ends = in_memory(all_overlapping, anyone, every_order())
    assert sum(count for end, count in ends.items() if end.last_word != LAST) > 100
    assert sum(count for end, count in ends.items() if end.last_word != LAST or not end.clean) > 1500


def test_without_the_ticket_check_the_record_goes_back() -> None:
    """Even where the sweeper mends the end, readers would have seen an older state after a newer one."""
    ends = in_memory(anything_goes, anyone, every_order(step=5))
    assert sum(count for end, count in ends.items() if end.went_back) > 40


# On PostgreSQL's rows --------------------------------------------------------------------------------------


class Lives:
    """Lives on real rows through the service's own projection; a customer for each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._serial = itertools.count()
        self._project = Projection(Policy(), email_key="k" * 40).project

    def live(self, way: Way, number: int, order: Order) -> tuple[End, str]:
        """Return how a life ended: its turns, and what the tables say of the reader. `number` seeds its dice."""
        customer_id = f"cus_{next(self._serial)}"
        end = end_of(way(order, DatabaseDesk(self._engine, customer_id, self._project), random.Random(number)))
        return end, self._told(customer_id)

    def live_all(self, way: Way, orders: Iterable[Order]) -> Counter[tuple[End, str]]:
        """Return how many lives ended how."""
        return Counter(self.live(way, number, order) for number, order in enumerate(orders))

    def _told(self, customer_id: str) -> str:
        """Return the subscription's status, the invoices paid, and the newest entitlement's, as the tables have it."""
        query = text("""
            select concat_ws(' ', s.status,
              (select count(*) from invoices i where i.customer_id = s.customer_id and i.status = 'paid'),
              (select e.entitlement ->> 'status' from entitlements e
               where e.reader_id = s.reader_id order by version desc limit 1))
            from subscriptions s where s.customer_id = :customer and s.reader_id = :reader""")
        with self._engine.connect() as connection:
            return str(connection.scalar(query, {"customer": customer_id, "reader": f"{READER}_{customer_id}"}))


THE_END = (GOOD_END, "canceled 3 ended")


@pytest.mark.parametrize("way", WAYS)
def test_orders_on_the_real_database(engine: Engine, way: Way) -> None:
    """Eight orders spread over all, through inbox, syncs and projection on real rows: one final state."""
    assert Lives(engine).live_all(way, every_order(step=630)) == {THE_END: 8}


@pytest.mark.simulate
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("way", WAYS)
def test_many_orders_on_the_real_database(engine: Engine, way: Way, covered: Callable[..., None]) -> None:
    """Every fourteenth order, 360 of them."""
    ends = Lives(engine).live_all(way, every_order(step=14))
    covered(f"orders, {way.__name__}, on PostgreSQL's rows", lives=ends.total(), final_states=len(ends))
    assert ends == {THE_END: 360}


def fatal_without_the_check() -> Iterator[tuple[int, Order]]:
    """Yield lives, with the seed of their dice, whose last word is an older one if everyone may commit."""
    for number, order in enumerate(every_order()):
        if end_of(all_overlapping(order, MemoryDesk(anyone), random.Random(number))).last_word < LAST:
            yield number, order


def test_without_the_ticket_check_rows_end_in_an_older_state(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same production code with its check taken out shows readers a state that is over, in lives that end well
    with it."""
    lives, fatal = Lives(engine), list(itertools.islice(fatal_without_the_check(), 3))
    assert [lives.live(all_overlapping, number, order) for number, order in fatal] == [THE_END] * 3
    monkeypatch.setattr(webhooks.syncs, "is_current", anyone)
    for number, order in fatal:
        end, told = lives.live(all_overlapping, number, order)
        assert end.last_word < LAST
        assert told != THE_END[1]


def test_each_moment_of_the_life_is_another_state() -> None:
    """Seven moments, seven different snapshots: whichever is the last word can be told from the others."""
    seen: list[CustomerSnapshot] = [each.snapshot("cus_1") for each in LIFE]
    assert all(left != right for n, left in enumerate(seen) for right in seen[n + 1 :])
