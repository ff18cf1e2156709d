"""kill -9 of the worker after each single reply of PostgreSQL, Stripe, Valkey or its queue: effects once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from sqlalchemy import select

from metering.meter import Outcome, Subject, SubjectKind
from metering.window import window_at
from webhooks.state import event_state, events_with_syncs
from webhooks.tables import events

pytestmark = pytest.mark.slow

SAMPLE = 19
"""`make test` kills at every nineteenth boundary; `make test-faults` at each."""
FEWEST = 40
"""A life with fewer boundaries than this is not being watched."""


class Repetition:
    """A trial with a card that has had one: synced, noted, ended at Stripe, charged, and synced again."""

    def __init__(self, town: Any) -> None:
        self.town = town
        first = town.customer("r-first")
        town.buy(first, trial_period_days=30)
        town.post_events("customer.subscription.created")
        town.workers.recover()

    def begin(self, reader_id: str) -> list[str]:
        """Let it happen at Stripe, and be told here; return the events' ids."""
        self.customer_id = self.town.customer(reader_id)
        self.town.buy(self.customer_id, trial_period_days=30)
        told: list[str] = self.town.post_events("customer.subscription.created", "invoice.paid")
        return told

    def check(self, reader_id: str) -> None:
        """Assert that each effect is there, once."""
        town = self.town
        assert statuses(town, reader_id) == [(1, "trialing"), (2, "active")]
        ledger = town.rows("select kind from trial_ledger where reader_id = :r order by kind", r=reader_id)
        assert ledger == [("customer",), ("email",), ("reader",)]
        repeated = town.rows("select outcome from repeated_cards where reader_id = :r", r=reader_id)
        assert repeated in ([("trial_ended",)], [("trial_over",)])
        charges = town.client.v1.charges.list({"customer": self.customer_id}).data
        assert [each.amount for each in charges] == [290]
        invoices = town.rows("select status, amount_paid_minor from invoices where customer_id = :c "
                             "order by amount_paid_minor", c=self.customer_id)  # fmt: skip
        assert invoices == [("paid", 0), ("paid", 290)]


class Dispute:
    """A chargeback, of which the event names no customer: routed, synced, and the reader's access held."""

    def __init__(self, town: Any) -> None:
        self.town = town

    def begin(self, reader_id: str) -> list[str]:
        """Let it happen at Stripe, and be told here; return the events' ids."""
        customer_id = self.town.customer(reader_id)
        self.town.buy(customer_id)
        self.town.post_events("customer.subscription.created")
        self.town.workers.recover()
        charge = self.town.client.v1.charges.list({"customer": customer_id}).data[0].id
        requests.post(f"{self.town.standin.base_url}/_standin/disputes", json={"charge": charge}, timeout=10)
        told: list[str] = self.town.post_events("charge.dispute.created")
        return told

    def check(self, reader_id: str) -> None:
        """Assert that each effect is there, once."""
        assert statuses(self.town, reader_id) == [(1, "active"), (2, "held")]
        held = self.town.rows("select kind, blocks from holds natural join customer_syncs "
                              "join accounts using (customer_id) where reader_id = :r", r=reader_id)  # fmt: skip
        assert held == [("dispute", True)]


def statuses(town: Any, reader_id: str) -> list[Any]:
    query = "select version, entitlement->>'status' from entitlements where reader_id = :r order by version"
    return list(town.rows(query, r=reader_id))


def is_at_rest(town: Any, told: list[str], reader_id: str) -> None:
    """Assert that the events are done, the newest pass is in Valkey, and nothing waits for anybody."""
    with town.engine.connect() as connection:
        query = select(event_state(park_after=8)).select_from(events_with_syncs()).where(events.c.id.in_(told))
        assert set(connection.scalars(query)) == {"done"}
    (account,) = town.rows("select version, published_version from accounts where reader_id = :r", r=reader_id)
    assert account == (2, 2)
    now = datetime.now(UTC)
    window = window_at(town.core.catalog.meter.window, now, town.core.catalog.zone)
    reading = town.core.meter.ask(
        Subject(SubjectKind.READER, reader_id), "a-1", limit=1, window=window, consume=False, metered=True, now=now,
        wall_now=now,
    )  # fmt: skip
    assert reading.outcome is not Outcome.UNKNOWN
    assert reading.carried is None or reading.carried.version == 2
    assert (town.core.syncs.due(9), town.core.router.due(9)) == ([], [])
    assert town.rows("select id from procrastinate_jobs where status = 'todo'") == []


def kill_at_each(town: Any, life: Any, step: int) -> int:
    """Kill one worker after another, each a boundary further on, until one lives; return how many boundaries it met."""
    number = step
    while True:
        reader_id = f"r-{number}"
        told = life.begin(reader_id)
        ended = town.workers.work(kill_at=number)
        assert ended["code"] in {0, -9}, ended
        town.let_leases_run_out()
        town.workers.recover()
        try:
            life.check(reader_id)
            is_at_rest(town, told, reader_id)
        except AssertionError as error:
            error.add_note(f"the worker was killed after: {ended['reached'][-1:]}")
            raise
        if ended["code"] == 0:
            return len(ended["reached"])
        number += step


@pytest.mark.parametrize("life", [Repetition, Dispute])
def test_a_killed_worker_leaves_nothing_undone_and_nothing_done_twice(town: Any, life: Callable[[Any], Any]) -> None:
    """At a sample of boundaries another worker finishes what a dead one has left, and every effect is there once."""
    assert kill_at_each(town, life(town), SAMPLE) > FEWEST


@pytest.mark.faults
@pytest.mark.timeout(600)
@pytest.mark.parametrize("life", [Repetition, Dispute])
def test_a_worker_may_be_killed_at_any_boundary(town: Any, tell: Any, life: Callable[[Any], Any]) -> None:
    """At every one of them."""
    boundaries = kill_at_each(town, life(town), 1)
    assert boundaries > FEWEST
    tell(f"{life.__name__}: killed at each of {boundaries} boundaries; undone 0, done twice 0")
