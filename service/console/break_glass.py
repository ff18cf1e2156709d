"""The one local account, for when the provider is away: off unless set up by command, and off again by itself."""

from __future__ import annotations

import secrets
from datetime import timedelta
from enum import StrEnum
from typing import Any

import argon2
from sqlalchemy import Connection, Engine, Row, and_, select, update
from sqlalchemy.dialects.postgresql import insert

from service.clocks import Clock
from service.domain.staff import Role
from service.store.staff import BREAK_GLASS, LOCAL, end_sessions_of, may_sign_in
from service.store.staff_tables import staff
from service.support.audit import Audit, Entry

TRIES = 5
WAIT = timedelta(minutes=15)
"""After so many wrong passwords none is looked at for so long; setting the account up again ends the wait."""
_RANDOM_BYTES = 18
_THE_ONE = and_(staff.c.issuer == LOCAL, staff.c.subject == BREAK_GLASS)


class NotIn(StrEnum):
    """Why a password let nobody in. Who tried must not be told which it was."""

    WRONG = "break_glass"
    NOT_LOOKED_AT = "break_glass_not_looked_at"
    """The account is off, or its tries are used up: anybody may cause as many of these as they like."""


class BreakGlass:
    """Sets the account up and off, and checks its password."""

    def __init__(
        self, engine: Engine, audit: Audit, wall_clock: Clock, hasher: argon2.PasswordHasher | None = None
    ) -> None:
        self._engine = engine
        self._audit = audit
        self._wall_clock = wall_clock
        self._hasher = hasher or argon2.PasswordHasher()

    def set_up(self, hours: int, *, actor: str) -> str:
        """Switch the account on for some hours under a new password, and return that: it cannot be shown again."""
        password = secrets.token_urlsafe(_RANDOM_BYTES)
        expires_at = self._wall_clock() + timedelta(hours=hours)
        values = {
            "name": "Break-glass account", "role": Role.ADMIN.word, "password_hash": self._hasher.hash(password),
            "failures": 0, "not_before": None, "expires_at": expires_at, "revoked_at": None, "role_limit": None,
        }  # fmt: skip
        made = insert(staff).values(issuer=LOCAL, subject=BREAK_GLASS, **values)
        with self._engine.begin() as connection:
            end_sessions_of(connection, LOCAL, BREAK_GLASS, self._wall_clock())
            connection.execute(made.on_conflict_do_update(index_elements=["issuer", "subject"], set_=values))
            self._audit.record(connection, Entry(actor=actor, act="staff.break_glass_on", detail={"hours": hours}))
        return password

    def switch_off(self, *, actor: str) -> bool:
        """End the account and its sessions; tell whether it was on."""
        now = self._wall_clock()
        ended = update(staff).where(_THE_ONE, may_sign_in(now)).values(expires_at=now, password_hash=None)
        with self._engine.begin() as connection:
            if connection.execute(ended.returning(staff.c.id)).first() is None:
                return False
            end_sessions_of(connection, LOCAL, BREAK_GLASS, now)
            self._audit.record(connection, Entry(actor=actor, act="staff.break_glass_off"))
        return True

    def is_on(self) -> bool:
        """Tell whether the account may sign in now, its password being right."""
        query = select(staff.c.id).where(_THE_ONE, may_sign_in(self._wall_clock()))
        with self._engine.connect() as connection:
            return connection.execute(query).first() is not None

    def check(self, password: str) -> int | NotIn:
        """Return the account's id for the right password, else why nobody is let in.

        The try is counted before the password is looked at: a thousand at once are still five.
        """
        with self._engine.begin() as connection:
            row = self._counted_try(connection)
        if row is None:
            return NotIn.NOT_LOOKED_AT
        if row.password_hash is None or not self._verify(row.password_hash, password):
            return NotIn.WRONG
        with self._engine.begin() as connection:
            right = update(staff).where(staff.c.id == row.id).values(failures=0, not_before=None)
            connection.execute(right.values(signed_in_at=self._wall_clock()))
        return int(row.id)

    def _counted_try(self, connection: Connection) -> Row[Any] | None:
        """Count a try; return the account, None when it is off or its tries are used up. The fifth begins the wait."""
        now = self._wall_clock()
        row = connection.execute(select(staff).where(_THE_ONE, may_sign_in(now)).with_for_update()).first()
        if row is None or (row.not_before is not None and now < row.not_before):
            return None
        failures = 1 if row.not_before is not None else row.failures + 1
        waits_until = now + WAIT if failures >= TRIES else None
        counted = update(staff).where(staff.c.id == row.id).values(failures=failures, not_before=waits_until)
        connection.execute(counted)
        return row

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
