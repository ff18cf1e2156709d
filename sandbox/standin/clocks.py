"""Time passes: test clocks advance, and the wall's own happenings come due."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sandbox.standin.account import Account
from sandbox.standin.billing import life
from sandbox.standin.billing.agenda import Scope
from sandbox.standin.calendar import plus
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.store import Json

log = logging.getLogger(__name__)

CLOCK = "test_helpers.test_clock"
TICK_SECONDS = 1.0


def begin_advance(account: Account, clock: Json, target: int) -> None:
    """Send a clock on its way to `target`; raise InvalidRequest for what Stripe refuses."""
    if clock["status"] == "advancing":
        raise InvalidRequest("Test clock advancement already underway.", param="frozen_time")
    if target <= clock["frozen_time"]:
        raise InvalidRequest("frozen_time must be later than the clock's current frozen time.", param="frozen_time")
    furthest = _furthest(account, clock)
    if target > furthest:
        raise InvalidRequest(
            "A test clock advances at most two intervals of its shortest subscription at a time"
            f" (two years without one): to {furthest} at the latest.",
            param="frozen_time",
        )
    clock["status"], clock["_target"] = "advancing", target
    clock["status_details"] = {"advancing": {"target_frozen_time": target}}
    account.emit("test_helpers.test_clock.advancing", clock, now=clock["frozen_time"])


def _furthest(account: Account, clock: Json) -> int:
    """Stripe's limit (docs.stripe.com/api/test_clocks/advance): two intervals of the shortest subscription."""
    limits = [plus(clock["frozen_time"], "year", 2)]
    for subscription in account.store.all("subscription"):
        if subscription["test_clock"] == clock["id"] and subscription["status"] not in (
            "canceled",
            "incomplete_expired",
        ):
            for item in subscription["items"]["data"]:
                recurring = item["price"]["recurring"]
                limits.append(plus(clock["frozen_time"], recurring["interval"], 2 * recurring["interval_count"]))
    return min(limits)


def run_due(account: Account, scope: Scope, until: int, *, stopped: Callable[[], bool] = lambda: False) -> bool:
    """Let everything due in `scope` up to the Unix second `until` happen, in order of time, one by one.

    Returns False when it was `stopped` on the way. Each happening is a transaction of its own, and must be: the agenda
    learns only at its end what comes next.
    """
    account.store.assert_idle()
    while not stopped():
        with account.store.transaction():
            first = account.agenda.first(scope)
            if first is None or first[0] > until:
                return True
            clock = account.store.get(CLOCK, scope) if scope else None
            if clock is not None:
                clock["_cursor"] = max(clock["_cursor"], first[0])
            life.perform(account, first[1])
    return False


def settle(account: Account) -> None:
    """Let happen whatever is already due on clocks that stand still, and on the wall."""
    for scope in account.agenda.scopes():
        with account.store.transaction():
            clock = account.store.get(CLOCK, scope) if scope else None
            resting = scope is None or (clock is not None and clock["status"] == "ready")
            now = account.clock_now(scope)
        if resting:
            run_due(account, scope, now)


class Ticker:
    """The thread in which clocks advance and the wall's happenings come due."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin; advances that an earlier run left unfinished go on."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the happening at hand."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def wake(self) -> None:
        """Look again at once."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                for identifier in self._advancing():
                    self._advance(identifier)
                settle(self._account)
            except Exception:
                # The thread must live on, or no clock would ever move again.
                log.exception("stand-in: a happening failed")
            self._wake.wait(TICK_SECONDS)

    def _advancing(self) -> list[str]:
        with self._account.store.transaction():
            return [each["id"] for each in self._account.store.all(CLOCK) if each["status"] == "advancing"]

    def _advance(self, identifier: str) -> None:
        store = self._account.store
        with store.transaction():
            clock = store.get(CLOCK, identifier)
        if clock is None:
            return
        try:
            finished = run_due(self._account, identifier, clock["_target"], stopped=lambda: self._stopping)
        except Exception:
            with store.transaction():
                self._account.find(CLOCK, identifier)["status"] = "internal_failure"
            raise
        if not finished:
            return
        with store.transaction():
            arrived = store.get(CLOCK, identifier)
            if arrived is not None:
                _arrive(self._account, arrived)


def _arrive(account: Account, clock: Json) -> None:
    clock["frozen_time"] = clock["_cursor"] = clock.pop("_target")
    clock["status"], clock["status_details"] = "ready", {}
    account.emit("test_helpers.test_clock.ready", clock, now=clock["frozen_time"])
