"""From a declared operation to a Flask view: key, parse, thread budget, act once, answer."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

from flask import Flask, Response, g, request
from marshmallow import Schema, ValidationError

from service.api.auditing import act_on_record, refuse_untraced
from service.api.auth import authorise
from service.api.body import json_object
from service.api.budget import ThreadBudget
from service.api.idempotency import HEADER, act_once, once
from service.api.operations import Call, Operation, Reply, View
from service.api.problems import as_response
from service.api.schemas import Nothing
from service.api.services import Services
from service.store.api_keys import Scope


def mount(app: Flask, operation: Operation, services: Services, budget: ThreadBudget, *, rule: str) -> None:
    """Serve the operation under `rule`, unless a blueprint does; raises ValueError for one that is not audited."""
    refuse_untraced(operation)
    if operation.view is not None:
        endpoint = _Endpoint(operation, operation.view, services, budget)
        app.add_url_rule(rule, operation.name, endpoint, methods=[operation.method])


class _Endpoint:
    """One route at work. Schemas are made once: making one costs more than using it."""

    def __init__(self, operation: Operation, view: View, services: Services, budget: ThreadBudget) -> None:
        self._operation = operation
        self._view = view
        self._services = services
        self._budget = budget
        self._path = (operation.path_schema or Nothing)()
        self._query = (operation.query_schema or Nothing)()
        self._body = operation.body_schema() if operation.body_schema else None

    def __call__(self, **path: str) -> Response:
        key_id = self._key_id()
        call = self._parse(path)
        with ExitStack() as held:
            held.enter_context(self._slot())
            response = as_response(self._act(call, key_id))
            if response.is_streamed:  # the thread is busy until the last of it is out
                response.call_on_close(held.pop_all().close)
            return response

    def _key_id(self) -> int | None:
        """Return the id of the caller's key, None where none is asked for."""
        if not isinstance(self._operation.access, Scope):
            return None
        header = request.headers.get("Authorization", "")
        key_id = authorise(header, self._services.keys, self._operation.access).id
        g.api_key_id = key_id
        return key_id

    def _parse(self, path: dict[str, str]) -> Call:
        where = _load(self._path, path) if path else {}
        return Call(path=where, query=self._parse_query(), body=self._parse_body())

    def _parse_query(self) -> dict[str, Any]:
        """Parse strictly where a key is needed; a probe of an open route may carry anything."""
        nothing = self._operation.query_schema is None and not request.query_string
        if nothing or not isinstance(self._operation.access, Scope):
            return {}
        return _load(self._query, _single(request.args.to_dict(flat=False)))

    def _parse_body(self) -> dict[str, Any]:
        if self._body is None:
            return {}
        operation = self._operation
        found = json_object(request, optional=operation.body_optional, limit_bytes=operation.body_limit_bytes)
        return _load(self._body, found)

    def _slot(self) -> AbstractContextManager[None]:
        return self._budget.slot() if self._operation.slow else nullcontext()

    def _act(self, call: Call, key_id: int | None) -> Reply:
        def act() -> Reply:
            return act_on_record(self._operation, self._view, self._services, call, key_id)

        header = request.headers.get(HEADER)
        if header is None or key_id is None or not self._operation.idempotent:
            return act()
        this = once(key_id, header, self._operation, call)
        return act_once(self._services.idempotency, this, self._services.wall_clock(), act)


def _load(schema: Schema, value: dict[str, Any]) -> dict[str, Any]:
    loaded: dict[str, Any] = schema.load(value)
    return loaded


def _single(parameters: dict[str, list[str]]) -> dict[str, str]:
    repeated = {name: ["Given more than once."] for name, values in parameters.items() if len(values) > 1}
    if repeated:
        raise ValidationError(repeated)
    return {name: values[0] for name, values in parameters.items()}
