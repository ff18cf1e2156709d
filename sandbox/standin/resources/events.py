"""/v1/events"""

from __future__ import annotations

from fnmatch import fnmatchcase

from sandbox.standin.account import Account
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.forms import boolean, in_range, list_of, text, time_range
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.store import Json

MAX_TYPES = 20
_LIST = {"created": time_range, "delivery_success": boolean, "type": text, "types": list_of(text)}


@listing("/v1/events", _LIST)
def index(account: Account, params: Params) -> list[Json]:
    if "type" in params and "types" in params:
        raise InvalidRequest("You may pass either type or types, but not both.", param="types")
    types = params.get("types", [params["type"]] if params.get("type") else [])
    if len(types) > MAX_TYPES:
        raise InvalidRequest(f"You may pass at most {MAX_TYPES} types.", param="types")
    return [
        each
        for each in account.store.all("event")
        if (not types or any(fnmatchcase(each["type"], pattern) for pattern in types))
        and params.get("delivery_success") in (None, each["pending_webhooks"] == 0)
        and in_range(each["created"], params.get("created"))
    ]


@route("GET", "/v1/events/<event_id>")
def retrieve(account: Account, _params: Params, event_id: str) -> Json:
    return account.find("event", event_id)
