"""What a page of the console declares, and what its view is handed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from flask import Response
from marshmallow import Schema

from service.domain.staff import Role
from service.errors import NewsstandError
from service.store.staff import Person
from service.support.audit import Audited, Trail

if TYPE_CHECKING:
    from service.console.desk import Desk


class Anyone(StrEnum):
    """Why a page asks for no session."""

    SIGNING_IN = "signing_in"
    NOTHING_HERE = "nothing_here"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request to a page, let in: `form` is what the page's schema made of it, `query` what stands in the address.

    `csrf` goes into every form. `signed_in` and `trail` are there on every page that asks for a role.
    """

    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, Any]
    csrf: str
    browser: str
    person: Person | None = None
    traced: Trail | None = None

    @property
    def signed_in(self) -> Person:
        """Return who is asking."""
        assert self.person is not None, "a page for anyone has nobody"  # noqa: S101 - declared so
        return self.person

    @property
    def trail(self) -> Trail:
        """Return what this visit leaves in the audit log; use cases record through it."""
        assert self.traced is not None, "a page that is not audited has no trail"  # noqa: S101 - declared so
        return self.traced


View = Callable[["Desk", Visit], Response]


@dataclass(frozen=True, kw_only=True)
class Page:
    """A route of the console. `role` and `audited` have no default: a new page says who may and what it leaves.

    `path` is written as Flask does, from `/support` on. `audited` is None where nothing of a reader is shown or done.
    `form` is the schema of what is posted; the CSRF token is taken care of. `nav` puts the page into the navigation,
    `slow` makes it one of the calls that share half of the process's threads.
    """

    method: str
    path: str
    name: str
    role: Role | Anyone
    audited: Audited | None
    view: View
    form: type[Schema] | None = None
    nav: str | None = None
    slow: bool = True


class Refused(NewsstandError):
    """A visit that ends in a page of words instead of what was asked for; `sign_in` leads to the way in."""

    def __init__(self, *, status: int, title: str, words: str, sign_in: bool = False) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.words = words
        self.sign_in = sign_in
