"""The one life that all orders are tried on: seven events of one reader, and what Stripe shows after each."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from webhooks.events import StripeEvent, parse
from webhooks.snapshot import CustomerSnapshot, InvoiceFacts, SubscriptionFacts

READER = "r-life"
START = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
TRIAL_ENDS = START + timedelta(days=30)
HOUR, MONTH = timedelta(hours=1), timedelta(days=30)
SECOND_PERIOD, THIRD_PERIOD = TRIAL_ENDS + MONTH, TRIAL_ENDS + 2 * MONTH

_SUBSCRIPTION = SubscriptionFacts(
    id="sub_life", status="trialing", plan="monthly", price_id="price_monthly", currency="usd", amount_minor=290,
    interval="month", created_at=START, trial_start_at=START, trial_end_at=TRIAL_ENDS, period_start_at=START,
    period_end_at=TRIAL_ENDS, cancel_at=None, cancel_at_period_end=False, canceled_at=None, ended_at=None,
    pause_behavior=None, paused_reason=None, cancellation_reason=None, reader_id=READER, checkout_id=None,
)  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """One event's type, when it happened, and the customer as Stripe shows it from then on."""

    event_type: str
    at: datetime
    subscription: SubscriptionFacts
    invoices: tuple[InvoiceFacts, ...]

    def snapshot(self, customer_id: str) -> CustomerSnapshot:
        """Return what a fetch sees; ids are the customer's own, so that many lives fit in one database."""
        mine = f"_{customer_id}"
        reader = f"{READER}{mine}"
        return CustomerSnapshot(
            customer_id=customer_id, deleted=False, email=f"{reader}@example.com", reader_id=reader,
            fetched_at=self.at, card=None,
            subscriptions=(replace(self.subscription, id=self.subscription.id + mine, reader_id=reader),),
            invoices=tuple(
                replace(each, id=each.id + mine, subscription_id=self.subscription.id + mine) for each in self.invoices
            ),
        )  # fmt: skip


def _invoice(name: str, status: str, begins_at: datetime, *, amount_minor: int = 290) -> InvoiceFacts:
    paid = status == "paid"
    return InvoiceFacts(
        id=f"in_{name}", number=None, subscription_id="sub_life", status=status, billing_reason="subscription_cycle",
        currency="usd", amount_due_minor=amount_minor, amount_paid_minor=amount_minor if paid else 0, attempt_count=1,
        next_attempt_at=None, created_at=begins_at, paid_at=begins_at + HOUR if paid else None,
        period_start_at=begins_at, period_end_at=begins_at + MONTH, hosted_url=None,
    )  # fmt: skip


_TRIAL = _invoice("trial", "paid", START, amount_minor=0)
_FIRST = _invoice("first", "paid", TRIAL_ENDS)
_ACTIVE = replace(_SUBSCRIPTION, status="active", period_start_at=TRIAL_ENDS, period_end_at=SECOND_PERIOD)
_RENEWED = replace(_ACTIVE, period_start_at=SECOND_PERIOD, period_end_at=THIRD_PERIOD)
_LEAVING = replace(_RENEWED, cancel_at=THIRD_PERIOD, canceled_at=SECOND_PERIOD + 3 * HOUR)
_DRAFT, _OPEN, _SECOND = (_invoice("second", status, SECOND_PERIOD) for status in ("draft", "open", "paid"))

LIFE = (
    Moment("checkout.session.completed", START, _SUBSCRIPTION, (_TRIAL,)),
    Moment("invoice.paid", TRIAL_ENDS + HOUR, _ACTIVE, (_FIRST, _TRIAL)),
    Moment("customer.subscription.updated", SECOND_PERIOD, _RENEWED, (_DRAFT, _FIRST, _TRIAL)),
    Moment(
        "invoice.payment_failed", SECOND_PERIOD + HOUR, replace(_RENEWED, status="past_due"), (_OPEN, _FIRST, _TRIAL)
    ),
    Moment("invoice.paid", SECOND_PERIOD + 2 * HOUR, _RENEWED, (_SECOND, _FIRST, _TRIAL)),
    Moment("customer.subscription.updated", SECOND_PERIOD + 3 * HOUR, _LEAVING, (_SECOND, _FIRST, _TRIAL)),
    Moment(
        "customer.subscription.deleted", THIRD_PERIOD,
        replace(_LEAVING, status="canceled", ended_at=THIRD_PERIOD), (_SECOND, _FIRST, _TRIAL),
    ),
)  # fmt: skip
"""A trial, the first charge, a renewal that fails and is made good, a cancellation in the portal, the end."""

LAST = len(LIFE)


def event_of(number: int, customer_id: str) -> StripeEvent:
    """Return the `number`-th event (from 1) of this customer's life, the same event however often it is asked for."""
    moment = LIFE[number - 1]
    body: dict[str, Any] = {
        "id": f"evt_{number}_{customer_id}", "object": "event", "api_version": "2026-10-28.endive",
        "created": int(moment.at.timestamp()), "livemode": False, "pending_webhooks": 1, "type": moment.event_type,
        "request": {"id": None, "idempotency_key": None},
        "data": {"object": {"object": moment.event_type.rpartition(".")[0], "id": "thing", "customer": customer_id}},
    }  # fmt: skip
    event = parse(json.dumps(body).encode())
    if not isinstance(event, StripeEvent):
        raise TypeError(f"the life's event {number} is none: {event}")
    return event
