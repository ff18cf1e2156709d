"""Who is signed in: sessions on the server, ended at once when somebody signs out or is shut out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine

from service.clocks import Clock
from service.console.cookies import new_token
from service.store import staff as store
from service.store.staff import Person


class Sessions:
    """Opens, finds and ends sessions. Every request asks PostgreSQL: a revocation takes effect at the next one."""

    def __init__(self, engine: Engine, wall_clock: Clock) -> None:
        self._engine = engine
        self._wall_clock = wall_clock

    def open(self, connection: Connection, staff_id: int, *, replacing: str | None) -> str:
        """Begin a session under a token that nobody has seen before, end the browser's old one; return the token."""
        now = self._wall_clock()
        if replacing is not None:
            store.end_session(connection, replacing, now)
        token = new_token()
        store.open_session(connection, token, staff_id, now)
        return token

    def find(self, token: str | None) -> Person | None:
        """Return who is signed in under this cookie, None unless the session is in force."""
        if token is None:
            return None
        with self._engine.begin() as connection:
            return store.find_session(connection, token, self._wall_clock())

    def end(self, token: str) -> None:
        """Sign out."""
        with self._engine.begin() as connection:
            store.end_session(connection, token, self._wall_clock())

    def end_one(self, staff_id: int, number: int) -> bool:
        """End one of somebody's own sessions by its number; tell whether it was in force."""
        with self._engine.begin() as connection:
            return store.end_numbered(connection, number, staff_id, self._wall_clock())

    def list(self, staff_id: int) -> Sequence[Any]:
        """Return somebody's sessions that are in force."""
        with self._engine.connect() as connection:
            return store.sessions_of(connection, staff_id, self._wall_clock())
