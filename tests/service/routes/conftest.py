"""The whole service as it is served, API and console, with two readers in it: one to be protected, one who pries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select
from werkzeug.test import TestResponse

from sandbox.databases import Databases
from sandbox.servers import Valkey
from sandbox.standin.server import StandIn
from service.api.application import build_flask
from service.api.services import Services
from service.assembly.console import build_desk
from service.assembly.core import Core, build_core
from service.assembly.web import build_services
from service.billing.checkouts import CheckoutRequest
from service.catalog.stripe_offer import apply
from service.clocks import FollowedClock
from service.console.cookies import csrf_token
from service.console.desk import Desk
from service.console.mount import mount_console
from service.domain.staff import Role
from service.settings import Settings
from service.store import staff, tables
from service.store.api_keys import ApiKeyStore, Scope
from service.store.note_tables import notes
from webhooks.tables import events

ROOT = Path(__file__).parents[3]
SITE, DESK = "https://www.example.com", "https://desk.daily.example"
NOON = 1_794_830_400  # 2026-11-16T12:00:00Z
CARD = {"card_number": "4242 4242 4242 4242", "card_expiry": "12/34", "card_cvc": "123"}
VICTIM, PRYING = "r-canary", "r-prying"
EMAIL, NOTE, VISITOR = "canary@private.example", "canary-note", "v-canary"
JSON = {"Content-Type": "application/json"}


@dataclass
class Whole:
    """The application, keys by scope, and the victim's ids by kind; `secrets` are words that only support may see."""

    app: Flask
    core: Core
    desk: Desk
    services: Services
    standin: StandIn
    keys: dict[str, str]
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> list[str]:
        return [EMAIL, NOTE, *(value for value in self.ids.values() if not value.isdigit())]

    def call(self, method: str, path: str, key: str | None, **sent: Any) -> TestResponse:
        """Ask the API under a key."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return self.app.test_client().open(path, method=method, headers=headers, **sent)

    def key(self, *scopes: Scope) -> str:
        return ApiKeyStore(self.core.engine).create_key("a test's", scopes)

    def account(self, reader_id: str = VICTIM) -> dict[str, Any]:
        """Return what support sees of a reader, without when it was looked at."""
        shown = self.call("GET", f"/v1/support/accounts/{reader_id}", self.keys[Scope.SUPPORT_READ])
        assert shown.status_code == 200, shown.text
        return {name: value for name, value in shown.json.items() if name not in {"sources", "meter", "state"}}

    def leaked(self, answer: TestResponse, *sent: str) -> list[str]:
        """Return which of the victim's secrets an answer tells, but for those that were in the question."""
        heard = answer.text + str(answer.headers)
        return [each for each in self.secrets if each in heard and not any(each in said for said in sent)]

    def staff(self, role: Role) -> StaffBrowser:
        """Return the browser of somebody on the desk, signed in."""
        now, subject = self.core.wall_clock(), role.word
        with self.core.engine.begin() as connection:
            said = {"email": f"{subject}@daily.example", "name": subject, "role": role.word}
            person = staff.welcome(connection, "https://id.example", subject, now, **said)
            token = self.desk.sessions.open(connection, int(person.id), replacing=None)
        client = self.app.test_client()
        client.set_cookie(self.desk.cookies.session, token, domain="desk.daily.example", secure=True)
        return StaffBrowser(client, csrf_token(token))


@dataclass
class StaffBrowser:
    """A member of staff's browser, or nobody's; follows nothing by itself."""

    client: FlaskClient
    csrf: str = ""

    def ask(self, method: str, path: str, form: dict[str, Any] | None = None) -> TestResponse:
        sent = {} if method == "GET" else {"data": {"csrf": self.csrf} | (form or {})}
        return self.client.open(path, method=method, base_url=DESK, **sent)


@pytest.fixture(scope="module")
def whole(databases: Databases, valkey: Valkey) -> Iterator[Whole]:
    """The service with the victim and the prying reader, both of whom have bought; one for all tests of a module.

    No test may change the victim. That is what they are about, and each looks.
    """
    with StandIn(api_keys=["sk_test_sandbox"]) as standin, databases.one() as database_url:
        yield from _serve(database_url, valkey.url, standin)


def _serve(database_url: str, redis_url: str, standin: StandIn) -> Iterator[Whole]:
    stripe_client = stripe.StripeClient("sk_test_sandbox", base_addresses={"api": standin.base_url})
    clock_id = stripe_client.v1.test_helpers.test_clocks.create({"frozen_time": NOON, "name": "tests"}).id
    core = build_core(_settings(database_url, redis_url, standin.base_url, clock_id))
    apply(stripe_client, core.catalog)
    services = build_services(core)
    app, desk = build_flask(services), build_desk(core, services)
    mount_console(app, desk, app.extensions["newsstand.budget"])
    keys = {scope.value: ApiKeyStore(core.engine).create_key(scope.value, [scope]) for scope in Scope}
    found = Whole(app, core, desk, services, standin, keys)
    for reader_id, email in ((VICTIM, EMAIL), (PRYING, "prying@example.com")):
        _buy(found, reader_id, email)
    _fill(found)
    yield found
    assert isinstance(core.business_clock, FollowedClock)
    core.business_clock.close()
    core.journal.close()
    core.engine.dispose()
    core.quick_engine.dispose()


def _settings(database_url: str, redis_url: str, stripe_url: str, clock_id: str) -> Settings:
    return Settings.from_environment(
        {
            "DATABASE_URL": database_url, "REDIS_URL": redis_url, "STRIPE_SECRET_KEY": "sk_test_sandbox",
            "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef", "STRIPE_API_BASE": stripe_url,
            "STRIPE_TEST_CLOCK": clock_id, "SUBJECT_KEY": "a-key-for-tests-of-more-than-32-characters",
            "SITE_ORIGINS": SITE, "CONSOLE_ORIGIN": DESK, "PLANS_FILE": str(ROOT / "plans.yaml"), "WEB_THREADS": "16",
            "REDIS_TIMEOUT_SECONDS": "2", "DATABASE_TIMEOUT_SECONDS": "5", "NEWSSTAND_SANDBOX": "1",
        }
    )  # fmt: skip


def _buy(whole: Whole, reader_id: str, email: str) -> None:
    """Pay for a year; the return page learns of it."""
    asked = CheckoutRequest(
        reader_id=reader_id, email=email, plan="annual", success_url=f"{SITE}/welcome", cancel_url=f"{SITE}/"
    )
    opened = whole.services.checkouts.open(asked)
    paid = requests.post(opened.url, data={"email": email} | CARD, allow_redirects=False, timeout=10)
    assert paid.status_code == 303, paid.text
    assert whole.services.checkouts.outcome(opened.id).status == "complete"


def _fill(whole: Whole) -> None:
    """Give the victim one of every thing that has an id."""
    now, account = whole.core.wall_clock(), whole.account()
    written = {"reader_id": VICTIM, "written_by": "staff:1", "written_at": now}
    given = {"features": ["archives"], "from_at": now, "until_at": now, "reason": "late", "given_by": "staff:1"}
    event = {
        "id": "evt_canary", "type": "invoice.paid", "livemode": False, "customer_id": account["customer_id"],
        "body": b'{"id":"evt_canary"}', "status": "quarantined", "reason": "a test's",
    }  # fmt: skip
    with whole.core.engine.begin() as connection:
        connection.execute(insert(tables.visitor_links).values(visitor_id=VISITOR, reader_id=VICTIM))
        note = connection.execute(insert(notes).values(body=NOTE, **written).returning(notes.c.id)).scalar_one()
        made = insert(tables.grants).values(reader_id=VICTIM, kind="courtesy", **given)
        grant = connection.execute(made.returning(tables.grants.c.id)).scalar_one()
        connection.execute(insert(events).values(event))
        differs = {"customer_id": account["customer_id"], "subscription_id": "", "kind": "differs", "found_at": now}
        connection.execute(insert(tables.drift).values(differs | {"seen_at": now}))
        checkouts = select(tables.checkouts.c.id).where(tables.checkouts.c.reader_id == VICTIM)
        checkout = connection.execute(checkouts).scalar_one()
    (invoice,), (subscription,) = account["invoices"], account["subscriptions"]
    (charge,) = whole.core.client.v1.charges.list({"customer": account["customer_id"]}).data
    whole.ids = {
        "reader": VICTIM, "customer": account["customer_id"], "subscription": subscription["id"],
        "invoice": invoice["id"], "charge": charge.id, "checkout": checkout, "visitor": VISITOR,
        "hold": _dispute(whole, charge.id), "event": "evt_canary", "note": str(note), "grant": str(grant),
    }  # fmt: skip


def _dispute(whole: Whole, charge_id: str) -> str:
    """Let the bank dispute a charge of the victim's, and learn of it; return the dispute."""
    moved = requests.post(f"{whole.standin.base_url}/_standin/disputes", json={"charge": charge_id}, timeout=10)
    assert moved.status_code == 200, moved.text
    whole.services.staff_sync.sync(VICTIM)
    return str(moved.json()["id"])
