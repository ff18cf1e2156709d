"""What became of the events, and how old the oldest waiting one is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, text

from webhooks.events import StripeEvent
from webhooks.inbox import Inbox
from webhooks.state import event_state, events_with_syncs, oldest_unprocessed_seconds
from webhooks.tables import events

Make = Callable[..., StripeEvent]


@pytest.fixture
def inbox(engine: Engine, clock: Any, queue: Any) -> Inbox:
    return Inbox(engine, livemode=False, wall_clock=clock, queue=queue.sql)


def change(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def states(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        query = select(events.c.id, event_state(park_after=3)).select_from(events_with_syncs())
        return {row[0]: row[1] for row in connection.execute(query)}


def test_an_event_is_done_once_its_mark_is_synced(inbox: Inbox, engine: Engine, customer_event: Make) -> None:
    """Two hints, the first synced: done and pending; a failing customer's have failed, a parked one's are parked."""
    first, second = customer_event("cus_1"), customer_event("cus_1")
    inbox.store(first)
    inbox.store(second)
    assert states(engine) == {first.id: "pending", second.id: "pending"}
    change(engine, "update customer_syncs set synced = 1")
    assert states(engine) == {first.id: "done", second.id: "pending"}
    change(engine, "update customer_syncs set attempts = 2")
    assert states(engine) == {first.id: "done", second.id: "failed"}
    change(engine, "update customer_syncs set attempts = 3")
    assert states(engine) == {first.id: "done", second.id: "quarantined"}
    change(engine, "update customer_syncs set synced = 2")
    assert states(engine)[second.id] == "done"


def test_events_without_a_customer_have_a_state_too(inbox: Inbox, engine: Engine, snapshot_event: Make) -> None:
    """To be routed is pending, or failed after a failure; ignored and quarantined are as written."""
    ignored = snapshot_event("price.updated", {"object": "price"})
    waiting = snapshot_event("charge.dispute.created", {"object": "dispute", "id": "dp_1"})
    poison = snapshot_event("charge.dispute.created", {"object": "dispute", "id": "dp_2"})
    for event in (ignored, waiting, poison):
        inbox.store(event)
    change(engine, "update events set status = 'quarantined' where convert_from(body, 'UTF8') like '%dp_2%'")
    assert states(engine) == {ignored.id: "ignored", waiting.id: "pending", poison.id: "quarantined"}
    change(engine, "update events set attempts = 1 where status = 'pending'")
    assert states(engine)[waiting.id] == "failed"


def age(engine: Engine, clock: Any) -> float:
    connection: Connection
    with engine.connect() as connection:
        return oldest_unprocessed_seconds(connection, clock())


def test_the_oldest_waiting_hint_is_known(
    inbox: Inbox, engine: Engine, clock: Any, customer_event: Make, snapshot_event: Make
) -> None:
    """Over customers to sync and events to route alike; what is done, ignored or quarantined no longer counts."""
    assert age(engine, clock) == 0
    inbox.store(snapshot_event("price.updated", {"object": "price"}))
    clock.move(10)
    inbox.store(customer_event("cus_1"))
    clock.move(10)
    inbox.store(snapshot_event("charge.dispute.created", {"object": "dispute", "id": "dp_1"}))
    clock.move(10)
    assert age(engine, clock) == 20
    change(engine, "update customer_syncs set synced = dirty")
    assert age(engine, clock) == 10
    change(engine, "update events set status = 'quarantined' where customer_id is null")
    assert age(engine, clock) == 0


def test_a_clock_behind_gives_no_negative_age(inbox: Inbox, engine: Engine, clock: Any, customer_event: Make) -> None:
    """Two machines' clocks may differ a little."""
    inbox.store(customer_event("cus_1"))
    clock.move(-1)
    assert age(engine, clock) == 0
