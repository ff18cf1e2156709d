"""/v1/invoices: draft, read, pay, void, finalize, preview."""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing import cardholders, changing, collecting, invoicing, starting, waiting
from sandbox.standin.billing.discounting import DISCOUNTS
from sandbox.standin.errors import CardError, InvalidRequest, NotFound, missing_parameter
from sandbox.standin.filters import equal, off_clocks, within
from sandbox.standin.forms import (
    Only,
    Spec,
    boolean,
    choice,
    instant,
    merged_metadata,
    metadata,
    record,
    text,
    time_range,
)
from sandbox.standin.resources.customers import live_customer
from sandbox.standin.resources.prices import recurring_price
from sandbox.standin.resources.subscriptions import ITEM_CHANGES, own_method
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.shapes import invoice_items as item_shapes
from sandbox.standin.shapes import invoices as invoice_shapes
from sandbox.standin.store import Json, rendered

_LIST: Spec = {
    "collection_method": choice("charge_automatically", "send_invoice"),
    "created": time_range,
    "customer": text,
    "status": choice("draft", "open", "paid", "uncollectible", "void"),
    "subscription": text,
}


@listing("/v1/invoices", _LIST)
def index(account: Account, params: Params) -> list[Json]:
    found = account.store.all("invoice", customer=params.get("customer"))
    found = equal(found, params, status="status", subscription="_subscription", collection_method="collection_method")
    return within(off_clocks(account, found, params, "customer", "subscription"), params, created="created")


@route("GET", "/v1/invoices/<invoice_id>")
def retrieve(account: Account, _params: Params, invoice_id: str) -> Json:
    return account.find("invoice", invoice_id)


@listing("/v1/invoices/<invoice_id>/lines")
def lines(account: Account, _params: Params, invoice_id: str) -> list[Json]:
    found: list[Json] = account.find("invoice", invoice_id)["lines"]["data"]
    return found[::-1]


_CREATE: Spec = {
    "auto_advance": boolean,
    "collection_method": Only("charge_automatically"),
    "currency": text,
    "customer": text,
    "default_payment_method": text,
    "description": text,
    "metadata": metadata,
    "pending_invoice_items_behavior": choice("exclude", "include"),
    "subscription": text,
}


@route("POST", "/v1/invoices", _CREATE, required=("customer",))
def create(account: Account, params: Params) -> Json:
    """Draft an invoice by hand: empty, or with the invoice items that wait (a subscription's alone, if it is named)."""
    customer = live_customer(account, params["customer"])
    subscription = _own_subscription(account, customer, params.get("subscription"))
    included = params.get("pending_invoice_items_behavior") == "include" or subscription is not None
    items = waiting.of(account, customer["id"], params.get("subscription")) if included else []
    facts = {
        "auto_advance": params.get("auto_advance", False),
        "currency": (params.get("currency") or customer["currency"] or "usd").lower(),
        "default_payment_method": own_method(account, customer["id"], params.get("default_payment_method")),
        "description": params.get("description"),
        "metadata": merged_metadata({}, params.get("metadata")),
        "parent": invoice_shapes.of_subscription(subscription) if subscription else None,
    }
    invoice = invoicing.draft_by_hand(account, customer, [each for each in items if _fits(each, subscription)], facts)
    _advance(account, invoice)
    account.emit("invoice.created", invoice)
    return invoice


def _fits(item: Json, subscription: Json | None) -> bool:
    return subscription is None or item_shapes.subscription_of(item) == subscription["id"]


def _own_subscription(account: Account, customer: Json, identifier: str | None) -> Json | None:
    if identifier is None:
        return None
    found = account.find("subscription", identifier, param="subscription")
    if found["customer"] != customer["id"]:
        raise NotFound("subscription", identifier, param="subscription")
    return found


def _advance(account: Account, invoice: Json) -> None:
    """Let a draft finalize itself, and an open invoice be collected, or not, as its `auto_advance` says."""
    due = account.now_for(invoice) + account.policy.finalize_after_seconds if invoice["auto_advance"] else None
    invoice["next_payment_attempt"] = due
    invoice["automatically_finalizes_at"] = due if invoice["status"] == "draft" else None


def _writable(account: Account, invoice_id: str) -> Json:
    invoice = account.find("invoice", invoice_id)
    account.writable(invoice["test_clock"])
    return invoice


@route(
    "POST",
    "/v1/invoices/<invoice_id>",
    {"auto_advance": boolean, "description": text, "metadata": metadata, "default_payment_method": text},
)
def update(account: Account, params: Params, invoice_id: str) -> Json:
    invoice = _writable(account, invoice_id)
    before = rendered(invoice)
    own_method(account, invoice["customer"], params.get("default_payment_method"))
    params["metadata"] = merged_metadata(invoice["metadata"], params.get("metadata"))
    invoice.update(params)
    if "auto_advance" in params and invoice["status"] in ("draft", "open"):
        _advance(account, invoice)
    account.emit_update("invoice.updated", invoice, before)
    return invoice


@route("POST", "/v1/invoices/<invoice_id>/finalize", {"auto_advance": boolean})
def finalize(account: Account, params: Params, invoice_id: str) -> Json:
    invoice = _writable(account, invoice_id)
    if invoice["status"] != "draft":
        raise InvalidRequest(
            "This invoice is already finalized, you can't re-finalize it.", code="invoice_not_editable"
        )
    invoice["auto_advance"] = params.get("auto_advance", invoice["auto_advance"])
    invoicing.finalize(account, invoice)
    _advance(account, invoice)
    if invoice["amount_due"] == 0:
        collecting.collect(account, invoice)
    return invoice


_PAY = {"payment_method": text, "off_session": boolean, "paid_out_of_band": boolean}


@route("POST", "/v1/invoices/<invoice_id>/pay", _PAY)
def pay(account: Account, params: Params, invoice_id: str) -> Json:
    """Charge an invoice now; the failed attempt is kept although the answer is an error."""
    invoice = _writable(account, invoice_id)
    if params.get("paid_out_of_band"):
        collecting.pay_out_of_band(account, _payable(account, invoice))
        return invoice
    presence = cardholders.Presence(off_session=params.get("off_session", True))
    failure = pay_now(account, invoice, params.get("payment_method"), presence)
    if failure:
        # Raising would undo the recorded attempt, so the error travels as a value.
        return {"_error": CardError(failure[2], code=failure[0], decline_code=failure[1])}
    return invoice


def pay_now(
    account: Account, invoice: Json, method_id: str | None, presence: cardholders.Presence = cardholders.ABSENT
) -> cardholders.Failure | None:
    """Collect an invoice that is open, past its retries or still a draft; raise InvalidRequest for a closed one."""
    method = account.find("payment_method", method_id, param="payment_method") if method_id else None
    return collecting.collect(account, _payable(account, invoice), method=method, presence=presence)


def _payable(account: Account, invoice: Json) -> Json:
    if invoice["status"] in ("paid", "void"):
        raise InvalidRequest(f"Invoice is already {invoice['status']}.", code="invoice_not_editable")
    if invoice["status"] == "draft":
        invoicing.finalize(account, invoice)
    return invoice


@route("POST", "/v1/invoices/<invoice_id>/void")
def void(account: Account, _params: Params, invoice_id: str) -> Json:
    invoice = _writable(account, invoice_id)
    if invoice["status"] not in ("open", "uncollectible"):
        raise InvalidRequest("You can only void an open or uncollectible invoice.", code="invoice_not_editable")
    collecting.void(account, invoice)
    return invoice


@route("POST", "/v1/invoices/<invoice_id>/mark_uncollectible")
def mark_uncollectible(account: Account, _params: Params, invoice_id: str) -> Json:
    invoice = _writable(account, invoice_id)
    if invoice["status"] != "open":
        raise InvalidRequest("You can only mark an open invoice uncollectible.", code="invoice_not_editable")
    collecting.mark_uncollectible(account, invoice)
    return invoice


def _first_preview(account: Account, params: Params) -> Json:
    details = params.get("subscription_details") or {}
    if not params.get("customer") or not details.get("items"):
        raise missing_parameter("subscription")
    customer = live_customer(account, params["customer"])
    wanted = [
        (recurring_price(account, each.get("price"), f"subscription_details[items][{index}][price]"), each)
        for index, each in enumerate(details["items"])
    ]
    order = starting.Order(
        customer=rendered(customer),
        items=[(price, each.get("quantity") or 1, {}) for price, each in wanted],
        discounts=params.get("discounts") or (),
    )
    return starting.preview(account, order)


_DETAILS = record(
    {
        "items": ITEM_CHANGES,
        "proration_behavior": choice("always_invoice", "create_prorations", "none"),
        "proration_date": instant,
    }
)
_PREVIEW: Spec = {
    "customer": text,
    "discounts": DISCOUNTS,
    "preview_mode": Only("next"),
    "subscription": text,
    "subscription_details": _DETAILS,
}


@route("POST", "/v1/invoices/create_preview", _PREVIEW)
def create_preview(account: Account, params: Params) -> Json:
    """Preview a subscription's next invoice, after a change if one is given; without one, a new one's first."""
    if not params.get("subscription"):
        return _first_preview(account, params)
    subscription = account.find("subscription", params["subscription"], param="subscription")
    discounts = {"discounts": params["discounts"]} if "discounts" in params else {}
    return changing.preview(account, subscription, {**(params.get("subscription_details") or {}), **discounts})
