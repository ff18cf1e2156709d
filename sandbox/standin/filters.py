"""What a list request leaves out: by its parameters, and, as at Stripe, by test clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.forms import in_range
from sandbox.standin.store import Json

Member = str | Callable[[Json], Any]
"""A member's name, or what reads it."""


def equal(items: Iterable[Json], params: dict[str, Any], **members: Member) -> list[Json]:
    """Return the items of which each member is what the parameter of that name asks for; absent ones ask nothing."""
    asked = [(_reader(member), params[name]) for name, member in members.items() if params.get(name) is not None]
    return [each for each in items if all(read(each) == wanted for read, wanted in asked)]


def within(items: Iterable[Json], params: dict[str, Any], **members: Member) -> list[Json]:
    """Return the items of which each member (an instant) lies in the range that the parameter of that name gives."""
    asked = [(_reader(member), params[name]) for name, member in members.items() if params.get(name) is not None]
    return [each for each in items if all(in_range(read(each), bounds) for read, bounds in asked)]


def off_clocks(account: Account, items: Iterable[Json], params: dict[str, Any], *narrowing: str) -> list[Json]:
    """Leave out what lives on a test clock, unless one of the `narrowing` parameters says whose things are wanted."""
    if any(params.get(name) for name in narrowing):
        return list(items)
    return [each for each in items if account.clock_of(each.get("customer") or each.get("_customer")) is None]


def _reader(member: Member) -> Callable[[Json], Any]:
    return (lambda item: item[member]) if isinstance(member, str) else member
