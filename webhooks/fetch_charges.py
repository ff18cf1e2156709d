"""Which of a customer's charges are looked at: those that paid our invoices, before whatever else the customer buys.

Stripe lists charges by customer or by payment intent, never by subscription (https://docs.stripe.com/api/charges/list).
On an account that is shared with another product the newest page may hold none of ours, so what it lacks of ours is
asked for by the payment intents of our own paid invoices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import stripe

from webhooks.concern import id_of
from webhooks.pages import PAGE

SOUGHT_AT_MOST = 36
"""Of our payments that the newest page lacks: three years of monthly ones."""

Charge = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Charges:
    """A customer's charges that brought money, newest first; `complete` is False when some of ours were not sought."""

    ours: Sequence[Charge]
    others: Sequence[Charge]
    complete: bool

    def newest(self, limit: int) -> list[Charge]:
        """Return the newest of ours, and the newest of all."""
        of_all = sorted((*self.ours, *self.others), key=_age, reverse=True)[:limit]
        return [*self.ours[:limit], *(each for each in of_all if each not in self.ours[:limit])]


def charges_of(client: stripe.StripeClient, customer_id: str, paid_by: Mapping[str, str]) -> Charges:
    """Return the customer's charges; `paid_by` are the invoices of ours that may matter, newest first, by what paid
    them: a payment intent's id or a charge's. Raises stripe.StripeError.
    """
    first = client.v1.charges.list({"customer": customer_id, "limit": PAGE})
    found = [each.to_dict() for each in first.data]
    seen = {paying for each in found for paying in _paying(each)}
    sought = [each for each in paid_by if each not in seen] if first.has_more else []
    for intent in sought[:SOUGHT_AT_MOST]:
        found += _paid_with(client, intent)
    succeeded = sorted((each for each in found if each["status"] == "succeeded"), key=_age, reverse=True)
    ours = [each for each in succeeded if invoice_of(each, paid_by) is not None]
    return Charges(
        ours=ours,
        others=[each for each in succeeded if each not in ours],
        complete=len(sought) <= SOUGHT_AT_MOST,
    )


def invoice_of(charge: Charge, paid_by: Mapping[str, str]) -> str | None:
    """Return the invoice of ours that a charge paid; None for one that paid none of those."""
    return next((paid_by[each] for each in _paying(charge) if each in paid_by), None)


def _paid_with(client: stripe.StripeClient, paying: str) -> list[dict[str, Any]]:
    if paying.startswith("ch_"):
        return [client.v1.charges.retrieve(paying).to_dict()]
    return [each.to_dict() for each in client.v1.charges.list({"payment_intent": paying, "limit": PAGE}).data]


def _paying(charge: Charge) -> tuple[str, ...]:
    return tuple(filter(None, (id_of(charge.get("payment_intent")), charge["id"])))


def _age(charge: Charge) -> int:
    created: int = charge["created"]
    return created
