"""/v1/webhook_endpoints"""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.errors import InvalidRequest, NotFound
from sandbox.standin.forms import Only, boolean, list_of, merged_metadata, metadata, text
from sandbox.standin.ids import letters
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.shapes import system
from sandbox.standin.shapes.common import API_VERSION
from sandbox.standin.shapes.people import deleted
from sandbox.standin.store import Json

_FIELDS = {"description": text, "enabled_events": list_of(text), "metadata": metadata, "url": text}


@route(
    "POST", "/v1/webhook_endpoints", {**_FIELDS, "api_version": Only(API_VERSION)}, required=("url", "enabled_events")
)
def create(account: Account, params: Params) -> Json:
    check_url(params["url"])
    endpoint = make_endpoint(account, params, f"whsec_{letters(32)}")
    # Only this one answer tells the secret.
    return {**endpoint, "secret": endpoint["_secret"]}


def make_endpoint(account: Account, params: Params, secret: str) -> Json:
    """Register an endpoint whose deliveries are signed with `secret`."""
    params["metadata"] = merged_metadata({}, params.get("metadata"))
    facts = {**params, "_secret": secret}
    return account.add(system.webhook_endpoint(account.new_id("webhook_endpoint"), account.wall_now(), facts))


def find_endpoint(account: Account, identifier: str) -> Json:
    """Return a webhook endpoint; raise NotFound also for an event destination, which only /v2 knows."""
    found = account.find("webhook_endpoint", identifier)
    if found.get("_destination"):
        raise NotFound("webhook_endpoint", identifier)
    return found


def check_url(url: str | None) -> None:
    """Raise InvalidRequest for an address without a scheme."""
    if not (url or "").startswith(("http://", "https://")):
        raise InvalidRequest("Invalid URL: An explicit scheme (such as https) must be provided.", param="url")


@listing("/v1/webhook_endpoints")
def index(account: Account, _params: Params) -> list[Json]:
    return [each for each in account.store.all("webhook_endpoint") if not each.get("_destination")]


@route("GET", "/v1/webhook_endpoints/<endpoint_id>")
def retrieve(account: Account, _params: Params, endpoint_id: str) -> Json:
    return find_endpoint(account, endpoint_id)


@route("POST", "/v1/webhook_endpoints/<endpoint_id>", {**_FIELDS, "disabled": boolean})
def update(account: Account, params: Params, endpoint_id: str) -> Json:
    endpoint = find_endpoint(account, endpoint_id)
    if "url" in params:
        check_url(params["url"])
    if "disabled" in params:
        endpoint["status"] = "disabled" if params.pop("disabled") else "enabled"
    params["metadata"] = merged_metadata(endpoint["metadata"], params.get("metadata"))
    endpoint.update(params)
    return endpoint


@route("DELETE", "/v1/webhook_endpoints/<endpoint_id>")
def delete(account: Account, _params: Params, endpoint_id: str) -> Json:
    endpoint = find_endpoint(account, endpoint_id)
    account.store.remove("webhook_endpoint", endpoint_id)
    return deleted(endpoint)
