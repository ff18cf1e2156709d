"""One customer's whole state, asked of Stripe and reduced to a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import stripe

from webhooks.facts import READER_KEY, card_facts, metadata_of, payment_method_facts, subscription_facts
from webhooks.failures import PermanentFailure, translated
from webhooks.fetch_holds import fetch_holds
from webhooks.fetch_invoices import AT_MOST, Invoices, fetch_invoices
from webhooks.pages import PAGE, dictionaries
from webhooks.snapshot import CustomerSnapshot, SubscriptionFacts
from webhooks.warnings import Warned, none_told

DISPUTABLE = timedelta(days=540)
"""How long after a payment a card network may still take a dispute, at the very most."""


class StripeFetch:
    """Fetches through `client`, whose timeouts and retries the caller has set.

    `business_clock` is read before the first call, so a snapshot never claims to be newer than it is. At most
    `max_subscriptions` are allowed (more is a PermanentFailure: a part of the truth would be a wrong answer), and of
    the invoices of each the newest `max_invoices` are taken; should that leave any out, or any charge of ours, the
    snapshot says that it is incomplete. `warned` names the fraud warnings that events have told of.
    """

    def __init__(
        self,
        client: stripe.StripeClient,
        business_clock: Callable[[], datetime],
        *,
        max_subscriptions: int = 300,
        max_invoices: int = AT_MOST,
        warned: Warned = none_told,
    ) -> None:
        self._warned = warned
        self._client = client
        self._api = client.v1
        self._business_clock = business_clock
        self._max_subscriptions = max_subscriptions
        self._max_invoices = max_invoices

    def fetch(self, customer_id: str) -> CustomerSnapshot:
        """Return the customer's state, also of one that was deleted; raise a StripeFailure."""
        fetched_at = self._business_clock()
        told = self._warned(customer_id)
        with translated():
            customer = self._customer(customer_id)
            subscriptions = self._subscriptions(customer_id)
            facts = tuple(subscription_facts(each) for each in subscriptions)
            invoices = fetch_invoices(self._client, customer_id, facts, at_most=self._max_invoices)
            paid_by = dict(_paid_by(invoices, facts, since=fetched_at - DISPUTABLE))
            holds = fetch_holds(self._client, customer_id, paid_by, told)
        parts = {"invoices": invoices.complete, "charges": holds.complete}
        incomplete = tuple(part for part, complete in parts.items() if not complete)
        return CustomerSnapshot(
            customer_id=customer_id,
            deleted=bool(customer.get("deleted")),
            email=customer.get("email"),
            reader_id=metadata_of(customer, READER_KEY),
            fetched_at=fetched_at,
            card=card_facts(customer, subscriptions),
            subscriptions=facts,
            invoices=invoices.facts,
            holds=holds.facts,
            pays_with=payment_method_facts(customer, subscriptions),
            incomplete=incomplete,
        )

    def _customer(self, customer_id: str) -> dict[str, Any]:
        """Return the customer with the default payment method in place of its id."""
        customer = self._api.customers.retrieve(customer_id).to_dict()
        settings = customer.get("invoice_settings") or {}
        # Asked for apart: a deleted customer has lost the field, and expanding what is not there is an error.
        if settings.get("default_payment_method"):
            method = self._api.payment_methods.retrieve(settings["default_payment_method"])
            settings["default_payment_method"] = method.to_dict()
        return customer

    def _subscriptions(self, customer_id: str) -> list[dict[str, Any]]:
        first = self._api.subscriptions.list(
            {"customer": customer_id, "status": "all", "limit": PAGE, "expand": ["data.default_payment_method"]}
        )
        found = dictionaries(first, self._max_subscriptions + 1)
        if len(found) > self._max_subscriptions:
            raise PermanentFailure("TooManySubscriptions")
        return found


def _paid_by(
    invoices: Invoices, subscriptions: tuple[SubscriptionFacts, ...], *, since: datetime
) -> Iterator[tuple[str, str]]:
    """Yield what paid each invoice of ours since then, newest first, and the invoice."""
    ours = {each.id for each in subscriptions if each.plan is not None}
    for invoice in invoices.facts:
        if invoice.subscription_id in ours and invoice.amount_paid_minor > 0 and invoice.created_at >= since:
            for paying in invoices.paid_with[invoice.id]:
                yield paying, invoice.id
