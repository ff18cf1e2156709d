"""What is due next, for each clock: a heap over all objects that have a time of their own."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable

from sandbox.standin.billing.happenings import next_happening
from sandbox.standin.billing.policy import BillingPolicy
from sandbox.standin.store import Change, Key

Scope = str | None


class Agenda:
    """The earliest happening of each scope (a test clock's id; None is the wall)."""

    def __init__(self, policy: BillingPolicy) -> None:
        self._policy = policy
        self._heaps: dict[Scope, list[tuple[int, int, int, Key]]] = {}
        self._current: dict[Key, int] = {}
        self._serials = itertools.count()

    def adopt(self, policy: BillingPolicy, objects: Iterable[Change]) -> None:
        """Follow another policy from now on: what `objects` (all there are) bring next is worked out anew."""
        self._policy = policy
        self.note(objects)

    def note(self, changes: Iterable[Change]) -> None:
        """Take over what a transaction changed."""
        for key, item in changes:
            happening = next_happening(item, self._policy) if item else None
            self._current.pop(key, None)
            if item is not None and happening is not None:
                serial = self._current[key] = next(self._serials)
                heap = self._heaps.setdefault(item.get("test_clock") or item.get("_test_clock"), [])
                heapq.heappush(heap, (happening.at, happening.rank, serial, key))

    def first(self, scope: Scope) -> tuple[int, Key] | None:
        """Return (Unix second, object) of what comes next in `scope`; None when nothing does."""
        heap = self._heaps.get(scope, [])
        while heap:
            at, _rank, serial, key = heap[0]
            if self._current.get(key) == serial:
                return at, key
            heapq.heappop(heap)
        return None

    def scopes(self) -> list[Scope]:
        """Return every scope that ever had a happening."""
        return list(self._heaps)
