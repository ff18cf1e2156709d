"""The invoices of a customer, ours whole: on a shared Stripe account a customer may have any number of others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import stripe

from webhooks.concern import id_of
from webhooks.facts import invoice_facts
from webhooks.pages import PAGE, dictionaries
from webhooks.snapshot import InvoiceFacts, SubscriptionFacts

AT_MOST = 1_000
"""Of one subscription: eighty years of monthly ones."""
_EXPAND = ["data.payments"]


@dataclass(frozen=True, kw_only=True)
class Invoices:
    """A customer's invoices, newest first. `complete` is False when some of a subscription of ours are missing."""

    facts: tuple[InvoiceFacts, ...]
    paid_with: Mapping[str, Sequence[str]]
    """By invoice, the payment intents (or charges, where there was none) that it was to be paid with."""
    complete: bool


def fetch_invoices(
    client: stripe.StripeClient,
    customer_id: str,
    subscriptions: Iterable[SubscriptionFacts],
    *,
    at_most: int = AT_MOST,
) -> Invoices:
    """Return the customer's newest invoices, and all of every subscription of ours; raises stripe.StripeError.

    One call does for whoever has a page of them. Beyond that each subscription to a plan of ours is asked for by
    itself, up to `at_most` invoices.
    """
    first = client.v1.invoices.list({"customer": customer_id, "limit": PAGE, "expand": _EXPAND})
    found, complete = [each.to_dict() for each in first.data], True
    for each in subscriptions if first.has_more else ():
        if each.plan is not None:
            own = list(islice(_of_subscription(client, each.id), at_most + 1))
            found, complete = found + own[:at_most], complete and len(own) <= at_most
    by_id = {each["id"]: each for each in found}
    newest_first = sorted(by_id.values(), key=lambda each: int(each["created"]), reverse=True)
    return Invoices(
        facts=tuple(_facts(client, each) for each in newest_first),
        paid_with={each["id"]: tuple(_payments(each)) for each in newest_first},
        complete=complete,
    )


def _of_subscription(client: stripe.StripeClient, subscription_id: str) -> Iterator[dict[str, Any]]:
    listed = client.v1.invoices.list({"subscription": subscription_id, "limit": PAGE, "expand": _EXPAND})
    return (each.to_dict() for each in listed.auto_paging_iter())


def _payments(invoice: Mapping[str, Any]) -> Iterator[str]:
    for each in (invoice.get("payments") or {}).get("data", ()):
        payment = each["payment"]
        paying = id_of(payment.get("payment_intent")) or id_of(payment.get("charge"))
        if paying is not None:
            yield paying


def _facts(client: stripe.StripeClient, invoice: Mapping[str, Any]) -> InvoiceFacts:
    """Return the invoice's facts, asking for its other lines when it came with only the first ones."""
    lines = invoice["lines"]["data"]
    if invoice["lines"].get("has_more"):
        lines = dictionaries(client.v1.invoices.line_items.list(invoice["id"], {"limit": PAGE}), 10 * PAGE)
    return invoice_facts(invoice, lines)
