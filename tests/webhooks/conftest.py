"""What the intake's tests share: a clock set by hand, events signed as Stripe signs them, a queue in the database."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import stripe
from sqlalchemy import Connection, Engine, text

from service.store.database import make_engine
from webhooks.events import StripeEvent, parse

SECRET = "whsec_for_tests_alone"
NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
_serial = itertools.count(1)


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Queue:
    """Jobs in a table of the same database, so that they live and die with the caller's transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with engine.begin() as connection:
            connection.execute(text("create table queued (kind text, id text)"))
            connection.execute(
                text(
                    "create function queue_up(text, text) returns int language sql as "
                    "$$ insert into queued values ($1, $2) returning 1 $$"
                )
            )

    sql = "queue_up({work}, {subject})"

    def defer(self, connection: Connection, kind: str, thing_id: str) -> None:
        connection.execute(text("insert into queued values (:kind, :id)"), {"kind": kind, "id": thing_id})

    def jobs(self) -> list[tuple[str, str]]:
        with self._engine.connect() as connection:
            return [(row.kind, row.id) for row in connection.execute(text("select * from queued"))]


def sign(body: bytes, signed_at: float, *, secret: str = SECRET) -> str:
    """Return the header that Stripe sends: HMAC-SHA256 of `t.body`, keyed with the secret."""
    whole = int(signed_at)
    digest = hmac.new(secret.encode(), f"{whole}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={whole},v1={digest}"


def snapshot_body(event_type: str, about: dict[str, Any], **fields: Any) -> bytes:
    """Return a snapshot event's body; `before` is its previous_attributes."""
    before = fields.pop("before", None)
    event = {
        "id": f"evt_{next(_serial)}", "object": "event", "api_version": "2026-10-28.endive", "created": 1793620800,
        "livemode": False, "pending_webhooks": 1, "request": {"id": None, "idempotency_key": None},
        "type": event_type, "data": {"object": about, **({"previous_attributes": before} if before else {})},
    }  # fmt: skip
    return json.dumps(event | fields).encode()


def thin_body(event_type: str, kind: str | None, thing_id: str = "thing_1", **fields: Any) -> bytes:
    """Return a thin event's body."""
    related = {"type": kind, "id": thing_id, "url": f"/v1/things/{thing_id}"} if kind else None
    event = {
        "id": f"evt_{next(_serial)}", "object": "v2.core.event", "created": "2026-11-02T12:00:00.000Z",
        "livemode": False, "type": event_type, "context": None, "related_object": related,
    }  # fmt: skip
    return json.dumps(event | fields).encode()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url, pool_size=10)
    yield engine
    engine.dispose()


@pytest.fixture
def queue(engine: Engine) -> Queue:
    return Queue(engine)


@pytest.fixture
def signed() -> Callable[..., str]:
    return sign


@pytest.fixture
def snapshot_event() -> Callable[..., StripeEvent]:
    """Make a parsed snapshot event of a type about an object."""

    def make(event_type: str, about: dict[str, Any], **fields: Any) -> StripeEvent:
        event = parse(snapshot_body(event_type, about, **fields))
        assert isinstance(event, StripeEvent), event
        return event

    return make


@pytest.fixture
def thin_event() -> Callable[..., StripeEvent]:
    """Make a parsed thin event of a type about an object of a kind."""

    def make(event_type: str, kind: str | None, thing_id: str = "thing_1", **fields: Any) -> StripeEvent:
        event = parse(thin_body(event_type, kind, thing_id, **fields))
        assert isinstance(event, StripeEvent), event
        return event

    return make


@pytest.fixture
def customer_event(snapshot_event: Callable[..., StripeEvent]) -> Callable[[str], StripeEvent]:
    """Make an event about a subscription of the customer given."""
    return lambda customer_id: snapshot_event(
        "customer.subscription.updated", {"object": "subscription", "id": "sub_1", "customer": customer_id}
    )


Answer = tuple[int, Any]


class RecordedStripe:
    """A server on 127.0.0.1 that answers the unmodified SDK with recorded shapes: `answers[path](query)`."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[dict[str, str]], Answer]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.client = stripe.StripeClient(
            "sk_test_recorded",
            base_addresses={"api": f"http://127.0.0.1:{self._server.server_port}"},
            max_network_retries=0,
        )

    def put(self, path: str, value: Any, status: int = 200) -> None:
        """Answer `path` with `value`, whatever is asked."""
        self.answers[path] = lambda _: (status, value)

    def put_list(self, path: str, things: list[Any]) -> None:
        """Answer `path` with pages of `things`, by `limit` and `starting_after`, as Stripe does."""

        def page(query: dict[str, str]) -> Answer:
            ids = [thing["id"] for thing in things]
            start = ids.index(query["starting_after"]) + 1 if "starting_after" in query else 0
            rest = things[start:]
            limit = int(query.get("limit", 10))
            return 200, {"object": "list", "url": path, "data": rest[:limit], "has_more": len(rest) > limit}

        self.answers[path] = page

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        recorded = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = dict(parse_qsl(parts.query))
                recorded.asked.append((parts.path, query))
                status, value = recorded.answers.get(parts.path, _missing)(query)
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                """Keep the tests' output clean."""

        return Handler


def _missing(_: dict[str, str]) -> Answer:
    error = {
        "type": "invalid_request_error",
        "code": "resource_missing",
        "message": "No such thing: canary@example.com",
    }
    return 404, {"error": error}


@pytest.fixture
def recorded_stripe() -> Iterator[RecordedStripe]:
    recorded = RecordedStripe()
    yield recorded
    recorded.close()


@pytest.fixture
def shape() -> Callable[..., dict[str, Any]]:
    """Read an example of Stripe's shapes (API 2026-10-28.endive) with some fields changed."""

    def read(name: str, **changes: Any) -> dict[str, Any]:
        example: dict[str, Any] = json.loads((Path(__file__).parent / "shapes" / f"{name}.json").read_text())
        return example | changes

    return read
