"""POST /webhooks/stripe over WSGI, signed for real, on the real PostgreSQL."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from service.store.database import make_engine
from webhooks.endpoint import MAX_BODY_BYTES, webhook_blueprint
from webhooks.events import StripeEvent
from webhooks.inbox import Inbox
from webhooks.signature import Verifier

SECRET = "whsec_for_tests_alone"


class Door:
    """The endpoint in a Flask application of its own."""

    def __init__(self, engine: Engine, clock: Any, queue: Any, sign: Callable[..., str]) -> None:
        self.clock, self.sign = clock, sign
        self.counted: list[str] = []
        self.told: list[dict[str, str]] = []
        """What the line in the log says of each that was stored."""
        app = Flask("door")
        app.teardown_request(lambda _: self.told.append(g.told) if "told" in g else None)
        app.register_blueprint(
            webhook_blueprint(
                verifier=Verifier([SECRET]),
                inbox=Inbox(engine, livemode=False, wall_clock=clock, queue=queue.sql),
                wall_clock=clock,
                count=self.counted.append,
            )
        )
        self.client: FlaskClient = app.test_client()

    def post(self, body: bytes, **headers: str) -> TestResponse:
        """Post `body` signed, unless another signature is given."""
        signature = {"Stripe-Signature": self.sign(body, self.clock().timestamp())}
        return self.client.post("/webhooks/stripe", data=body, headers=signature | headers)


@pytest.fixture
def door(engine: Engine, clock: Any, queue: Any, signed: Callable[..., str]) -> Door:
    return Door(engine, clock, queue, signed)


def stored(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("select count(*) from events")).scalar_one())


def test_an_event_is_acknowledged_once_stored(
    door: Door, engine: Engine, customer_event: Callable[[str], StripeEvent]
) -> None:
    """200 with what came of it; a duplicate too."""
    event = customer_event("cus_1")
    first, second = door.post(event.body), door.post(event.body)
    assert (first.status_code, first.json) == (200, {"event": event.id, "outcome": "marked"})
    assert (second.status_code, second.json) == (200, {"event": event.id, "outcome": "duplicate"})
    assert stored(engine) == 1
    assert door.counted == ["marked", "duplicate"]


@pytest.mark.parametrize("fields", [{"livemode": True}, {"account": "acct_1"}, {"type": "moon.waxed"}])
def test_what_does_not_concern_us_is_acknowledged(
    fields: dict[str, Any], door: Door, engine: Engine, snapshot_event: Callable[..., StripeEvent]
) -> None:
    """Another mode, a foreign account, an unknown type: 200, or Stripe would send it for days."""
    event = snapshot_event(fields.pop("type", "price.updated"), {"object": "thing", "id": "x"}, **fields)
    assert door.post(event.body).status_code == 200
    assert stored(engine) == 1


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"{}", {"Stripe-Signature": "t=1,v1=00"}, "invalid_signature"),
        (b"{}", {"Stripe-Signature": ""}, "invalid_signature"),
        (b"{}", {"Stripe-Signature": "t=1,v1=\u00e9"}, "invalid_signature"),
        (b"\xff", {"Stripe-Signature": "t=1,v1=00"}, "invalid_signature"),
        (b"", {}, "invalid_event"),
        (b"null", {}, "invalid_event"),
        (b"[" * 100_000, {}, "invalid_event"),
        (b'{"object": "event"}', {}, "invalid_event"),
    ],
)
def test_a_refusal_is_a_problem_document(
    body: bytes, headers: dict[str, str], code: str, door: Door, engine: Engine
) -> None:
    """400 as application/problem+json with its stable code; nothing is stored."""
    answer = door.post(body, **headers)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    problem = answer.get_json(force=True)
    assert (problem["code"], problem["status"]) == (code, 400)
    assert stored(engine) == 0
    assert door.counted == [code]


def test_a_body_without_a_signature_is_refused(door: Door) -> None:
    """No header at all."""
    assert door.client.post("/webhooks/stripe", data=b"{}").status_code == 400


def test_a_body_of_one_mebibyte_is_read_and_no_more(door: Door) -> None:
    """The limit holds with a Content-Length, and for a chunked body that has none."""
    assert door.post(b" " * MAX_BODY_BYTES).status_code == 400
    above = b" " * (MAX_BODY_BYTES + 1)
    for body in (above, above + b" "):
        answer = door.post(body)
        assert (answer.status_code, answer.mimetype) == (413, "application/problem+json")
    chunked = door.client.post(
        "/webhooks/stripe",
        input_stream=io.BytesIO(above),
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert chunked.status_code == 413
    assert door.counted == ["invalid_event", "too_large", "too_large", "too_large"]


def test_what_cannot_be_stored_is_sent_again(
    clock: Any, queue: Any, signed: Callable[..., str], customer_event: Callable[[str], StripeEvent]
) -> None:
    """With the database away: 503 and Retry-After."""
    nowhere = make_engine("postgresql://newsstand@127.0.0.1:1/none", deadline_seconds=1)
    door = Door(nowhere, clock, queue, signed)
    answer = door.post(customer_event("cus_1").body)
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.headers["Retry-After"] == "5"
    assert door.counted == ["not_stored"]


def test_logs_hold_ids_alone(
    door: Door, snapshot_event: Callable[..., StripeEvent], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither an e-mail, nor a body, nor a signature or secret is ever logged."""
    caplog.set_level(logging.DEBUG)
    about = {"object": "customer", "id": "cus_1", "email": "canary@example.com"}
    event = snapshot_event("customer.updated", about)
    door.post(event.body)
    door.post(event.body + b" ", **{"Stripe-Signature": f"t=1,v1=canary,{SECRET}"})
    said = json.dumps([*door.told, *(record.__dict__ for record in caplog.records)], default=str)
    assert {"event_id": event.id, "event_type": "customer.updated", "outcome": "marked"} in door.told
    assert "webhook.refused" in caplog.messages
    for secret in ("canary", SECRET, "previous_attributes"):
        assert secret not in said
