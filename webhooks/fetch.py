"""One customer's whole state, asked of Stripe and reduced to a snapshot."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import stripe

from webhooks.facts import READER_KEY, card_facts, invoice_facts, metadata_of, payment_method_facts, subscription_facts
from webhooks.failures import PermanentFailure, translated
from webhooks.fetch_holds import fetch_holds
from webhooks.snapshot import CustomerSnapshot, InvoiceFacts
from webhooks.warnings import Warned, none_told

_PAGE = 100  # Stripe's largest
_Thing = TypeVar("_Thing", bound=stripe.StripeObject)


class StripeFetch:
    """Fetches through `client`, whose timeouts and retries the caller has set.

    `business_clock` is read before the first call, so a snapshot never claims to be newer than it is. At most
    `max_subscriptions` are allowed (more is a PermanentFailure: a part of the truth would be a wrong answer), and of
    the invoices the newest `max_invoices` are taken: eight years of monthly ones. `warned` names the fraud warnings
    that events have told of.
    """

    def __init__(
        self,
        client: stripe.StripeClient,
        business_clock: Callable[[], datetime],
        *,
        max_subscriptions: int = 300,
        max_invoices: int = 100,
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
            invoices = self._invoices(customer_id)
            holds = fetch_holds(self._client, customer_id, told)
        return CustomerSnapshot(
            customer_id=customer_id,
            deleted=bool(customer.get("deleted")),
            email=customer.get("email"),
            reader_id=metadata_of(customer, READER_KEY),
            fetched_at=fetched_at,
            card=card_facts(customer, subscriptions),
            subscriptions=tuple(subscription_facts(each) for each in subscriptions),
            invoices=invoices,
            holds=holds,
            pays_with=payment_method_facts(customer, subscriptions),
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
            {"customer": customer_id, "status": "all", "limit": _PAGE, "expand": ["data.default_payment_method"]}
        )
        found = _dictionaries(first, self._max_subscriptions + 1)
        if len(found) > self._max_subscriptions:
            raise PermanentFailure("TooManySubscriptions")
        return found

    def _invoices(self, customer_id: str) -> tuple[InvoiceFacts, ...]:
        first = self._api.invoices.list({"customer": customer_id, "limit": min(_PAGE, self._max_invoices)})
        return tuple(self._facts(invoice) for invoice in _dictionaries(first, self._max_invoices))

    def _facts(self, invoice: dict[str, Any]) -> InvoiceFacts:
        """Return the invoice's facts, asking for its other lines when it came with only the first ones."""
        lines = invoice["lines"]["data"]
        if invoice["lines"].get("has_more"):
            lines = _dictionaries(self._api.invoices.line_items.list(invoice["id"], {"limit": _PAGE}), 10 * _PAGE)
        return invoice_facts(invoice, lines)


def _dictionaries(first: stripe.ListObject[_Thing], limit: int) -> list[dict[str, Any]]:
    """Return up to `limit` things of this page and those after it, as plain dictionaries."""
    return [each.to_dict() for each in islice(first.auto_paging_iter(), limit)]
