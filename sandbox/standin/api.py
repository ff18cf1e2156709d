"""The /v1 API: keys, parameters, idempotency, transactions, expansion and Stripe's headers around each handler."""

from __future__ import annotations

import json
import logging
import time
from typing import Any
from urllib.parse import parse_qsl

from flask import Blueprint, Request, Response, request

from sandbox.standin import clocks, forms, idempotency, resources, routing
from sandbox.standin.account import Account, RequestFacts
from sandbox.standin.errors import InvalidRequest, StripeError
from sandbox.standin.expand import expand
from sandbox.standin.ids import letters
from sandbox.standin.keys import Keys
from sandbox.standin.shapes.common import API_VERSION
from sandbox.standin.store import Json, rendered

log = logging.getLogger(__name__)
Answer = tuple[int, Json]

resources.register()


class Api:
    """Answers one request after another to those who hold one of `keys`."""

    def __init__(self, account: Account, keys: Keys) -> None:
        self._account = account
        self._keys = keys
        self._idempotency = idempotency.Idempotency(account)

    def blueprint(self) -> Blueprint:
        """Return the Flask blueprint for /v1."""
        blueprint = Blueprint("api", __name__)
        blueprint.add_url_rule(
            "/v1/<path:_path>", view_func=self._view, methods=["GET", "POST", "DELETE", "PUT", "PATCH"]
        )
        return blueprint

    def _view(self, _path: str) -> Response:
        request_id = f"req_{letters(14)}"
        time.sleep(self._account.faults.api_delay_seconds)
        replayed = False
        try:
            self._keys.check(request)
            if not self._account.faults.saved:
                self._account_faults()
            (status, body), replayed = self._answer_once(request, request_id)
            if request.method != "GET":
                clocks.settle(self._account)
        except StripeError as error:
            status, body = error.status, error.body()
        except Exception:
            log.exception("stand-in failed", extra={"request_id": request_id})
            status, body = 500, StripeError("The stand-in failed; its log tells why.").body()
        return _response(status, body, request_id, replayed=replayed)

    def _account_faults(self) -> None:
        faults = self._account.faults
        if faults.status and faults.strikes(faults.status_rate):
            error = StripeError("A fault was asked for.", code="rate_limit" if faults.status == 429 else None)
            error.status = faults.status
            error.type = "invalid_request_error" if faults.status == 429 else "api_error"
            raise error

    def _answer_once(self, incoming: Request, request_id: str) -> tuple[Answer, bool]:
        """Return (answer, whether it is the repetition of an earlier one)."""
        key = incoming.headers.get("Idempotency-Key") if incoming.method == "POST" else None
        if key is None:
            return self._answer(incoming, RequestFacts(request_id)), False
        if len(key) > 255:
            raise InvalidRequest("Idempotency keys are at most 255 characters long.")
        mark = idempotency.fingerprint(incoming.method, incoming.path, incoming.get_data())
        with self._idempotency.holding(key):
            with self._account.store.transaction():
                earlier = self._idempotency.earlier(key, mark)
            if earlier is not None:
                return earlier, True
            return self._answer_first(incoming, RequestFacts(request_id, key), key, mark), False

    def _answer_first(self, incoming: Request, facts: RequestFacts, key: str, mark: str) -> Answer:
        try:
            with self._account.store.transaction():
                if self._account.faults.saved:
                    self._account_faults()
                # Kept in the same transaction as the work: a crash loses both or neither.
                status, body = self._answer(incoming, facts)
                self._idempotency.keep(key, mark, status, body)
        except StripeError as error:
            with self._account.store.transaction():
                self._idempotency.keep(key, mark, error.status, error.body())
            raise
        return status, body

    def _answer(self, incoming: Request, facts: RequestFacts) -> Answer:
        found = routing.match(incoming.method, incoming.path)
        if found is None:
            raise _unrecognized(incoming)
        route, path = found
        params = forms.parse(_raw_parameters(incoming), route.spec, required=route.required)
        expansions = [each for each in params.pop("expand", []) if each]
        with self._account.store.transaction(), self._account.answering(facts):
            result = route.answer(self._account, params, path)
            if "_error" in result:
                failed: StripeError = result["_error"]
                return failed.status, failed.body()
            if route.is_listing:
                result = routing.page(result, params, incoming.path)
            body = expand(self._account, rendered(result), expansions)
        return 200, body


def _raw_parameters(incoming: Request) -> dict[str, Any]:
    """Return the query and, unless the request only reads, the body's form; raise InvalidRequest for broken text."""
    body = b"" if incoming.method == "GET" else incoming.get_data()
    try:
        texts = (incoming.query_string.decode(), body.decode())
        pairs = [pair for text in texts for pair in parse_qsl(text, keep_blank_values=True, errors="strict")]
    except UnicodeDecodeError:
        raise InvalidRequest("Invalid request: parameters must be UTF-8.") from None
    return forms.decode(pairs)


def _unrecognized(incoming: Request) -> InvalidRequest:
    error = InvalidRequest(
        f"Unrecognized request URL ({incoming.method}: {incoming.path}). The stand-in knows a part of Stripe's API."
    )
    error.status = 404
    return error


def _response(status: int, body: Json, request_id: str, *, replayed: bool) -> Response:
    response = Response(json.dumps(body), status, content_type="application/json")
    response.headers["Request-Id"] = request_id
    response.headers["Stripe-Version"] = request.headers.get("Stripe-Version", API_VERSION)
    if key := request.headers.get("Idempotency-Key"):
        response.headers["Idempotency-Key"] = key
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    if status in (429, 500, 503):
        response.headers["Stripe-Should-Retry"] = "true"
    return response
