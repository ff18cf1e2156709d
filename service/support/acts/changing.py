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
    def of(self, reader_id: str, trail: Trail, *, cause: str, make_account: bool = False) -> Iterator[Connection]:
        """Yield a connection to write with; what is raised inside undoes all of it.

        The account's row is held from the start, before any row that refers to it: two acts at once follow each other.
        A pass that Redis does not take now stays in the outbox.
        """
        with self._engine.begin() as connection:
            if make_account:
                accounts.ensure(connection, reader_id)
            accounts.lock(connection, reader_id)
            yield connection
            self._projection.record_entitlement(connection, reader_id, now=self._business_clock(), cause=cause)
            trail.record(connection)
        self._publisher.publish(reader_id)
