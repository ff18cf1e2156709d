"""Invoice items: single charges and credits that wait for a customer's next invoice, or stand on a draft.

Rules: docs.stripe.com/api/invoiceitems. One that names a subscription waits for that subscription's invoices only.
Prorations wait inside their subscription, and become invoice items when it ends before they were billed.
"""

from __future__ import annotations

from sandbox.standin.account import Account
from sandbox.standin.shapes import invoice_items as shapes
from sandbox.standin.store import Json

KIND = "invoiceitem"


def of(account: Account, customer_id: str, subscription_id: str | None) -> list[Json]:
    """Return what waits for an invoice of this customer and subscription (None: of no particular one), oldest first."""
    return [
        account.find(KIND, each["id"])
        for each in account.store.all(KIND, customer=customer_id)
        if each["invoice"] is None and shapes.subscription_of(each) in (None, subscription_id)
    ]


def lines(account: Account, items: list[Json], currency: str) -> list[Json]:
    """Return the invoice lines for the items that are in this currency."""
    return [shapes.line(account.new_id("line_item"), each) for each in items if each["currency"] == currency]


def item_of(line: Json) -> str | None:
    """Return the invoice item that a line shows; None for a subscription's own line."""
    details = line["parent"]["invoice_item_details"]
    return str(details["invoice_item"]) if details else None


def attach(account: Account, invoice: Json) -> None:
    """Let every invoice item that stands on `invoice` wait no more."""
    for each in filter(None, map(item_of, invoice["lines"]["data"])):
        account.find(KIND, each)["invoice"] = invoice["id"]


def keep(account: Account, subscription: Json, prorations: list[Json]) -> None:
    """Let a subscription's prorations wait on their own, for any next invoice of its customer."""
    for line in prorations:
        facts = shapes.of_proration(line, subscription)
        item = account.add(shapes.invoice_item(account.new_id(KIND), account.now_for(subscription), facts))
        account.emit("invoiceitem.created", item)


def is_open(account: Account, item: Json) -> bool:
    """Tell whether an item can still be changed: it waits, or its invoice is a draft."""
    invoice = account.store.get("invoice", item["invoice"]) if item["invoice"] else None
    return invoice is None or bool(invoice["status"] == "draft")
