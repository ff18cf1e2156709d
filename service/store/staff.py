"""Staff and their sessions in PostgreSQL. Cookies are kept as SHA-256 alone: a stolen database opens no session."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from service.domain.staff import ABSOLUTE, Role, effective, session_is_over
from service.store.staff_tables import staff, staff_sessions, staff_sign_ins

LOCAL = "local"
BREAK_GLASS = "break-glass"
_SHOWN_FOR = timedelta(days=1)
"""How long a session that is over is kept, for whoever looks into something right after it."""
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Person:
    """A member of staff with a session that is in force. `role` is the effective one, as of this request."""

    staff_id: int
    name: str
    role: Role
    session: int
    local: bool


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """A sign-in under way at the provider, bound to one browser."""

    state: str
    nonce: str
    code_verifier: str
    return_to: str
    ends_at: datetime


def digest_of(token: str) -> bytes:
    """Return what is kept of a cookie. Without salt or stretching: 256 random bits need neither."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def welcome(connection: Connection, issuer: str, subject: str, now: datetime, **said: str | None) -> Row[Any]:
    """Make or bring up to date somebody whom the provider has vouched for; a revoked one stays revoked."""
    values = {"issuer": issuer, "subject": subject, "signed_in_at": now, **said}
    made = insert(staff).values(values)
    again = made.on_conflict_do_update(index_elements=["issuer", "subject"], set_={"signed_in_at": now, **said})
    return connection.execute(again.returning(staff)).one()


def open_session(connection: Connection, token: str, staff_id: int, now: datetime) -> None:
    """Begin a session."""
    times = {"created_at": now, "seen_at": now, "ends_at": now + ABSOLUTE}
    connection.execute(insert(staff_sessions).values(digest=digest_of(token), staff_id=staff_id, **times))


def find_session(connection: Connection, token: str, now: datetime) -> Person | None:
    """Return whose session this is, None unless it is in force now; that it was used is noted to the minute."""
    columns = (*staff_sessions.c, staff.c.issuer, staff.c.email, staff.c.name, staff.c.role, staff.c.role_limit)
    joined = staff_sessions.join(staff, staff.c.id == staff_sessions.c.staff_id)
    mine = and_(staff_sessions.c.digest == digest_of(token), staff_sessions.c.ended_at.is_(None))
    row = connection.execute(select(*columns).select_from(joined).where(mine, may_sign_in(now))).first()
    if row is None or session_is_over(now, seen_at=row.seen_at, ends_at=row.ends_at):
        return None
    if now - row.seen_at >= _SEEN_EVERY:
        connection.execute(update(staff_sessions).where(staff_sessions.c.digest == row.digest).values(seen_at=now))
    return Person(
        staff_id=row.staff_id, name=row.name or row.email or f"staff {row.staff_id}", role=role_in(row),
        session=row.number, local=row.issuer == LOCAL,
    )  # fmt: skip


def may_sign_in(now: datetime) -> Any:
    """Return the condition under which somebody is of the staff."""
    return and_(staff.c.revoked_at.is_(None), or_(staff.c.expires_at.is_(None), staff.c.expires_at > now))


def role_in(row: Any) -> Role:
    """Return the effective role of a row of `staff`."""
    return effective(Role.named(row.role), Role.named(row.role_limit) if row.role_limit else None)


def end_session(connection: Connection, token: str, now: datetime) -> None:
    """End the session of this cookie, if it is one."""
    this = staff_sessions.c.digest == digest_of(token)
    connection.execute(update(staff_sessions).where(this, staff_sessions.c.ended_at.is_(None)).values(ended_at=now))


def end_sessions_of(connection: Connection, issuer: str, subject: str, now: datetime) -> int:
    """End whatever sessions somebody has; return how many were in force."""
    theirs = select(staff.c.id).where(staff.c.issuer == issuer, staff.c.subject == subject)
    open_ones = and_(staff_sessions.c.staff_id.in_(theirs), staff_sessions.c.ended_at.is_(None))
    ended = update(staff_sessions).where(open_ones, staff_sessions.c.ends_at > now).values(ended_at=now)
    return connection.execute(ended).rowcount


def end_numbered(connection: Connection, number: int, staff_id: int, now: datetime) -> bool:
    """End one of somebody's sessions; tell whether it was in force."""
    this = and_(staff_sessions.c.number == number, staff_sessions.c.staff_id == staff_id)
    ended = update(staff_sessions).where(this, staff_sessions.c.ended_at.is_(None)).values(ended_at=now)
    return connection.execute(ended.returning(staff_sessions.c.number)).first() is not None


def sessions_of(connection: Connection, staff_id: int, now: datetime) -> Sequence[Row[Any]]:
    """Return somebody's sessions that are in force, the newest first."""
    mine = and_(staff_sessions.c.staff_id == staff_id, staff_sessions.c.ended_at.is_(None))
    query = select(staff_sessions).where(mine, staff_sessions.c.ends_at > now).order_by(staff_sessions.c.number.desc())
    rows = connection.execute(query).all()
    return [row for row in rows if not session_is_over(now, seen_at=row.seen_at, ends_at=row.ends_at)]


def everybody(connection: Connection) -> Sequence[Row[Any]]:
    """Return the whole staff, revoked ones last."""
    return connection.execute(select(staff).order_by(staff.c.revoked_at.nulls_first(), staff.c.id)).all()


def find(connection: Connection, staff_id: int) -> Row[Any] | None:
    return connection.execute(select(staff).where(staff.c.id == staff_id)).first()


def limit_role(connection: Connection, staff_id: int, limit: Role | None) -> bool:
    """Allow somebody no more than `limit`, or all that the provider's groups give; tell whether there is such a one."""
    values = {"role_limit": limit.word if limit else None}
    changed = update(staff).where(staff.c.id == staff_id).values(values).returning(staff.c.id)
    return connection.execute(changed).first() is not None


def revoke(connection: Connection, staff_id: int, now: datetime) -> bool:
    """Shut somebody out, their sessions included, from the next request on; tell whether they were let in before."""
    this = and_(staff.c.id == staff_id, staff.c.revoked_at.is_(None))
    return (
        connection.execute(update(staff).where(this).values(revoked_at=now).returning(staff.c.id)).first() is not None
    )


def restore(connection: Connection, staff_id: int, now: datetime) -> bool:
    """Let somebody sign in again; their old sessions stay ended. Tell whether they were shut out."""
    connection.execute(
        update(staff_sessions)
        .where(staff_sessions.c.staff_id == staff_id, staff_sessions.c.ended_at.is_(None))
        .values(ended_at=now)
    )
    this = and_(staff.c.id == staff_id, staff.c.revoked_at.is_not(None))
    return (
        connection.execute(update(staff).where(this).values(revoked_at=None).returning(staff.c.id)).first() is not None
    )


def prune(connection: Connection, now: datetime) -> int:
    """Delete the sessions that are over since a day, and sign-ins nobody came back from; return how many sessions.

    Who was signed in when is in the audit log.
    """
    connection.execute(delete(staff_sign_ins).where(staff_sign_ins.c.ends_at <= now))
    return connection.execute(delete(staff_sessions).where(staff_sessions.c.ends_at <= now - _SHOWN_FOR)).rowcount


def begin_sign_in(connection: Connection, token: str, sign_in: SignIn) -> None:
    """Remember a sign-in of this browser; an earlier one of the same cookie is replaced."""
    made = insert(staff_sign_ins).values(digest=digest_of(token), **vars(sign_in))
    connection.execute(made.on_conflict_do_update(index_elements=["digest"], set_=vars(sign_in)))


def take_sign_in(connection: Connection, token: str, now: datetime) -> SignIn | None:
    """Return this browser's sign-in and forget it, with whatever has expired: each is good once."""
    this = delete(staff_sign_ins).where(staff_sign_ins.c.digest == digest_of(token)).returning(staff_sign_ins)
    row = connection.execute(this).mappings().first()
    connection.execute(delete(staff_sign_ins).where(staff_sign_ins.c.ends_at <= now))
    if row is None or row["ends_at"] <= now:
        return None
    return SignIn(**{name: value for name, value in row.items() if name != "digest"})
