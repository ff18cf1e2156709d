"""Who of the staff may do what: four roles, each of which may all that the one before may."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import IntEnum

IDLE = timedelta(minutes=30)
"""A session that nothing was asked under for so long is over."""
ABSOLUTE = timedelta(hours=8)
"""No session is older than this, however busy."""

_OURS = re.compile(r"/support(/[A-Za-z0-9._~%@:,=+-]+)*/?(\?[A-Za-z0-9._~%@:,=+&/-]*)?")


class Role(IntEnum):
    """In order: a viewer looks, an agent helps, a lead gives money away and reads the audit log, an admin runs it."""

    VIEWER = 1
    AGENT = 2
    LEAD = 3
    ADMIN = 4

    @classmethod
    def named(cls, word: str) -> Role:
        """Return the role of this word; raises KeyError for any other."""
        return cls[word.upper()]

    @property
    def word(self) -> str:
        return self.name.lower()


def role_of(groups: Iterable[str], roles: Mapping[str, Role]) -> Role | None:
    """Return the highest role that any of these groups has, None where none of them is on the list."""
    return max((roles[group] for group in groups if group in roles), default=None)


def effective(given: Role, limit: Role | None) -> Role:
    """Return what somebody may do: what the provider's groups give, and no more than an admin here allows."""
    return given if limit is None else min(given, limit)


def session_is_over(now: datetime, *, seen_at: datetime, ends_at: datetime) -> bool:
    """Tell whether a session last used at `seen_at` is over, idle or old."""
    return now >= ends_at or now - seen_at >= IDLE


def safe_return(asked: str | None) -> str:
    """Return where to go after signing in: a page of the console, or its first one for anything else."""
    usable = (
        asked is not None and _OURS.fullmatch(asked) and "/.." not in asked and not asked.startswith("/support/sign")
    )
    return asked if asked is not None and usable else "/support"
