"""Stripe's hosted Billing Portal, where a reader sees invoices, changes the card, and can cancel too."""

from __future__ import annotations

import stripe

from service.billing.customers import Customers
from service.billing.stripe_client import stripe_deadline
from service.catalog.portal import find_portal_configuration
from service.errors import NotFound

DEADLINE_SECONDS = 5.0


class Portals:
    """Opens portal sessions."""

    def __init__(self, client: stripe.StripeClient, customers: Customers) -> None:
        self._client = client
        self._customers = customers
        self._configuration: str | None = None

    def open(self, reader_id: str, return_url: str) -> str:
        """Return the portal's URL; raises NotFound for a reader who never paid, StripeUnavailable."""
        customer_id = self._customers.known(reader_id)
        if customer_id is None:
            raise NotFound("This reader has never subscribed.", code="no_customer")
        with stripe_deadline(DEADLINE_SECONDS):
            params: stripe.params.billing_portal.SessionCreateParams = {
                "customer": customer_id,
                "return_url": return_url,
            }
            configuration = self._find_configuration()
            if configuration is not None:
                params["configuration"] = configuration
            return self._client.v1.billing_portal.sessions.create(params).url

    def _find_configuration(self) -> str | None:
        """Return the configuration that `newsstand plans apply` made; without one Stripe's default serves."""
        if self._configuration is None:
            found = find_portal_configuration(self._client)
            self._configuration = found.id if found else None
        return self._configuration
