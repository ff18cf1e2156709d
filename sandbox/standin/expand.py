"""`expand[]`: ids become the objects they name, and members that are left out by default appear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.errors import InvalidRequest
from sandbox.standin.shapes.common import list_of
from sandbox.standin.store import Json, rendered

MAX_DEPTH = 4

KIND_OF = {
    "charge": "charge",
    "coupon": "coupon",
    "discount": "discount",
    "discounts": "discount",
    "promotion_code": "promotion_code",
    "configuration": "billing_portal.configuration",
    "customer": "customer",
    "default_payment_method": "payment_method",
    "default_price": "price",
    "invoice": "invoice",
    "latest_charge": "charge",
    "latest_invoice": "invoice",
    "payment_intent": "payment_intent",
    "payment_method": "payment_method",
    "pending_setup_intent": "setup_intent",
    "price": "price",
    "product": "product",
    "setup_intent": "setup_intent",
    "subscription": "subscription",
    "test_clock": "test_helpers.test_clock",
}
_NEVER_FILLED = frozenset(
    {"application", "balance_transaction", "default_source", "on_behalf_of", "payment_link", "review",
     "schedule", "source", "latest_attempt", "mandate", "latest_revision"}
)  # fmt: skip


def _subscriptions(account: Account, customer: Json) -> Any:
    live = [each for each in account.store.all("subscription", customer=customer["id"]) if each["status"] != "canceled"]
    return list_of(rendered(live[::-1]), f"/v1/customers/{customer['id']}/subscriptions")


def _sources(_account: Account, customer: Json) -> Any:
    return list_of([], f"/v1/customers/{customer['id']}/sources")


def _tax_ids(_account: Account, customer: Json) -> Any:
    return list_of([], f"/v1/customers/{customer['id']}/tax_ids")


def _payments(account: Account, invoice: Json) -> Any:
    kept = account.store.get("invoice", invoice.get("id") or "")
    payment = account.store.get("invoice_payment", kept.get("_invoice_payment") or "") if kept else None
    return list_of([rendered(payment)] if payment else [], "/v1/invoice_payments")


def _confirmation_secret(account: Account, invoice: Json) -> Any:
    payment = next(iter(_payments(account, invoice)["data"]), None)
    intent = account.store.get("payment_intent", payment["payment"]["payment_intent"]) if payment else None
    return {"client_secret": intent["client_secret"], "type": "payment_intent"} if intent else None


def _line_items(account: Account, session: Json) -> Any:
    full = account.find("checkout.session", session["id"])
    return list_of(rendered(full["_line_items"]), f"/v1/checkout/sessions/{session['id']}/line_items")


def _refunds(account: Account, charge: Json) -> Any:
    refunds = [each for each in account.store.all("refund") if each["charge"] == charge["id"]]
    return list_of(rendered(refunds[::-1]), f"/v1/charges/{charge['id']}/refunds")


_INCLUDED: dict[tuple[str, str], Callable[[Account, Json], Any]] = {
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "sources"): _sources,
    ("customer", "tax_ids"): _tax_ids,
    ("invoice", "payments"): _payments,
    ("invoice", "confirmation_secret"): _confirmation_secret,
    ("checkout.session", "line_items"): _line_items,
    ("charge", "refunds"): _refunds,
}


def expand(account: Account, value: Json, paths: list[str]) -> Json:
    """Return the rendered `value` with every path of `paths` expanded; raise InvalidRequest for what cannot be."""
    for path in paths:
        steps = path.split(".")
        if len(steps) - (steps[0] == "data") > MAX_DEPTH:
            raise InvalidRequest(f"You cannot expand more than 4 levels of a property ({path}).", param="expand")
        _walk(account, value, steps, path)
    return value


def _walk(account: Account, value: Any, steps: list[str], path: str) -> None:
    if not steps or value is None:
        return
    if isinstance(value, list):
        for each in value:
            _walk(account, each, steps, path)
        return
    if not isinstance(value, dict):
        raise _cannot(path)
    _step_into(account, value, steps[0], path)
    _walk(account, value[steps[0]], steps[1:], path)


def _step_into(account: Account, holder: Json, name: str, path: str) -> None:
    included = _INCLUDED.get((holder.get("object", ""), name))
    if included and name not in holder:
        holder[name] = included(account, holder)
    if name not in holder:
        raise _cannot(path)
    current = holder[name]
    if isinstance(current, str):
        holder[name] = _resolved(account, name, current, path)
    elif isinstance(current, list):
        holder[name] = [_resolved(account, name, each, path) if isinstance(each, str) else each for each in current]
    elif current is not None and not isinstance(current, dict | list) and name not in _NEVER_FILLED:
        raise _cannot(path)


def _resolved(account: Account, name: str, identifier: str, path: str) -> Any:
    kind = KIND_OF.get(name)
    if name == "default_payment_method" or kind is not None:
        found = account.store.get(kind or "payment_method", identifier)
        return rendered(found) if found is not None else identifier
    raise _cannot(path)


def _cannot(path: str) -> InvalidRequest:
    return InvalidRequest(
        f"This property cannot be expanded ({path}). You may want to try expanding another one.", param="expand"
    )
