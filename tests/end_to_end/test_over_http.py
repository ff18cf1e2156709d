"""What must hold of the whole, asked over HTTP: gunicorn with two workers, a real Valkey, a real PostgreSQL."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
import requests

pytestmark = pytest.mark.xdist_group("newsroom")

SITE = {"Authorization": "Bearer site_sandbox"}
SUPPORT = {"Authorization": "Bearer support_sandbox"}


@pytest.fixture
def call(newsroom: Any) -> Callable[..., requests.Response]:
    """Call the service as the site does."""

    def call(method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("headers", SITE)
        return requests.request(method, newsroom.at.service_url + path, timeout=20, **options)

    return call


@pytest.fixture
def post_event(newsroom: Any) -> Callable[..., requests.Response]:
    """Post an event as Stripe does, signed with the endpoint's secret unless told otherwise."""

    def post(body: bytes, *, secret: str | None = None, age_seconds: int = 0, header: str | None = None) -> Any:
        signed_at = int(time.time()) - age_seconds
        key = (secret or newsroom.at.secrets.webhook_secret).encode()
        signature = hmac.new(key, f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest()
        sent = f"t={signed_at},v1={signature}" if header is None else header
        return requests.post(
            newsroom.at.service_url + "/webhooks/stripe",
            data=body,
            headers={"Stripe-Signature": sent.encode("latin-1"), "Content-Type": "application/json"},
            timeout=20,
        )

    return post


def event(**changes: Any) -> bytes:
    """Return the body of a snapshot event about a customer nobody knows."""
    usual = {
        "id": f"evt_{secrets.token_hex(8)}",
        "object": "event",
        "type": "customer.subscription.updated",
        "created": int(time.time()),
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "pending_webhooks": 1,
        "request": None,
        "data": {"object": {"id": "sub_x", "object": "subscription", "customer": f"cus_{secrets.token_hex(6)}"}},
    }
    return json.dumps(usual | changes).encode()


def stored(newsroom: Any, event_id: str) -> Any:
    with psycopg.connect(newsroom.at.database_url) as connection:
        return connection.execute("select type, status, reason from events where id = %s", [event_id]).fetchone()


def test_parallel_first_reads_over_two_workers_give_one_free_article(call: Any) -> None:
    """A thousand different first articles asked for at once, by one browser, through two processes: exactly one."""
    visitor = f"v-{secrets.token_hex(6)}"
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=16))

    def read(number: int) -> Any:
        question = {"visitor_id": visitor, "article": {"id": f"a-{number}"}}
        return call("POST", "/v1/decisions", json=question).json()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(read, range(1000)))
    assert sum(answer["granted"] for answer in answers) == 1
    assert {answer["degraded"] for answer in answers} == {None}


NASTY_BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"\xff\xfe",
    b"[" * 5_000,
    b'{"article": {"id": 7}}',
    b'{"article": {"id": "a\\u0000b"}}',
    b'{"article": {"id": "\\ud800"}}',
    b'{"article": {"id": "a"}, "surprise": 1}',
    b'{"article": {"id": "a", "access": "sometimes"}}',
    b'{"article": {"id": "a"}, "mode": "devour"}',
    b'{"article": {"id": "' + b"a" * 300 + b'"}}',
    b'{"article": {"id": "a"}, "reader_id": 1e999}',
    b'{"article": {"id": "a"}, "pad": "' + b"x" * 70_000 + b'"}',
]


@pytest.mark.parametrize("body", NASTY_BODIES, ids=range(len(NASTY_BODIES)))
@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/checkouts", "/v1/portals", "/v1/readers/r-1/visitors"])
def test_bad_input_gets_a_clear_problem(call: Any, path: str, body: bytes) -> None:
    """Never a 500, always problem+json with a stable code and a request id."""
    answer = call("POST", path, data=body, headers=SITE | {"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"]
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"plan": "weekly"}, "unknown_plan"),
        ({"success_url": "https://evil.example/"}, "invalid_request"),
        ({"success_url": "//evil.example/"}, "invalid_request"),
        ({"cancel_url": "javascript:alert(1)"}, "invalid_request"),
        ({"email": "no address"}, "invalid_request"),
    ],
)
def test_a_senseless_checkout_is_refused_before_stripe_hears_of_it(
    newsroom: Any, call: Any, changes: dict[str, str], code: str
) -> None:
    """Unknown plan, foreign redirect, no address: 422, with the field named."""
    home = newsroom.at.site_url
    body = {
        "reader_id": f"r-{secrets.token_hex(6)}",
        "email": "reader@example.com",
        "plan": "monthly",
        "success_url": f"{home}/welcome",
        "cancel_url": f"{home}/",
    }
    answer = call("POST", "/v1/checkouts", json=body | changes)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert set(answer.json()["errors"]) == set(changes)


FORGERIES: list[tuple[str, bytes, dict[str, Any]]] = [
    ("another secret", event(), {"secret": "whsec_somebody_elses"}),
    ("stale", event(), {"age_seconds": 400}),
    ("from the future", event(), {"age_seconds": -400}),
    ("no header", event(), {"header": ""}),
    ("v0 only", event(), {"header": "t=1,v0=ab"}),
    ("non-ASCII signature", event(), {"header": "t=1,v1=\u00e9"}),
    ("signed list", b"[]", {}),
    ("signed null", b"null", {}),
    ("signed number", b"7", {}),
    ("signed text", b"hello", {}),
    ("not UTF-8", b"\xff\xfe{", {}),
    ("nested too deeply", b"[" * 100_000, {}),
    ("no event", b'{"object": "customer"}', {}),
]


@pytest.mark.parametrize(("body", "how"), [row[1:] for row in FORGERIES], ids=[row[0] for row in FORGERIES])
def test_forged_stale_or_malformed_webhooks_are_refused(post_event: Any, body: bytes, how: dict[str, Any]) -> None:
    """Each probe that crashes a handler built on the SDK alone is a plain 400 here."""
    answer = post_event(body, **how)
    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_an_oversized_webhook_is_refused(post_event: Any) -> None:
    """Past 1 MiB nothing is read on."""
    assert post_event(b" " * (1024 * 1024 + 1)).status_code == 413


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "planet.discovered", "data": {"object": {"id": "p_1", "object": "planet"}}},
        {"type": "product.updated", "data": {"object": {"id": "prod_1", "object": "product"}}},
        {"livemode": True},
        {"account": "acct_other"},
        {"api_version": "2020-08-27"},
        {},
    ],
    ids=["unknown type", "no customer", "wrong mode", "foreign account", "old version", "unknown customer"],
)
def test_genuine_events_are_stored_whatever_they_are_about(
    newsroom: Any, post_event: Any, changes: dict[str, Any]
) -> None:
    """200 and kept, twice if sent twice, so that Stripe never retries for days what we don't care about."""
    body = event(**changes)
    assert [post_event(body).status_code, post_event(body).status_code] == [200, 200]
    assert stored(newsroom, json.loads(body)["id"]) is not None


def test_every_route_of_the_api_wants_a_key(newsroom: Any, call: Any) -> None:
    """Asked without a key, with an unknown key, and with the other side's key, nothing is given away."""
    document = call("GET", "/openapi.json").json()
    for path, operations in document["paths"].items():
        for method in operations:
            if method in {"get", "post", "delete"} and path.startswith("/v1/"):
                at = re.sub(r"\{[^}]+\}", "r-1", path)
                other = SUPPORT if not at.startswith("/v1/support") else SITE
                assert call(method, at, headers={}).status_code == 401, at
                assert call(method, at, headers={"Authorization": "Bearer nsk_unknown"}).status_code == 401, at
                assert call(method, at, headers=other).status_code == 403, at


def test_metrics_are_those_of_all_workers_together(call: Any) -> None:
    """Whichever worker answers, it tells the sum; what another has just counted, a moment later."""

    def counted() -> float:
        lines = call("GET", "/metrics", headers={}).text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("newsstand_decisions_total"))

    before = counted()
    for number in range(20):
        call("POST", "/v1/decisions", json={"mode": "peek", "article": {"id": f"m-{number}"}})
    deadline = time.monotonic() + 10
    while counted() - before < 20 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [counted() - before for _ in range(6)] == [20] * 6


def test_logs_hold_no_personal_data_and_no_secret(newsroom: Any, call: Any) -> None:
    """A planted address and the keys appear in no log of any process."""
    canary = f"canary-{secrets.token_hex(6)}@example.com"
    home = newsroom.at.site_url
    reader = f"r-{secrets.token_hex(6)}"
    body = {"reader_id": reader, "email": canary, "plan": "annual", "success_url": home, "cancel_url": home}
    assert call("POST", "/v1/checkouts", json=body).status_code == 201
    assert call("POST", "/v1/checkouts", json=body | {"plan": canary}).status_code == 422
    found = requests.get(
        newsroom.at.service_url + "/v1/support/accounts", params={"q": canary}, headers=SUPPORT, timeout=20
    )
    assert [each["reader_id"] for each in found.json()["data"]] == [reader]
    for log in (newsroom.at.directory / "logs").glob("*.log"):
        if log.stem not in {"standin", "postgresql"}:
            written = log.read_text()
            for secret in (canary, newsroom.at.secrets.webhook_secret, newsroom.at.secrets.subject_key, "site_sandbox"):
                assert secret not in written, log.name
