"""The stand-in's whole state in one place: objects, clocks, events. Everything else works through an Account."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.standin import events
from sandbox.standin.billing.agenda import Agenda
from sandbox.standin.billing.happenings import KINDS
from sandbox.standin.billing.policy import BillingPolicy
from sandbox.standin.errors import InvalidRequest, NotFound
from sandbox.standin.faults import Faults
from sandbox.standin.ids import new_id
from sandbox.standin.store import Json, Store

Wall = Callable[[], float]


@dataclass(frozen=True)
class RequestFacts:
    """Which API request causes what happens now; events name it."""

    id: str | None = None
    idempotency_key: str | None = None


@dataclass
class Account:
    """One Stripe account in test mode. Methods that read or change objects run inside `store.transaction()`."""

    store: Store
    wall: Wall = time.time
    policy: BillingPolicy = field(default_factory=BillingPolicy)
    base_url: str = ""
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        self.agenda = Agenda(self.policy)
        self.store.on_commit.append(self.agenda.note)
        self._local = threading.local()
        self.adopt(self.policy)

    def adopt(self, policy: BillingPolicy) -> None:
        """Follow `policy` from now on."""
        with self.store.transaction():
            self.policy = policy
            self.agenda.adopt(policy, [((kind, each["id"]), each) for kind in KINDS for each in self.store.all(kind)])

    @property
    def request(self) -> RequestFacts:
        """The API request this thread is answering; empty for what happens by itself."""
        facts: RequestFacts = getattr(self._local, "request", RequestFacts())
        return facts

    @contextmanager
    def answering(self, request: RequestFacts) -> Iterator[None]:
        """Name `request` in the events of this block."""
        self._local.request = request
        try:
            yield
        finally:
            self._local.request = RequestFacts()

    def wall_now(self) -> int:
        """Return the wall's Unix second."""
        return int(self.wall())

    def clock_now(self, clock_id: str | None) -> int:
        """Return the Unix second on a test clock; without one, the wall's."""
        clock = self.store.get("test_helpers.test_clock", clock_id) if clock_id else None
        return clock["_cursor"] if clock else self.wall_now()

    def now_for(self, item: Json) -> int:
        """Return the Unix second at which `item` lives: its test clock's, its customer's clock's, or the wall's."""
        if "test_clock" in item:
            return self.clock_now(item["test_clock"])
        return self.clock_now(self.clock_of(item.get("customer") or item.get("_customer")))

    def clock_of(self, customer_id: str | None) -> str | None:
        """Return the test clock on which a customer lives, or lived before its deletion."""
        customer = self.store.get("customer", customer_id) if customer_id else None
        clock: str | None = (customer.get("test_clock") or customer.get("_test_clock")) if customer else None
        return clock

    def writable(self, clock_id: str | None) -> None:
        """Raise InvalidRequest while the test clock advances: Stripe refuses changes until it is ready."""
        clock = self.store.get("test_helpers.test_clock", clock_id) if clock_id else None
        if clock and clock["status"] == "advancing":
            raise InvalidRequest("Test clock advancement underway - cannot perform modifications.")

    def find(self, kind: str, identifier: str, *, param: str | None = "id") -> Json:
        """Return the object; raise NotFound."""
        item = self.store.get(kind, identifier)
        if item is None:
            raise NotFound(kind, identifier, param=param)
        return item

    def add(self, item: Json) -> Json:
        """Keep a new object and return it."""
        return self.store.add(item)

    def new_id(self, kind: str) -> str:
        """Return a fresh identifier."""
        return new_id(kind)

    def emit(self, kind: str, item: Json, *, previous: dict[str, Any] | None = None, now: int | None = None) -> None:
        """Record an event about `item` as it is now, and queue it for every endpoint that wants it."""
        events.emit(self, kind, item, previous=previous, now=self.now_for(item) if now is None else now)

    def emit_update(self, kind: str, item: Json, before: Json) -> None:
        """Emit `kind` with what differs from `before` (a rendered copy); nothing when nothing does."""
        previous = events.previous_attributes(before, item)
        if previous:
            self.emit(kind, item, previous=previous)
