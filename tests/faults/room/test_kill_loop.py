"""kill -9 and SIGSTOP of every process in turn, while Stripe tells, readers read and events come in: nothing lost."""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import count, pairwise
from typing import Any

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

SEED = int(os.environ.get("SEED", "20261122"))
PAYERS = 6
BUYERS = 12
HOLD_SECONDS = 1.5
CALM_SECONDS = 2.0
HURTS = [
    (part, how) for part in ("web", "one web worker", "worker", "valkey", "postgres") for how in ("kill", "freeze")
]


class Load:
    """Three threads that never let go: Stripe's own events, events posted by hand, and decisions for payers."""

    def __init__(self, room: Any, payers: dict[str, str], dice: random.Random) -> None:
        self._room = room
        self._payers = payers
        self._dice = dice
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._live, self._post, self._read)]
        self.acknowledged: list[str] = []
        self.posts: Counter[int | None] = Counter()
        self.decisions: Counter[str] = Counter()
        self.failures: list[BaseException] = []

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _guarded(self, act: Callable[[int], None], pause_seconds: float) -> None:
        for number in count():
            if self._stopped.wait(pause_seconds):
                return
            try:
                act(number)
            except Exception as error:
                self.failures.append(error)
                return

    def _live(self) -> None:
        self._guarded(self._happen, 0.4)

    def _post(self) -> None:
        self._guarded(self._tell, 0.03)

    def _read(self) -> None:
        self._guarded(self._decide, 0.01)

    def _happen(self, number: int) -> None:
        """Let somebody begin a trial with a card that has had one, or a payer's subscription change and change back."""
        if number < BUYERS:
            self._room.buy(self._room.customer(f"buyer-{number}"), trial_period_days=30)
        else:
            subscription = self._dice.choice(sorted(self._payers.values()))
            self._room.client.v1.subscriptions.update(subscription, {"cancel_at_period_end": number % 2 == 0})

    def _tell(self, _number: int) -> None:
        body = json.dumps({
            "id": f"evt_{secrets.token_hex(10)}", "object": "event", "type": "customer.updated", "livemode": False,
            "created": int(time.time()), "api_version": "2026-10-28.endive", "pending_webhooks": 1, "request": None,
            "data": {"object": {"id": self._dice.choice(sorted(self._payers)), "object": "customer"}},
        }).encode()  # fmt: skip
        status = self._room.post_event(body, timeout=3)
        self.posts[status] += 1
        if status == 200:
            self.acknowledged.append(json.loads(body)["id"])

    def _decide(self, number: int) -> None:
        answer = self._room.decide(f"payer-{number % PAYERS}", f"a-{number}", timeout=2)
        self.decisions["no answer" if answer is None else "granted" if answer["granted"] else "refused"] += 1


def hurt(room: Any, part: str, how: str, dice: random.Random) -> None:
    if part == "one web worker":
        victims = room.web_workers()
        if victims:
            os.kill(dice.choice(victims), signal.SIGKILL if how == "kill" else signal.SIGSTOP)
    else:
        {"kill": room.kill, "freeze": room.freeze}[how](part)


def test_nothing_acknowledged_is_lost_and_nothing_happens_twice(room: Any, tell: Any) -> None:
    """Twice each hurt, in an order the seed gives: all that was acknowledged is in, and the record is Stripe's."""
    dice = random.Random(SEED)
    customers = [room.customer(f"payer-{number}") for number in range(PAYERS)]
    payers = {each: room.buy(each) for each in customers}
    room.settle()
    room.standin("faults", {"duplicate": 0.2, "shuffle": True, "seed": SEED})
    plan = HURTS * 2
    dice.shuffle(plan)
    with Load(room, payers, random.Random(SEED)) as load:
        for part, how in plan:
            hurt(room, part, how, dice)
            time.sleep(HOLD_SECONDS)
            room.mend()
            time.sleep(CALM_SECONDS)
    assert load.failures == []
    room.standin("faults", {})
    room.settle()
    check_nothing_lost(room, load)
    check_nothing_doubled(room)
    check_in_step_with_stripe(room)
    assert load.decisions["refused"] == 0
    assert load.decisions["granted"] > 100
    tell(f"seed {SEED}, {len(plan)} hurts: {len(load.acknowledged)} events acknowledged, posts {dict(load.posts)}")
    tell(f"{len(room.deliveries())} delivered by Stripe; lost 0, doubled 0; payers {dict(load.decisions)}")


def check_nothing_lost(room: Any, load: Load) -> None:
    """Every event that was answered 200, to us or to Stripe, is stored, and done or explained."""
    stored = {row.id for row in room.rows("select id from events")}
    assert set(load.acknowledged) <= stored
    delivered = {each["event"] for each in room.deliveries() if each["status"] == "delivered"}
    assert delivered <= stored
    assert {each["status"] for each in room.deliveries()} == {"delivered"}
    assert room.rows("select id from events where status = 'quarantined'") == []


def check_nothing_doubled(room: Any) -> None:
    """Each version says something new; each repeated card was charged once."""
    versions: dict[str, list[Any]] = {}
    for row in room.rows("select reader_id, version, entitlement from entitlements order by version"):
        versions.setdefault(row.reader_id, []).append((row.version, row.entitlement))
    for found in versions.values():
        assert [version for version, _ in found] == list(range(1, len(found) + 1))
        assert all(before != after for (_, before), (_, after) in pairwise(found))
    buyers = [row.customer_id for row in room.rows("select customer_id from accounts where reader_id like 'buyer-%'")]
    assert len(buyers) == BUYERS
    for each in buyers:
        charges = room.client.v1.charges.list({"customer": each}).data
        assert len(charges) <= 1
    kept = room.rows("select count(*) from trial_ledger where kind = 'reader'")
    assert kept == [(BUYERS,)]


def check_in_step_with_stripe(room: Any) -> None:
    """A reconciliation over the whole account finds nothing that differs."""
    found = room.core.convergence.reconcile(repair=False)
    assert (found.compared, found.differing) == (PAYERS + BUYERS, 0)
    unpublished = room.rows("select reader_id from accounts where published_version < version")
    assert unpublished == []
