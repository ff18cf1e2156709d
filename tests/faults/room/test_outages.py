"""Whole outages of the record, and of record and meter together, seen from outside the real web service."""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

READERS = 14


def event_about(customer_id: str) -> bytes:
    """Return an event that says nothing but that a customer may have changed."""
    return json.dumps({
        "id": f"evt_{secrets.token_hex(10)}", "object": "event", "type": "customer.updated", "livemode": False,
        "created": int(time.time()), "api_version": "2026-10-28.endive", "pending_webhooks": 1, "request": None,
        "data": {"object": {"id": customer_id, "object": "customer"}},
    }).encode()  # fmt: skip


def test_webhooks_of_an_outage_come_again_and_none_is_lost(room: Any, tell: Any) -> None:
    """With PostgreSQL killed every event is answered 503; Stripe repeats them, and each has its effect once."""
    room.settle()  # the offer's own events came before the service did
    earlier = {each["id"] for each in room.deliveries()}
    room.kill("postgres")
    for number in range(READERS):
        room.buy(room.customer(f"r-{number}"))
    room.wait_until(lambda: all(each["attempts"] for each in room.deliveries()))
    refused = [each for each in room.deliveries() if each["id"] not in earlier]
    assert len(refused) >= 100
    assert Counter(each["attempts"][0]["outcome"] for each in refused) == {503: len(refused)}
    room.start("postgres")
    room.settle()
    came = room.deliveries()
    assert Counter(each["status"] for each in came) == {"delivered": len(came)}
    stored = {row.id for row in room.rows("select id from events")}
    assert stored == {each["event"] for each in came}
    states = room.rows("select entitlement->>'status' from entitlements")
    assert [row[0] for row in states] == ["active"] * READERS
    tell(f"{len(refused)} webhooks refused with 503 and brought again; lost: 0, doubled: 0")


def test_a_frozen_record_takes_no_reader_with_it(room: Any, tell: Any) -> None:
    """While PostgreSQL is frozen and webhooks press, payers go on being answered from their passes."""
    payers = [f"r-{number}" for number in range(4)]
    customers = [room.customer(each) for each in payers]
    for each in customers:
        room.buy(each)
    room.settle()
    bodies = [event_about(each) for each in customers * 25]
    for number in range(40):  # whichever process is asked: each has read the keys, and so is past its start
        assert room.decide(payers[number % 4], "a-0")["granted"]
    room.freeze("postgres")
    with ThreadPoolExecutor(24) as pool:
        posted = [pool.submit(room.post_event, body, timeout=60) for body in bodies]
        decisions = [room.decide(payers[n % 4], f"a-{n}", timeout=20) for n in range(40)]
    refused = Counter(each.result() for each in posted)
    assert refused == {503: len(bodies)}
    assert [(each or {}).get("granted") for each in decisions] == [True] * 40
    room.mend()
    for body in bodies:
        room.wait_until(lambda body=body: room.post_event(body) == 200)
    room.settle()
    ids = {json.loads(body)["id"] for body in bodies}
    assert ids <= {row.id for row in room.rows("select id from events")}
    tell(f"{len(bodies)} webhooks on a frozen PostgreSQL: all 503, all taken when repeated; 40 decisions granted")


@pytest.mark.parametrize("who", ["reader", "visitor"])
@pytest.mark.parametrize(("on_outage", "granted"), [("allow", True), ("refuse", False)])
def test_with_both_gone_the_policy_answers_and_health_says_outage(
    open_room: Callable[..., Any], on_outage: str, granted: bool, who: str
) -> None:
    """Whoever comes gets what the publication chose, so the process stays in its balancer: 200, `outage`."""
    room = open_room(ON_OUTAGE=on_outage, WEB_WORKERS="1")  # a second one may not have read the keys by then
    assert room.decide("r-1", "a-1", who=who)["granted"]
    assert room.get("/health/ready") == (200, room.get("/health/ready")[1])
    room.kill("postgres")
    room.kill("valkey")
    status, body = room.get("/health/ready")
    assert (status, body["status"]) == (200, "outage")
    assert {"redis", "database"} <= set(body["degraded"])
    # A process knows that the record is away once it has asked for it, which it does for its keys.
    told = (granted, "redis")
    room.wait_until(lambda: {_told(room.decide("r-1", "a-2", who=who)) for _ in range(20)} == {told})


def _told(answer: Any) -> tuple[bool, str] | None:
    return answer and (answer["granted"], answer["degraded"])
