"""What an endpoint gets, and single events that are odd or old."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from sandbox.standin import events
from sandbox.standin.account import Account
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.forms import anything, boolean, choice, list_of, number, text
from sandbox.standin.ids import PREFIX_OF
from sandbox.standin.levers.registry import lever
from sandbox.standin.store import Json

Params = dict[str, Any]
DAY_SECONDS = 86_400
_DISTORTIONS = ("account", "api_version", "livemode")


@lever(
    "/endpoints/<identifier>",
    {
        "payload": choice("snapshot", "thin", "both"),
        "roll_secret": text,
        "expires_in_seconds": number(0, DAY_SECONDS),
    },
)
def set_endpoint(account: Account, params: Params, identifier: str) -> Json:
    """Set what an endpoint (or `all` of them) gets: `payload` says in which form; `roll_secret` is a new signing
    secret, beside which the old one goes on signing for `expires_in_seconds` (a day if not given)."""
    known = [each["id"] for each in account.store.all("webhook_endpoint")] if identifier == "all" else [identifier]
    found = [account.find("webhook_endpoint", each) for each in known]
    for each in found:
        each["_payload"] = params.get("payload", each.get("_payload", "snapshot"))
        if "roll_secret" in params:
            until = account.wall() + params.get("expires_in_seconds", DAY_SECONDS)
            each["_rolled"] = {"secret": each["_secret"], "until": until}
            each["_secret"] = params["roll_secret"]
    return {"data": [{**each, "payload": each["_payload"]} for each in found]}


@lever(
    "/events",
    {
        "type": text,
        "about": text,
        "object": anything,
        "account": text,
        "api_version": text,
        "livemode": boolean,
    },
    required=("type",),
)
def make_event(account: Account, params: Params) -> Json:
    """Send an event of any type `about` an existing object's id, or with the `object` given here, distorted by
    `account`, `api_version` and `livemode`."""
    item = params.get("object") or _by_id(account, params.get("about", ""))
    if not isinstance(item, dict) or not isinstance(item.get("object"), str):
        raise InvalidRequest("Send `about` or an `object` that says what it is.", param="object")
    before = account.faults
    distortions: dict[str, Any] = {name: params[name] for name in _DISTORTIONS if name in params}
    account.faults = replace(before, twin=0.0, unknown_type=0.0, replay=0.0, **distortions)
    try:
        return events.emit(account, params["type"], item, previous=None, now=_now_for(account, item))
    finally:
        account.faults = before


def _by_id(account: Account, identifier: str) -> Json | None:
    kinds = [kind for kind, prefix in PREFIX_OF.items() if identifier.startswith(prefix)]
    return next((found for kind in kinds if (found := account.store.get(kind, identifier))), None)


def _now_for(account: Account, item: Json) -> int:
    owner = (
        item["id"] if item["object"] == "customer" and "id" in item else item.get("customer") or item.get("_customer")
    )
    return account.clock_now(account.clock_of(owner if isinstance(owner, str) else None))


@lever("/events/<identifier>/resend")
def resend(account: Account, _params: Params, identifier: str) -> Json:
    """Send one event again, with its id, to every endpoint that wants its type."""
    event = account.find("event", identifier)
    events.queue(account, event)
    return event


@lever("/replay", {"types": list_of(text), "limit": number(1, 1_000)})
def replay(account: Account, params: Params) -> Json:
    """Send the newest `limit` (100) recorded events of `types` again, the oldest of them first."""
    patterns = params.get("types") or ["*"]
    found = [each for each in account.store.all("event") if any(fnmatchcase(each["type"], it) for it in patterns)]
    chosen = found[-params.get("limit", 100) :]
    for each in chosen:
        events.queue(account, each)
    return {"replayed": [each["id"] for each in chosen]}
