"""Invoice items, and the invoice lines that they become."""

from __future__ import annotations

from sandbox.standin.store import Json


def invoice_item(identifier: str, now: int, facts: Json) -> Json:
    """Return an invoice item that waits; `facts` brings customer, amount and currency, and overrides the defaults."""
    return {
        "id": identifier,
        "object": "invoiceitem",
        "amount": 0,
        "currency": "usd",
        "customer": None,
        "customer_account": None,
        "date": now,
        "description": None,
        "discountable": True,
        "discounts": [],
        "frozen_fields": None,
        "invoice": None,
        "invoicing_rules": None,
        "livemode": False,
        "metadata": {},
        "net_amount": None,
        "parent": None,
        "period": {"end": now, "start": now},
        "pricing": None,
        "proration": False,
        "proration_details": None,
        "quantity": 1,
        "quantity_decimal": str(facts.get("quantity", 1)),
        "tax_rates": [],
        "test_clock": None,
        **facts,
    }


def pricing(unit_amount: str, price: Json | None) -> Json:
    """Return what one of it costs, by a price of the catalog or by none."""
    details = {"price": price["id"], "product": price["product"]} if price else None
    return {"price_details": details, "type": "price_details", "unit_amount_decimal": unit_amount}


def of_subscription(subscription_id: str, item_id: str | None) -> Json:
    """Return the parent of an item that belongs to a subscription."""
    details = {"subscription": subscription_id, "subscription_item": item_id}
    return {"subscription_details": details, "type": "subscription_details"}


def subscription_of(item: Json) -> str | None:
    """Return the subscription whose invoices an item waits for."""
    found: str | None = item["parent"]["subscription_details"]["subscription"] if item["parent"] else None
    return found


def of_proration(line: Json, subscription: Json) -> Json:
    """Return the facts of the invoice item that a proration's line becomes."""
    details = line["parent"]["subscription_item_details"]
    return {
        **{name: line[name] for name in ("amount", "currency", "description", "period", "pricing", "quantity")},
        "customer": subscription["customer"],
        "discountable": False,
        "net_amount": line["amount"],
        "parent": of_subscription(subscription["id"], details["subscription_item"]),
        "proration": True,
        "proration_details": {"credited_items": None, "discount_amounts": []},
        "test_clock": subscription["test_clock"],
    }


def line(identifier: str, item: Json) -> Json:
    """Return the invoice line for an item."""
    subscription_id = subscription_of(item)
    return {
        "id": identifier,
        "object": "line_item",
        **{name: item[name] for name in ("amount", "currency", "description", "discountable", "metadata", "period")},
        "discount_amounts": [],
        "discounts": [],
        "invoice": item["invoice"],
        "livemode": False,
        "parent": {
            "invoice_item_details": {
                "invoice_item": item["id"],
                "proration": item["proration"],
                "proration_details": {"credited_items": None},
                "subscription": subscription_id,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        "pretax_credit_amounts": [],
        "pricing": item["pricing"],
        "quantity": item["quantity"],
        "quantity_decimal": item["quantity_decimal"],
        "subscription": subscription_id,
        "subtotal": item["amount"],
        "taxes": [],
    }
