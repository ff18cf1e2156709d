"""/v1/billing_portal: sessions and configurations."""

from __future__ import annotations

from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.errors import InvalidRequest, NotFound, missing_parameter
from sandbox.standin.forms import (
    Only,
    Spec,
    boolean,
    choice,
    item_count,
    list_of,
    merged_metadata,
    metadata,
    record,
    text,
)
from sandbox.standin.ids import letters
from sandbox.standin.resources.checkout_sessions import LOCALE
from sandbox.standin.resources.customers import live_customer
from sandbox.standin.resources.subscriptions import FEEDBACK
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.shapes import hosted
from sandbox.standin.store import Json, rendered

CONFIGURATION = "billing_portal.configuration"
SESSION = "billing_portal.session"

_SWITCH = record({"enabled": boolean})
_PRORATION = choice("always_invoice", "create_prorations", "none")
_FEATURES = record(
    {
        "customer_update": record({"enabled": Only("false")}),
        "invoice_history": _SWITCH,
        "payment_method_update": _SWITCH,
        "subscription_cancel": record(
            {
                "cancellation_reason": record({"enabled": boolean, "options": list_of(choice(*FEEDBACK))}),
                "enabled": boolean,
                "mode": choice("at_period_end", "immediately"),
                "proration_behavior": _PRORATION,
            }
        ),
        "subscription_update": record(
            {
                "billing_cycle_anchor": choice("now", "unchanged"),
                "default_allowed_updates": list_of(Only("price")),
                "enabled": boolean,
                "products": list_of(record({"product": text, "prices": list_of(text)})),
                "proration_behavior": _PRORATION,
                "schedule_at_period_end": record({"conditions": list_of(record({"type": text}))}),
                "trial_update_behavior": choice("continue_trial", "end_trial"),
            }
        ),
    }
)
_PROFILE = record({"headline": text, "privacy_policy_url": text, "terms_of_service_url": text})
_FIELDS: Spec = {
    "business_profile": _PROFILE,
    "default_return_url": text,
    "features": _FEATURES,
    "login_page": record({"enabled": Only("false")}),
    "metadata": metadata,
    "name": text,
}


def _merged(old: Any, new: Any) -> Any:
    """Lay the sent groups over the kept ones, member by member."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{name: _merged(old.get(name), each) for name, each in new.items()}}
    return new


def _completed(features: Json) -> Json:
    """Products of a plan switch carry their quantity rule, as at Stripe."""
    rule = {"adjustable_quantity": {"enabled": False, "maximum": None, "minimum": 1}}
    update = features["subscription_update"]
    if update["enabled"] and not (update["products"] and update["default_allowed_updates"]):
        raise missing_parameter("features[subscription_update][products]")
    if (update["schedule_at_period_end"] or {}).get("conditions"):
        raise InvalidRequest("The stand-in has no schedules.", param="features[subscription_update]")
    update["products"] = [{**rule, "prices": [], **each} for each in update["products"] or []]
    return features


@route("POST", "/v1/billing_portal/configurations", _FIELDS, required=("features",))
def create_configuration(account: Account, params: Params) -> Json:
    configuration = hosted.portal_configuration(account.new_id(CONFIGURATION), account.wall_now(), {})
    configuration["is_default"] = not account.store.all(CONFIGURATION)
    account.add(_apply(configuration, params))
    account.emit("billing_portal.configuration.created", configuration)
    return configuration


def _apply(configuration: Json, params: Params) -> Json:
    params["metadata"] = merged_metadata(configuration["metadata"], params.get("metadata"))
    for name, value in params.items():
        configuration[name] = _merged(configuration[name], value)
    configuration["features"] = _completed(configuration["features"])
    return configuration


@listing("/v1/billing_portal/configurations", {"active": boolean, "is_default": boolean})
def index(account: Account, params: Params) -> list[Json]:
    return [
        each
        for each in account.store.all(CONFIGURATION)
        if params.get("active") in (None, each["active"]) and params.get("is_default") in (None, each["is_default"])
    ]


@route("GET", "/v1/billing_portal/configurations/<configuration_id>")
def retrieve_configuration(account: Account, _params: Params, configuration_id: str) -> Json:
    return account.find(CONFIGURATION, configuration_id)


@route("POST", "/v1/billing_portal/configurations/<configuration_id>", {**_FIELDS, "active": boolean})
def update_configuration(account: Account, params: Params, configuration_id: str) -> Json:
    configuration = account.find(CONFIGURATION, configuration_id)
    before = rendered(configuration)
    _apply(configuration, params)
    configuration["updated"] = account.wall_now()
    account.emit_update("billing_portal.configuration.updated", configuration, before)
    return configuration


_AFTER = record(
    {
        "redirect": record({"return_url": text}, required=("return_url",)),
        "type": choice("portal_homepage", "redirect"),
    },
    required=("type",),
)
_WHICH = record({"subscription": text}, required=("subscription",))
_CHANGE = list_of(record({"id": text, "price": text, "quantity": item_count}, required=("id",)))
_FEATURE_OF = {
    "payment_method_update": "payment_method_update",
    "subscription_cancel": "subscription_cancel",
    "subscription_update": "subscription_update",
    "subscription_update_confirm": "subscription_update",
}
_FLOW = record(
    {
        "after_completion": _AFTER,
        "subscription_cancel": _WHICH,
        "subscription_update": _WHICH,
        "subscription_update_confirm": record(
            {"subscription": text, "items": _CHANGE}, required=("subscription", "items")
        ),
        "type": choice(*_FEATURE_OF),
    },
    required=("type",),
)


def _flow(account: Account, params: Params, configuration: Json) -> Json:
    """Return the flow that a session is bound to; raise InvalidRequest for one that cannot be gone through."""
    sent = params["flow_data"]
    kind, details = sent["type"], sent.get(sent["type"])
    if not configuration["features"][_FEATURE_OF[kind]]["enabled"]:
        raise InvalidRequest(
            f"This flow needs the feature {_FEATURE_OF[kind]} in the configuration.", param="flow_data"
        )
    if kind != "payment_method_update":
        if details is None:
            raise missing_parameter(f"flow_data[{kind}]")
        param = f"flow_data[{kind}][subscription]"
        subscription = account.find("subscription", details["subscription"], param=param)
        if subscription["customer"] != params["customer"]:
            raise NotFound("subscription", details["subscription"], param=param)
        if kind == "subscription_cancel" and subscription["cancel_at"] is not None:
            raise InvalidRequest("This subscription is already set to be canceled.", param=param)
    return hosted.portal_flow(kind, details, sent.get("after_completion"))


_SESSION: Spec = {
    "configuration": text,
    "customer": text,
    "flow_data": _FLOW,
    "locale": LOCALE,
    "return_url": text,
}


@route("POST", "/v1/billing_portal/sessions", _SESSION, required=("customer",))
def create_session(account: Account, params: Params) -> Json:
    live_customer(account, params["customer"])
    configuration = _configuration(account, params.get("configuration"))
    identifier, secret = account.new_id(SESSION), letters(40)
    facts = {
        "configuration": configuration["id"],
        "customer": params["customer"],
        "flow": _flow(account, params, configuration) if params.get("flow_data") else None,
        "locale": params.get("locale"),
        "return_url": params.get("return_url") or configuration["default_return_url"],
        "url": f"{account.base_url}/p/session/{identifier}_{secret}",
        "_secret": secret,
    }
    session = account.add(hosted.portal_session(identifier, account.wall_now(), facts))
    account.emit("billing_portal.session.created", session, now=account.wall_now())
    return session


def _configuration(account: Account, identifier: str | None) -> Json:
    """Return the named configuration, or the default one (made at need, with all that the page can do)."""
    if identifier:
        return account.find(CONFIGURATION, identifier, param="configuration")
    for each in account.store.all(CONFIGURATION):
        if each["is_default"]:
            return each
    made = hosted.portal_configuration(account.new_id(CONFIGURATION), account.wall_now(), {"is_default": True})
    for feature in ("invoice_history", "payment_method_update", "subscription_cancel"):
        made["features"][feature]["enabled"] = True
    return account.add(made)
