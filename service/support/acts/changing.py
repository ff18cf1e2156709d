"""Changing what a reader is entitled to by staff's word: the record, the version, the audit entry, the pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from service.access.passes import Publisher
from service.access.projection import Projection
from service.clocks import Clock
from service.store import accounts
from service.support.audit import Trail


class Changing:
    """One transaction for what an act writes and what follows from it; then the pass goes out."""

    def __init__(self, engine: Engine, projection: Projection, publisher: Publisher, *, business_clock: Clock) -> None:
        self._engine = engine
        self._projection = projection
        self._publisher = publisher
        self._business_clock = business_clock

    @contextmanager
    def of(
        self, reader_id: str, trail: Trail, *, cause: str, make_account: bool = False, also: str | None = None
    ) -> Iterator[Connection]:
        """Yield a connection to write with; what is raised inside undoes all of it. `also` changes as well.

        The account's row is held from the start, before any row that refers to it: two acts at once follow each other.
        A pass that Redis does not take now stays in the outbox.
        """
        changed = sorted({reader_id, also or reader_id})
        with self._engine.begin() as connection:
            if make_account:
                accounts.ensure(connection, reader_id)
            for each in changed:  # in one order, so that two acts on the same two readers can't wait for each other
                accounts.lock(connection, each)
            yield connection
            for each in changed:
                self._projection.record_entitlement(connection, each, now=self._business_clock(), cause=cause)
            trail.record(connection)
        for each in changed:
            self._publisher.publish(each)
