"""The stand-in Stripe in this process, in virtual time: no server, no threads, and trouble on the wire if asked for."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import stripe
from flask import Flask
from requests.structures import CaseInsensitiveDict
from werkzeug.test import run_wsgi_app

from sandbox.simulation.oracle import Truth
from sandbox.simulation.virtual_time import VirtualTime
from sandbox.standin import clocks
from sandbox.standin.account import Account
from sandbox.standin.billing.policy import BillingPolicy
from sandbox.standin.deliveries import Dispatcher
from sandbox.standin.server import build_app
from sandbox.standin.store import Change, Json, Store, rendered

API_BASE = "http://stripe.simulated"
KEY = "sk_test_sandbox"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: str
    headers: Mapping[str, str]


class Trouble(StrEnum):
    """What happens to one request on the wire."""

    REFUSED = "refused"
    LOST_ANSWER = "lost answer"
    FAILED = "500"
    TOO_MANY = "429"


class Refused(Exception):
    """Stripe, or a bank, does not do what is asked in this state."""


class AtStripe:
    """One Stripe account. `events` are those that nobody has been told of yet, oldest first."""

    def __init__(self, time: VirtualTime, policy: BillingPolicy | None = None) -> None:
        self._time = time
        self._store = Store(None)
        self.account = Account(self._store, wall=time.seconds, policy=policy or BillingPolicy(), base_url=API_BASE)
        self.app = build_app(self.account, Dispatcher(self.account))
        self.events: list[Json] = []
        self.trouble: list[Trouble | None] = []
        self.seen: dict[tuple[str, datetime], Truth] = {}
        self.calls = 0
        self._store.on_commit.append(self._note_events)

    def client(self, *, is_troubled: bool = True) -> stripe.StripeClient:
        """Return the official SDK, one attempt a call, on a wire that leads here, with or without trouble on it."""
        wire = _Wire(self, is_troubled=is_troubled)
        return stripe.StripeClient(KEY, base_addresses={"api": API_BASE}, http_client=wire, max_network_retries=0)

    def close(self) -> None:
        """Forget everything."""
        self._store.close()

    def truth(self, customer_id: str) -> Truth | None:
        """Return everything about a customer as it stands; what is held here does not change any more."""
        with self._store.transaction():
            customer = self._store.get("customer", customer_id)
        if customer is None:
            return None

        def own(kind: str) -> Sequence[Json]:
            return self._store.all(kind, customer=customer_id)

        def led_to(kind: str) -> Sequence[Json]:
            return [each for each in self._store.all(kind) if each["_customer"] == customer_id]

        return Truth(
            customer=dict(customer), subscriptions=own("subscription"), invoices=own("invoice"), charges=own("charge"),
            refunds=own("refund"), invoice_payments=led_to("invoice_payment"), disputes=led_to("dispute"),
            warnings=led_to("radar.early_fraud_warning"),
        )  # fmt: skip

    def objects(self, kind: str, customer_id: str) -> list[Json]:
        """Return the customer's objects of a kind, oldest first, to be read only."""
        return self._store.all(kind, customer=customer_id)

    def next_at(self) -> int | None:
        """Return the second at which something happens by itself, or None."""
        first = self.account.agenda.first(None)
        return first[0] if first else None

    def advance(self, second: int) -> None:
        """Let time pass, each happening at its own second."""
        while (at := self.next_at()) is not None and at <= second:
            self._time.move_to(at)
            clocks.run_due(self.account, None, self._time.second)
        self._time.move_to(second)

    def browse(self, url: str, **fields: str) -> int:
        """Send a form as a reader's browser does; return the status."""
        parts = urlsplit(url)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self.ask("POST", f"{parts.path}?{parts.query}", form, urlencode(fields).encode())
        if answer.status >= 500:
            raise RuntimeError(f"the stand-in failed: {answer.status} for {parts.path}")
        return answer.status

    def lever(self, path: str, **body: object) -> Json:
        """Let happen what only a bank or a cardholder brings about."""
        kind = {"Content-Type": "application/json"}
        answer = self.ask("POST", f"/_standin/{path}", kind, json.dumps(body).encode())
        found: Json = json.loads(answer.body)
        if answer.status != 200:
            raise Refused(found["error"]["message"])
        return found

    def ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer to one request."""
        return call(self.app, method, target, headers, body)

    def look(self, customer_id: str) -> None:
        """Remember what somebody who begins to fetch this customer now is about to see."""
        truth = self.truth(customer_id)
        if truth is not None:
            self.seen[customer_id, self._time.peek()] = truth

    def _note_events(self, changes: list[Change]) -> None:
        # Without an endpoint to deliver to, an event never changes once it is made.
        self.events += [rendered(item) for (kind, _), item in changes if kind == "event" and item is not None]


def call(app: Flask, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Call a WSGI application as a server would."""
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": unquote(path), "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr,
        "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(body)),
    }  # fmt: skip
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    chunks, status, answered = run_wsgi_app(app, environ, buffered=True)
    return Answer(int(status.split()[0]), b"".join(chunks).decode(), CaseInsensitiveDict(answered))


class _Wire(stripe.HTTPClient):
    """The SDK's way to the account: one call of a function, and the trouble that is asked for."""

    name = "in_process"

    def __init__(self, at_stripe: AtStripe, *, is_troubled: bool) -> None:
        super().__init__()
        self._at_stripe = at_stripe
        self._is_troubled = is_troubled

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_usage: Any
    ) -> tuple[str, int, Mapping[str, str]]:
        """Make the request; raises APIConnectionError when no answer comes back."""
        at_stripe, target = self._at_stripe, url.removeprefix(API_BASE)
        at_stripe.calls += 1
        trouble = at_stripe.trouble.pop(0) if at_stripe.trouble and self._is_troubled else None
        if trouble is Trouble.REFUSED:
            raise _no_answer("nobody answers")
        if trouble in _STATUSES:
            return '{"error": {"type": "api_error", "message": "trouble"}}', _STATUSES[trouble], CaseInsensitiveDict()
        if method == "get" and (found := _CUSTOMER.match(target)):
            at_stripe.look(found.group(1))
        answer = at_stripe.ask(method.upper(), target, headers or {}, (post_data or "").encode())
        if trouble is Trouble.LOST_ANSWER:
            raise _no_answer("the answer is lost")
        return answer.body, answer.status, answer.headers

    def close(self) -> None:
        """Close nothing: there is no connection."""


def _no_answer(why: str) -> stripe.APIConnectionError:
    return stripe.APIConnectionError(why, should_retry=False)  # type: ignore[no-untyped-call]


_CUSTOMER = re.compile(r"/v1/customers/(cus_\w+)$")
_STATUSES: Mapping[Trouble | None, int] = {Trouble.FAILED: 500, Trouble.TOO_MANY: 429}
