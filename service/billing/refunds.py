"""Money back, by a person's decision: whole or in part, once however often the button is pressed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import stripe
import structlog
from sqlalchemy import Engine

from service.billing.customers import Customers
from service.billing.once import make_once
from service.billing.stripe_client import is_transient, stripe_deadline
from service.clocks import Clock
from service.domain.money import Money
from service.domain.refunds import REQUEST_KEY, RefundRequest, earlier, refundable_minor
from service.errors import InvalidRequest, NotFound
from service.store import staff_refunds

log = structlog.get_logger(__name__)

DEADLINE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Refund:
    """A refund at Stripe. `status` is Stripe's word, `left` can still be given back, a repeat is not `created`."""

    id: str
    invoice_id: str
    status: str
    amount: Money
    left: Money
    created: bool


@dataclass(frozen=True, kw_only=True)
class RefundQuote:
    """What a refund would be: `amount` of `paid`, with `left` to be given back after it.

    `last4` is of the card that was charged; `repeats` the refund that this very request has made before, or None.
    """

    charge_id: str
    amount: Money
    paid: Money
    left: Money
    last4: str | None
    repeats: str | None


class Refunds:
    """Gives payments of invoices back. What that does to access follows from the sync, by the rules of holds."""

    def __init__(
        self,
        engine: Engine,
        client: stripe.StripeClient,
        customers: Customers,
        sync_now: Callable[[str], None],
        *,
        wall_clock: Clock,
    ) -> None:
        self._engine = engine
        self._wall_clock = wall_clock
        self._client = client
        self._customers = customers
        self._sync_now = sync_now

    def refund(self, request: RefundRequest) -> Refund:
        """Refund, and sync the customer; the same request again returns the same refund.

        Raises NotFound (`no_account`, `no_invoice`), InvalidRequest (`nothing_to_refund`, `refund_too_large`),
        StripeUnavailable.
        """
        customer_id = self._payer(request)
        with stripe_deadline(DEADLINE_SECONDS):
            charge = self._charge(customer_id, request.invoice_id)
            refunds = [each.to_dict() for each in self._of(charge["id"])]
            found = earlier(refunds, request)
            made = found or self._make(charge, refunds, request)
            self._sync_now(customer_id)
        left = refundable_minor(charge, refunds if found else [*refunds, made])
        return Refund(
            id=made["id"],
            invoice_id=request.invoice_id,
            status=made["status"] or "unknown",
            amount=Money(made["amount"], made["currency"]),
            left=Money(left, made["currency"]),
            created=found is None,
        )

    def quote(self, request: RefundRequest) -> RefundQuote:
        """Return what `refund` would do now, by what Stripe says; raises as it does, and changes nothing."""
        customer_id = self._payer(request)
        with stripe_deadline(DEADLINE_SECONDS):
            charge = self._charge(customer_id, request.invoice_id)
            refunds = [each.to_dict() for each in self._of(charge["id"])]
        found = earlier(refunds, request)
        left_minor, currency = refundable_minor(charge, refunds), charge["currency"]
        amount_minor = found["amount"] if found else self._allowed(left_minor, request, currency)
        card = (charge.get("payment_method_details") or {}).get("card") or {}
        return RefundQuote(
            charge_id=charge["id"],
            amount=Money(amount_minor, currency),
            paid=Money(charge["amount_captured"], currency),
            left=Money(left_minor if found else left_minor - amount_minor, currency),
            last4=card.get("last4"),
            repeats=found["id"] if found else None,
        )

    def _payer(self, request: RefundRequest) -> str:
        customer_id = self._customers.known(request.reader_id)
        if customer_id is None:
            raise NotFound("There is no account of this reader with payments.", code="no_account")
        return customer_id

    def _charge(self, customer_id: str, invoice_id: str) -> dict[str, Any]:
        """Return the charge that paid the invoice, which must be this customer's."""
        if self._owner(invoice_id) != customer_id:
            raise NotFound("There is no such invoice of this reader.", code="no_invoice")
        payments = self._client.v1.invoice_payments.list({"invoice": invoice_id, "status": "paid"}).data
        paid = (each.to_dict()["payment"] for each in payments)
        intent_id = next((each["payment_intent"] for each in paid if each["type"] == "payment_intent"), None)
        if intent_id is None:
            raise InvalidRequest("No card was charged for this invoice.", code="nothing_to_refund")
        intent = self._client.v1.payment_intents.retrieve(intent_id, {"expand": ["latest_charge"]}).to_dict()
        charge: dict[str, Any] = intent["latest_charge"]
        return charge

    def _owner(self, invoice_id: str) -> str | None:
        try:
            found: dict[str, str | None] = self._client.v1.invoices.retrieve(invoice_id).to_dict()
        except stripe.InvalidRequestError as error:
            if is_transient(error):
                raise
            return None
        return found["customer"]

    def _of(self, charge_id: str) -> list[stripe.Refund]:
        return list(self._client.v1.refunds.list({"charge": charge_id, "limit": 100}).auto_paging_iter())

    def _make(self, charge: dict[str, Any], refunds: list[dict[str, Any]], request: RefundRequest) -> dict[str, Any]:
        amount = self._allowed(refundable_minor(charge, refunds), request, charge["currency"])
        # Two presses at once see the same refunds, so they send the same key, and Stripe makes one.
        key = f"newsstand-refund-{request.digest}-{len(refunds)}"
        params: stripe.params.RefundCreateParams = {
            "charge": charge["id"],
            "amount": amount,
            "reason": "requested_by_customer",
            "metadata": {REQUEST_KEY: request.digest, "newsstand_reason": request.reason},
        }
        self._keep(key, request, Money(amount, charge["currency"]))
        try:
            made = make_once(
                lambda options: self._client.v1.refunds.create(params, options).to_dict(),
                lambda: self._made(charge["id"], request),
                key,
            )
        except stripe.InvalidRequestError as error:
            if is_transient(error):
                raise
            self._conclude(key, None, f"refused:{error.code or type(error).__name__}")
            raise InvalidRequest("Stripe does not let this be refunded.", code="nothing_to_refund") from error
        self._conclude(key, made["id"], made["status"] or "unknown")
        log.info("refunded", reader_id=request.reader_id, invoice_id=request.invoice_id, refund_id=made["id"])
        return made

    def _made(self, charge_id: str, request: RefundRequest) -> dict[str, Any] | None:
        """Return the refund that Stripe made for this request although it said it failed."""
        found = earlier((each.to_dict() for each in self._of(charge_id)), request)
        return dict(found) if found else None

    def _keep(self, key: str, request: RefundRequest, amount: Money) -> None:
        """Write down who asks for what and why, before Stripe is asked."""
        with self._engine.begin() as connection:
            staff_refunds.record(
                connection,
                idempotency_key=key,
                reader_id=request.reader_id,
                invoice_id=request.invoice_id,
                amount_minor=amount.amount_minor,
                currency=amount.currency,
                reason=request.reason,
                asked_by=request.asked_by,
                asked_at=self._wall_clock(),
            )

    def _conclude(self, key: str, refund_id: str | None, outcome: str) -> None:
        with self._engine.begin() as connection:
            staff_refunds.conclude(connection, key, refund_id=refund_id, outcome=outcome)

    @staticmethod
    def _allowed(left_minor: int, request: RefundRequest, currency: str) -> int:
        if left_minor == 0:
            raise InvalidRequest("Everything has been given back already.", code="nothing_to_refund")
        amount_minor = left_minor if request.amount_minor is None else request.amount_minor
        if amount_minor > left_minor:
            fault = {"amount": [f"Only {Money(left_minor, currency).display} is left to give back."]}
            raise InvalidRequest("More than is left of this payment.", code="refund_too_large", errors=fault)
        return amount_minor
