"""The API and the console over the whole service in process, with staff and a key: both faces of every act."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.access.question import Question
from service.api.application import build_flask
from service.console.break_glass import BreakGlass
from service.console.cookies import Cookies, csrf_token
from service.console.desk import Desk
from service.console.mount import mount_console
from service.console.sessions import Sessions
from service.domain.decision import Article, Decision
from service.domain.staff import Role
from service.store import staff as staff_store
from service.store.api_keys import ApiKeyStore, Scope
from service.store.audit import AuditQuery

ORIGIN = "https://desk.example.com"
SESSION = "__Host-newsstand-staff"
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_ITEM = re.compile(r"<li>([^<]*)</li>")


@dataclass
class Colleague:
    """Somebody of staff at their browser."""

    client: FlaskClient

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, base_url=ORIGIN)

    def post(self, path: str, **form: Any) -> TestResponse:
        cookie = self.client.get_cookie(SESSION, domain="desk.example.com")
        assert cookie is not None
        return self.client.post(path, base_url=ORIGIN, data={"csrf": csrf_token(cookie.value)} | form)

    def preview(self, act: str, *, reader_id: str = "r-1", **form: Any) -> TestResponse:
        """Fill an act's form in, and see what it would do."""
        return self.post(f"/support/accounts/{reader_id}/acts/{act}/preview", **form)

    def act(self, act: str, *, reader_id: str = "r-1", **form: Any) -> TestResponse:
        """Fill an act's form in, read what it would do, and send what the confirmation carries."""
        page = self.preview(act, reader_id=reader_id, **form)
        assert page.status_code == 200, page.text
        return self.post(f"/support/accounts/{reader_id}/acts/{act}", **carried_by(page))


@dataclass
class Faces:
    """`api` calls as a key of support's; `colleague` is somebody signed in with a role."""

    shop: Any
    app: Flask
    desk: Desk
    key: str

    def api(self, method: str, path: str, *, key: str | None = None, **body: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key}"} | ({"Idempotency-Key": key} if key else {})
        return self.app.test_client().open(f"/v1/support/accounts/{path}", method=method, headers=headers, json=body)

    def colleague(self, role: Role) -> Colleague:
        engine, now = self.desk.engine, self.desk.now()
        with engine.begin() as connection:
            said = {"email": f"{role.word}@daily.example", "name": role.word, "role": role.word}
            staff_id = int(staff_store.welcome(connection, "https://id.example", role.word, now, **said).id)
            token = self.desk.sessions.open(connection, staff_id, replacing=None)
        client = self.app.test_client()
        client.set_cookie(SESSION, token, domain="desk.example.com", secure=True)
        return Colleague(client)

    def reads(self, reader_id: str = "r-1", article: str = "a-1", *, consume: bool = False) -> Decision:
        """Ask the door, as the site does."""
        question = Question(articles=[Article(id=article)], reader_id=reader_id, visitor_id=None, consume=consume)
        return self.shop.services.gate.decide(question)[0].decision  # type: ignore[no-any-return]

    def account(self, reader_id: str = "r-1") -> Any:
        return self.api("GET", reader_id).json

    def acts(self, beginning: str = "act.") -> list[tuple[str, str | None]]:
        """Return act and reason of every audit entry of an act, the oldest first."""
        rows = self.shop.services.audit.page(AuditQuery()).rows
        return [(row["act"], row["reason"]) for row in reversed(rows) if row["act"].startswith(beginning)]

    def now(self) -> datetime:
        return self.shop.core.business_clock()  # type: ignore[no-any-return]


def carried_by(page: TestResponse) -> dict[str, str]:
    """Return what a form carries without being seen, its token aside."""
    form = page.text[page.text.rindex("<main") :]
    return {name: unescape(value) for name, value in _HIDDEN.findall(form) if name != "csrf"}


def words_of(page: TestResponse) -> list[str]:
    """Return the sentences of a confirmation."""
    return [unescape(each) for each in _ITEM.findall(page.text[page.text.index("What it will do") :])]


@pytest.fixture
def faces(shop: Any) -> Faces:
    """Both faces of the shop's service."""
    engine = shop.core.engine
    services = shop.services
    app = build_flask(services)
    desk = Desk(
        services=services, engine=engine, sessions=Sessions(engine, services.wall_clock),
        break_glass=BreakGlass(engine, services.audit, services.wall_clock), provider=None, keys=ApiKeyStore(engine),
        cookies=Cookies(secure=True), origin=ORIGIN,
    )  # fmt: skip
    mount_console(app, desk, app.extensions["newsstand.budget"])
    key = ApiKeyStore(engine).create_key("support", [Scope.SUPPORT_READ, Scope.SUPPORT_WRITE])
    return Faces(shop, app, desk, key)


@pytest.fixture
def read_words() -> Any:
    """The sentences of a confirmation page."""
    return words_of


@pytest.fixture
def hidden_in() -> Any:
    """What a form carries without being seen, its token aside."""
    return carried_by
