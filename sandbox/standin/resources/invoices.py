"""/v1/invoices: read, pay, void, finalize, preview."""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.billing import changing, collecting, invoicing, starting
from sandbox.standin.billing.discounting import DISCOUNTS
from sandbox.standin.errors import CardError, InvalidRequest, missing_parameter
from sandbox.standin.filters import equal, off_clocks, within
from sandbox.standin.forms import (
    anything,
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
from sandbox.standin.resources.subscriptions import ITEM_CHANGES
from sandbox.standin.routing import Params, listing, route
from sandbox.standin.store import Json, rendered

_LIST = {
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
    params["metadata"] = merged_metadata(invoice["metadata"], params.get("metadata"))
    invoice.update(params)
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
    invoice["next_payment_attempt"] = account.now_for(invoice) + 3_600 if invoice["auto_advance"] else None
    invoicing.finalize(account, invoice)
    return invoice


_PAY = {"payment_method": text, "off_session": boolean, "paid_out_of_band": boolean}


@route("POST", "/v1/invoices/<invoice_id>/pay", _PAY)
def pay(account: Account, params: Params, invoice_id: str) -> Json:
    """Charge an invoice now; the failed attempt is kept although the answer is an error."""
    invoice = _writable(account, invoice_id)
    if params.get("paid_out_of_band"):
        collecting.pay_out_of_band(account, _payable(account, invoice))
        return invoice
    failure = pay_now(account, invoice, params.get("payment_method"))
    if failure:
        # Raising would undo the recorded attempt, so the error travels as a value.
        return {"_error": CardError(failure[2], code=failure[0], decline_code=failure[1])}
    return invoice


def pay_now(
    account: Account, invoice: Json, method_id: str | None, *, on_session: bool = False
) -> collecting.Failure | None:
    """Collect an invoice that is open, past its retries or still a draft; raise InvalidRequest for a closed one."""
    method = account.find("payment_method", method_id, param="payment_method") if method_id else None
    return collecting.collect(account, _payable(account, invoice), method=method, on_session=on_session)


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
        items=[(price, each.get("quantity") or 1) for price, each in wanted],
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
_PREVIEW = {
    "customer": text,
    "discounts": DISCOUNTS,
    "preview_mode": anything,
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
