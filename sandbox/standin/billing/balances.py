"""A customer's balance: negative is credit, taken off the next invoices. Every change leaves a transaction.

Types: docs.stripe.com/billing/customer/balance.
"""

from __future__ import annotations

from typing import Any

from sandbox.standin.account import Account
from sandbox.standin.store import Json

KIND = "customer_balance_transaction"


def move(account: Account, customer: Json, amount: int, kind: str, **facts: Any) -> Json | None:
    """Change a balance by `amount` minor units, for the reason `kind`; return the transaction, None for no change."""
    if amount == 0:
        return None
    customer["balance"] += amount
    return account.add(
        {
            "id": account.new_id(KIND),
            "object": KIND,
            "amount": amount,
            "checkout_session": None,
            "created": account.now_for(customer),
            "credit_note": None,
            "currency": customer["currency"] or "usd",
            "customer": customer["id"],
            "customer_account": None,
            "description": None,
            "ending_balance": customer["balance"],
            "invoice": None,
            "livemode": False,
            "metadata": {},
            "type": kind,
            **facts,
        }
    )
