"""The console in the whole service, on a real PostgreSQL, with a wall clock that a test turns by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import argon2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from service.api.application import build_flask
from service.api.services import Services
from service.console.break_glass import BreakGlass
from service.console.cookies import Cookies, csrf_token
from service.console.desk import Desk
from service.console.mount import mount_console
from service.console.oidc import Provider
from service.console.sessions import Sessions
from service.domain.staff import Role
from service.store import staff as store
from service.store.api_keys import ApiKeyStore
from service.store.audit import AuditQuery
from service.support.audit import Audit

ORIGIN = "https://desk.example.com"
START = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
SESSION = "__Host-newsstand-staff"
BROWSER = "__Host-newsstand-sign-in"

QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""As weak as can be: what is tested is not argon2."""


class HandClock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.instant = START

    def __call__(self) -> datetime:
        return self.instant

    def advance(self, **step: float) -> None:
        self.instant += timedelta(**step)


@dataclass
class Browser:
    """Somebody's browser: keeps cookies, follows nothing by itself, and fills in forms with the token it was shown."""

    client: FlaskClient

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, base_url=ORIGIN, **options)

    def head(self, path: str) -> TestResponse:
        return self.client.head(path, base_url=ORIGIN)

    def post(self, path: str, form: dict[str, Any] | None = None, *, csrf: str | None = None) -> TestResponse:
        token = csrf if csrf is not None else csrf_token(self.cookie(SESSION) or "")
        return self.client.post(path, base_url=ORIGIN, data={"csrf": token} | (form or {}))

    def cookie(self, name: str) -> str | None:
        found = self.client.get_cookie(name, domain="desk.example.com")
        return found.value if found else None

    def carry(self, name: str, value: str) -> None:
        self.client.set_cookie(name, value, domain="desk.example.com", secure=True)


@dataclass
class Console:
    """The application, what is behind it, and people with their browsers."""

    app: Flask
    desk: Desk
    engine: Engine
    clock: HandClock

    def browser(self) -> Browser:
        return Browser(self.app.test_client())

    def employ(self, role: Role, subject: str = "ada") -> int:
        """Make a member of staff, as the provider's word would."""
        with self.engine.begin() as connection:
            said = {"email": f"{subject}@daily.example", "name": subject.title(), "role": role.word}
            return int(store.welcome(connection, "https://id.example", subject, self.clock(), **said).id)

    def signed_in(self, role: Role, subject: str = "ada") -> Browser:
        """Return the browser of somebody with a fresh session."""
        staff_id = self.employ(role, subject)
        with self.engine.begin() as connection:
            token = self.desk.sessions.open(connection, staff_id, replacing=None)
        browser = self.browser()
        browser.carry(SESSION, token)
        return browser

    def acts(self) -> list[tuple[str, str]]:
        """Return actor and act of every audit entry, the oldest first."""
        rows = self.desk.services.audit.page(AuditQuery()).rows
        return [(row["actor"], row["act"]) for row in reversed(rows)]


@pytest.fixture
def build_console(engine: Engine, shop_services: Callable[[HandClock], Services]) -> Callable[..., Console]:
    """Put the console together, with a provider or without, over https unless `origin` says otherwise."""

    def build(provider: Provider | None = None, origin: str = ORIGIN) -> Console:
        clock = HandClock()
        services = shop_services(clock)
        app = build_flask(services)
        desk = Desk(
            services=services, engine=engine, sessions=Sessions(engine, clock),
            break_glass=BreakGlass(engine, services.audit, clock, QUICK), provider=provider, keys=ApiKeyStore(engine),
            cookies=Cookies(secure=origin.startswith("https:")), origin=origin,
        )  # fmt: skip
        mount_console(app, desk, app.extensions["newsstand.budget"])
        return Console(app, desk, engine, clock)

    return build


@pytest.fixture
def console(build_console: Callable[..., Console]) -> Console:
    """The console without a provider."""
    return build_console()


@pytest.fixture
def shop_services(database_url: str, redis_url: str, engine: Engine) -> Iterator[Callable[[HandClock], Services]]:
    """Everything that the service is made of, on real servers; Stripe alone is not there."""
    from dataclasses import replace
    from pathlib import Path

    from service.assembly.core import build_core
    from service.assembly.web import build_services
    from service.settings import Settings

    settings = Settings.from_environment(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "STRIPE_SECRET_KEY": "sk_test_51Habcdefghijk",
            "STRIPE_API_BASE": "http://127.0.0.1:9",
            "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef",
            "SUBJECT_KEY": "0123456789abcdef0123456789abcdef",
            "SITE_ORIGINS": "https://www.daily.example",
            "PLANS_FILE": str(Path(__file__).parents[3] / "plans.yaml"),
            "DATABASE_TIMEOUT_SECONDS": "5",
            "WEB_THREADS": "8",
        }
    )
    core = build_core(settings)

    def build(clock: HandClock) -> Services:
        return replace(build_services(core), wall_clock=clock, audit=Audit(engine, clock))

    yield build
    core.journal.close()
    core.engine.dispose()
    core.quick_engine.dispose()


def csrf_in(page: TestResponse) -> str:
    """Return the token that a page's form carries."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)
    assert found is not None, page.text
    return found[1]
