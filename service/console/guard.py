"""What stands before every page: session, role, form, thread budget, audit; and errors in words behind it."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any
from urllib.parse import quote

from flask import Response, g, request
from marshmallow import EXCLUDE, ValidationError, fields

from service.api.budget import ThreadBudget
from service.api.envelope import lasting_id
from service.api.problems import reply_to
from service.console.cookies import csrf_fits, csrf_token, new_token
from service.console.desk import Desk
from service.console.frame import Anyone, Page, Refused, Visit
from service.console.once import FIELD, Keyed, go_once
from service.domain.staff import Role
from service.store.staff import Person
from service.support.audit import Entry, Trail, plain

CSRF_FIELD = "csrf"
LIMIT_BYTES = 64 * 1024


class Guarded:
    """One page at work."""

    def __init__(self, page: Page, desk: Desk, budget: ThreadBudget) -> None:
        self._page = page
        self._desk = desk
        self._budget = budget
        self._form = page.form(unknown=EXCLUDE) if page.form else None
        self._keyed = isinstance(self._form, Keyed)

    def __call__(self, **path: str) -> Response:
        if not self._desk.origin:
            raise _off()
        with ExitStack() as held:
            held.enter_context(self._slot())
            response = self._let_in(path)
            if response.is_streamed:  # the thread is busy until the last of it is out
                response.call_on_close(held.pop_all().close)
            return response

    def _slot(self) -> AbstractContextManager[None]:
        return self._budget.slot() if self._page.slow else nullcontext()

    def _let_in(self, path: dict[str, str]) -> Response:
        cookie, person = self._who()
        if isinstance(self._page.role, Role):
            if person is None:
                return self._to_sign_in()
            _refuse_below(self._page.role, person)
        browser = cookie or new_token()
        if not _only_looks():
            self._refuse_foreign(cookie)
        posted = self._posted()
        visit = Visit(
            path=path, query=request.args.to_dict(), form=posted, csrf=csrf_token(browser), browser=browser,
            person=person, traced=self._trail(path, posted, person),
        )  # fmt: skip
        g.visit = visit
        if not self._keyed or _only_looks():
            return self._on_record(visit)
        return go_once(self._desk, visit, self._page.name, lambda: self._on_record(visit))

    def _who(self) -> tuple[str | None, Person | None]:
        """Return the cookie that forms of this page are bound to, and who is signed in under it."""
        cookies = self._desk.cookies
        if self._page.role is Anyone.SIGNING_IN:
            return cookies.read(request, cookies.browser), None
        cookie = cookies.read(request, cookies.session)
        person = self._desk.sessions.find(cookie)
        g.staff_id = person.staff_id if person else None
        return cookie, person

    def _to_sign_in(self) -> Response:
        if not _only_looks():
            raise _must_sign_in()
        asked = request.full_path.removesuffix("?")
        return self._desk.go(f"/support/sign-in?next={quote(asked, safe='/')}")

    def _refuse_foreign(self, cookie: str | None) -> None:
        """Raise Refused unless the form is from a page of ours, shown under this very cookie."""
        sites = {None, "same-origin", "none"}
        elsewhere = request.headers.get("Origin", self._desk.origin) != self._desk.origin
        if elsewhere or request.headers.get("Sec-Fetch-Site") not in sites:
            raise _foreign_form()
        request.max_content_length = request.max_form_memory_size = LIMIT_BYTES
        if cookie is None or not csrf_fits(cookie, request.form.get(CSRF_FIELD)):
            raise _foreign_form()

    def _posted(self) -> dict[str, Any]:
        if self._form is None or _only_looks():
            return {}
        sent = request.form.to_dict(flat=False)
        lists = {name for name, each in self._form.fields.items() if isinstance(each, fields.List)}
        given = {name: values if name in lists else values[0] for name, values in sent.items() if values[0] != ""}
        loaded: dict[str, Any] = self._form.load(given)
        return loaded

    def _trail(self, path: dict[str, str], posted: dict[str, Any], person: Person | None) -> Trail | None:
        if self._page.audited is None:
            return None
        asked = plain({**request.args.to_dict(), **posted})
        asked.pop(FIELD, None)
        reader_id = path.get("reader_id")
        others = {name: value for name, value in path.items() if name != "reader_id"}
        request_id, given = lasting_id()
        entry = Entry(
            actor=f"staff:{person.staff_id}" if person else "service",
            act=self._page.audited.act,
            subjects=(reader_id,) if reader_id else (),
            reason=asked.pop("reason", None),
            detail=others | asked | given,
            request_id=request_id,
        )
        return Trail(self._desk.services.audit, entry)

    def _on_record(self, visit: Visit) -> Response:
        if visit.traced is None or self._page.audited is None:
            return self._page.view(self._desk, visit)
        return visit.traced.around(
            lambda: self._page.view(self._desk, visit), self._page.audited, lambda response: response.status_code
        )


def _only_looks() -> bool:
    """Tell whether nothing is sent: a HEAD is a GET whose page is not wanted, as monitors ask (RFC 9110 §9.3.2)."""
    return request.method in {"GET", "HEAD"}


def _must_sign_in() -> Refused:
    words = "Nothing was done. Sign in and try again."
    return Refused(status=401, title="You are signed out", words=words, sign_in=True)


def _off() -> Refused:
    words = "Whoever runs Newsstand switches it on by setting CONSOLE_ORIGIN; docs/operations.md says how."
    return Refused(status=503, title="The console is switched off", words=words)


def _foreign_form() -> Refused:
    words = "It was shown under another session, or comes from another site. Nothing was done. Load the page again."
    return Refused(status=403, title="This form is too old", words=words)


def _refuse_below(role: Role, person: Person) -> None:
    if person.role < role:
        raise Refused(
            status=403, title="Not for your role",
            words=f"This needs the role {role.word}; yours is {person.role.word}. An admin can change that.",
        )  # fmt: skip


def in_words(error: Exception) -> Refused:
    """Return what a person is told of an error; the unexpected is logged, and told by its request id alone."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, ValidationError):
        faults = error.normalized_messages()  # type: ignore[no-untyped-call]
        words = "; ".join(f"{name}: {' '.join(map(str, told))}" for name, told in faults.items())
        return Refused(status=422, title="Something in the form is not right", words=f"{words}. Nothing was done.")
    reply = reply_to(error, g.get("request_id", "unknown"))
    title = {404: "There is nothing here", 503: "Not just now"}.get(reply.status, "That did not work")
    return Refused(status=reply.status, title=title, words=json.loads(reply.body)["detail"])
