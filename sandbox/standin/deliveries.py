"""Webhook delivery: signed, in order for each customer, repeated with backoff, and durable over restarts.

Deliveries are objects in the store, queued in the transaction of their event, so a killed stand-in goes on where it
was. Signature: docs.stripe.com/webhooks (HMAC-SHA256 over `t.payload`); every attempt is signed anew, by the wall.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

import requests

from sandbox.standin.account import Account
from sandbox.standin.events import count_pending
from sandbox.standin.lanes import AT_A_TIME, Lanes
from sandbox.standin.store import Change, Json, rendered

BACKOFF_SECONDS = (0.5, 1, 2, 4, 8, 15, 30, 60, 60, 60, 60, 60)
TIMEOUT_SECONDS = 10
KEPT_DELIVERED = 1_000
"""How many arrived deliveries are remembered; older ones would only make starts and commits slower."""


def signature(payload: bytes, secrets: Iterable[str], timestamp: int) -> str:
    """Return the `Stripe-Signature` header for a payload sent at the Unix second `timestamp`: one `v1` a secret."""
    signed = str(timestamp).encode() + b"." + payload
    marks = [f"v1={hmac.new(each.encode(), signed, hashlib.sha256).hexdigest()}" for each in secrets]
    return ",".join([f"t={timestamp}", *marks])


def secrets_of(endpoint: Json, now: float) -> list[str]:
    """Return the secrets that sign for an endpoint: while one is rolled, the new and the old."""
    rolled = endpoint.get("_rolled")
    return [endpoint["_secret"], *([rolled["secret"]] if rolled and now < rolled["until"] else [])]


class _Outlet(NamedTuple):
    """An endpoint's deliveries, and what wakes the threads that make them."""

    lanes: Lanes
    wake: threading.Condition


class Dispatcher:
    """Sends pending deliveries, a few threads per endpoint."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = threading.RLock()
        self._outlets: dict[str, _Outlet] = {}
        self._threads: list[threading.Thread] = []
        self._stopping = False
        self._delivered: deque[str] = deque()
        account.store.on_commit.append(self._note)

    def start(self) -> None:
        """Take up what an earlier run left pending."""
        with self._account.store.transaction():
            known = self._account.store.all("_delivery")
            left: list[Change] = [(("_delivery", each["id"]), each) for each in known]
            self._delivered.extend(each["id"] for each in known if each["status"] == "delivered")
        self._note(left)

    def stop(self) -> None:
        """End all threads; what is pending stays so, in the store."""
        with self._lock:
            self._stopping = True
            for outlet in self._outlets.values():
                outlet.wake.notify_all()
        for thread in self._threads:
            thread.join(TIMEOUT_SECONDS + 1)

    def pending(self) -> int:
        """Return how many deliveries are still to be made."""
        with self._lock:
            return sum(len(outlet.lanes) for outlet in self._outlets.values())

    def flush(self, timeout_seconds: float, *, busy: Callable[[], bool] = lambda: False) -> bool:
        """Make every pending delivery due now, wait until each was tried and nothing is `busy`; tell if all arrived."""
        deadline = time.monotonic() + timeout_seconds
        with self._lock:
            for outlet in self._outlets.values():
                outlet.lanes.hurry()
                outlet.wake.notify_all()
        while (busy() or self._overdue()) and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.pending() == 0

    def _overdue(self) -> bool:
        with self._lock:
            now = self._account.wall()
            return any(outlet.lanes.overdue(now) for outlet in self._outlets.values())

    def _note(self, changes: list[Change]) -> None:
        deliveries = [(key[1], item) for key, item in changes if key[0] == "_delivery" and item is not None]
        with self._lock:
            for identifier, item in deliveries:
                self._schedule(identifier, item)

    def _schedule(self, identifier: str, item: Json) -> None:
        outlet = self._outlets.get(item["endpoint"]) or self._opened(item["endpoint"])
        if item["status"] == "pending":
            outlet.lanes.put(identifier, item.get("lane", ""), item["next_attempt_at"])
            outlet.wake.notify()
        else:
            outlet.lanes.drop(identifier)

    def _opened(self, endpoint_id: str) -> _Outlet:
        outlet = self._outlets[endpoint_id] = _Outlet(Lanes(), threading.Condition(self._lock))
        for _ in range(AT_A_TIME if not self._stopping else 0):
            thread = threading.Thread(target=self._serve, args=(outlet,), daemon=True)
            self._threads.append(thread)
            thread.start()
        return outlet

    def _serve(self, outlet: _Outlet) -> None:
        with requests.Session() as session:
            session.trust_env = False  # endpoints are local; a proxy setting would lead elsewhere
            while (delivery_id := self._next(outlet)) is not None:
                try:
                    self._attempt(session, delivery_id)
                finally:
                    with self._lock:
                        outlet.lanes.release(delivery_id)

    def _next(self, outlet: _Outlet) -> str | None:
        """Wait for the endpoint's next due delivery; None when the dispatcher stops."""
        with self._lock:
            while not self._stopping:
                now = self._account.wall()
                if (found := outlet.lanes.take(now, self._account.faults)) is not None:
                    return found
                outlet.wake.wait(outlet.lanes.wait_seconds(now))
            return None

    def _attempt(self, session: requests.Session, delivery_id: str) -> None:
        store, faults = self._account.store, self._account.faults
        with store.transaction():
            delivery = store.get("_delivery", delivery_id)
            event = _event_of(self._account, delivery) if delivery else None
            endpoint = store.get("webhook_endpoint", delivery["endpoint"]) if delivery else None
            if delivery and (event is None or endpoint is None or faults.strikes(faults.drop)):
                delivery["status"] = "dropped"
        if delivery is None or event is None or endpoint is None or delivery["status"] == "dropped":
            return
        # Indented, as Stripe sends it: a receiver that signs anything but the raw bytes must notice.
        payload = json.dumps(rendered(event), indent=2).encode()
        outcome = self._post(session, endpoint, payload)
        if faults.strikes(faults.duplicate):
            outcome = self._post(session, endpoint, payload)
        self._record(delivery_id, outcome)

    def _post(self, session: requests.Session, endpoint: Json, payload: bytes) -> int | str:
        """Return the endpoint's status, or the name of what kept it from answering."""
        now = self._account.wall()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload, secrets_of(endpoint, now), int(now)),
            "User-Agent": "Stripe/1.0 (sandbox stand-in)",
        }
        try:
            answer = session.post(
                endpoint["url"], payload, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            return type(error).__name__
        return answer.status_code

    def _record(self, delivery_id: str, outcome: int | str) -> None:
        store, now = self._account.store, self._account.wall()
        arrived = isinstance(outcome, int) and 200 <= outcome < 300
        with store.transaction():
            delivery = store.get("_delivery", delivery_id)
            event = _event_of(self._account, delivery) if delivery else None
            if delivery is None or event is None:
                return
            delivery["attempts"].append({"at": now, "outcome": outcome})
            delivery["status"] = "delivered" if arrived else _after_failure(delivery)
            delivery["next_attempt_at"] = now + _backoff(delivery)
            if arrived:
                count_pending(event, -1)
                self._forget_older(delivery_id)

    def _forget_older(self, delivery_id: str) -> None:
        # The deque is shared by the endpoints' threads; they all hold the store's lock here.
        self._delivered.append(delivery_id)
        while len(self._delivered) > KEPT_DELIVERED:
            self._account.store.remove("_delivery", self._delivered.popleft())


def _event_of(account: Account, delivery: Json) -> Json | None:
    return account.store.get(delivery.get("event_kind", "event"), delivery["event"])


def _after_failure(delivery: Json) -> str:
    return "pending" if len(delivery["attempts"]) <= len(BACKOFF_SECONDS) else "failed"


def _backoff(delivery: Json) -> float:
    return BACKOFF_SECONDS[min(len(delivery["attempts"]), len(BACKOFF_SECONDS)) - 1]
