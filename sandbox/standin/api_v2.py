"""The part of Stripe's /v2 API that thin events need: event destinations, and the events themselves.

A webhook endpoint of /v1 is an event destination too; one that is made here is seen here alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from sandbox.standin import thin
from sandbox.standin.account import Account
from sandbox.standin.errors import InvalidRequest, StripeError
from sandbox.standin.forms import Spec, choice, from_json, list_of, merged_metadata, metadata, parse, record, text
from sandbox.standin.ids import letters
from sandbox.standin.keys import Keys
from sandbox.standin.resources.webhook_endpoints import check_url, make_endpoint
from sandbox.standin.shapes.common import API_VERSION
from sandbox.standin.shapes.system import event_destination
from sandbox.standin.store import Json, rendered

_SECRET, _URL = "webhook_endpoint.signing_secret", "webhook_endpoint.url"
_UPDATE: Spec = {
    "description": text,
    "enabled_events": list_of(text),
    "include": list_of(choice(_SECRET, _URL)),
    "metadata": metadata,
    "name": text,
    "webhook_endpoint": record({"url": text}),
}
_CREATE: Spec = {
    **_UPDATE,
    "event_payload": choice("snapshot", "thin"),
    "events_from": list_of(choice("@self")),
    "snapshot_api_version": choice(API_VERSION),
    "type": choice("webhook_endpoint"),
}
_REQUIRED = ("name", "type", "event_payload", "enabled_events", "webhook_endpoint")
_DESTINATIONS, _ONE = "/v2/core/event_destinations", "/v2/core/event_destinations/<identifier>"
_MAX_LISTED = 100


class ApiV2:
    """Answers one request after another to those who hold one of `keys`."""

    def __init__(self, account: Account, keys: Keys) -> None:
        self._account = account
        self._keys = keys

    def blueprint(self) -> Blueprint:
        """Return the Flask blueprint for /v2."""
        blueprint = Blueprint("api_v2", __name__)
        for method, path, act in (
            ("POST", _DESTINATIONS, self._create),
            ("GET", _DESTINATIONS, self._list),
            ("GET", _ONE, self._retrieve),
            ("POST", _ONE, self._update),
            ("DELETE", _ONE, self._delete),
            ("POST", f"{_ONE}/enable", self._enable),
            ("POST", f"{_ONE}/disable", self._disable),
            ("GET", "/v2/core/events", self._events),
            ("GET", "/v2/core/events/<identifier>", self._event),
        ):
            blueprint.add_url_rule(path, act.__name__, view_func=self._view(act), methods=[method])
        return blueprint

    def _view(self, act: Callable[..., Json]) -> Callable[..., Response]:
        def view(**path: str) -> Response:
            try:
                self._keys.check(request)
                with self._account.store.transaction():
                    return _response(rendered(act(**path)), 200)
            except StripeError as error:
                return _response(error.body(), error.status)

        return view

    def _create(self) -> Json:
        params = _params(_CREATE, _REQUIRED)
        url = (params["webhook_endpoint"] or {}).get("url")
        check_url(url)
        facts = {"id": self._account.new_id("v2.core.event_destination"), "url": url, "_destination": True}
        facts |= {name: params.get(name) for name in ("enabled_events", "description", "metadata")}
        facts |= {"_name": params["name"], "_payload": params["event_payload"]}
        if params["event_payload"] == "snapshot":
            facts["api_version"] = API_VERSION
        made = make_endpoint(self._account, facts, f"whsec_{letters(32)}")
        return event_destination(made, params.get("include") or ())

    def _list(self) -> Json:
        found = [event_destination(each, _shown()) for each in self._account.store.all("webhook_endpoint")[::-1]]
        return {"data": found[:_MAX_LISTED], "next_page_url": None, "previous_page_url": None}

    def _find(self, identifier: str) -> Json:
        return self._account.find("webhook_endpoint", identifier)

    def _retrieve(self, identifier: str) -> Json:
        return event_destination(self._find(identifier), _shown())

    def _update(self, identifier: str) -> Json:
        params, found = _params(_UPDATE), self._find(identifier)
        if "webhook_endpoint" in params:
            check_url((params["webhook_endpoint"] or {}).get("url"))
            found["url"] = params["webhook_endpoint"]["url"]
        found["metadata"] = merged_metadata(found["metadata"], params.get("metadata"))
        found["_name"] = params.get("name") or found.get("_name")
        found.update({name: params[name] for name in ("description", "enabled_events") if name in params})
        return event_destination(found, params.get("include") or ())

    def _delete(self, identifier: str) -> Json:
        self._find(identifier)
        self._account.store.remove("webhook_endpoint", identifier)
        return {"id": identifier, "object": "v2.core.event_destination"}

    def _enable(self, identifier: str) -> Json:
        return self._switch(identifier, "enabled")

    def _disable(self, identifier: str) -> Json:
        return self._switch(identifier, "disabled")

    def _switch(self, identifier: str, status: str) -> Json:
        found = self._find(identifier)
        found["status"] = status
        return event_destination(found, ())

    def _events(self) -> Json:
        """List thin events, newest first, of one object if `object_id` names it."""
        wanted = request.args.get("object_id")
        found = [each for each in self._account.store.all(thin.KIND) if wanted in (None, _object_id(each))]
        return {"data": found[::-1][:_MAX_LISTED], "next_page_url": None, "previous_page_url": None}

    def _event(self, identifier: str) -> Json:
        return self._account.find(thin.KIND, identifier)


def _object_id(event: Json) -> str | None:
    return (event["related_object"] or {}).get("id")


def _shown() -> list[str]:
    return [value for name, value in request.args.items(multi=True) if name.startswith("include")]


def _params(spec: Spec, required: tuple[str, ...] = ()) -> dict[str, Any]:
    sent = request.get_json(silent=True)
    if not isinstance(sent, dict):
        raise InvalidRequest("Invalid request: the body must be a JSON object.")
    return parse(from_json(sent), spec, required=required)


def _response(body: Json, status: int) -> Response:
    return Response(
        json.dumps(body), status, content_type="application/json", headers={"Request-Id": f"req_{letters(14)}"}
    )
