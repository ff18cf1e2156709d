"""`/v1/checkouts`: sell a plan through Stripe's page, and learn how it went."""

from __future__ import annotations

from service.api import present, schemas, shapes
from service.api.operations import Call, Operation, Reply, answer
from service.api.redirects import refuse_foreign
from service.api.services import Services
from service.billing.checkouts import CheckoutRequest
from service.store.api_keys import Scope

REDIRECTS = ("success_url", "cancel_url")


def open_checkout(services: Services, call: Call) -> Reply:
    """Open a checkout, 201, or return the equal one that is open, 200."""
    refuse_foreign(call.body, REDIRECTS, services.site_origins)
    found = services.checkouts.open(CheckoutRequest(**call.body))
    return answer(201 if found.created else 200, present.checkout(found))


def show_checkout(services: Services, call: Call) -> Reply:
    """Tell where the checkout stands, and the reader's state after it."""
    outcome = services.checkouts.outcome(call.path["checkout_id"])
    state = services.readers.state(outcome.reader_id)
    reader = present.reader(state, services.catalog.zone, services.business_clock())
    return answer(200, {"status": outcome.status, "reader": reader})


OPEN_CHECKOUT = Operation(
    method="POST",
    path="/v1/checkouts",
    name="open_checkout",
    tag="For the site",
    summary="Sell a plan through Stripe's hosted page",
    description=(
        "One open checkout per reader: the same plan and addresses return it (200), anything else expires the open "
        "one first. `checkout_id` is appended to `success_url`. Prices, trials and statuses never come from the "
        "caller. Safe to repeat."
    ),
    access=Scope.BILLING,
    view=open_checkout,
    body_schema=schemas.CheckoutCreate,
    answers={201: shapes.Checkout, 200: shapes.Checkout},
    problems=(
        "unknown_plan",
        "already_subscribed",
        "payment_outstanding",
        "payment_processing",
        "access_held",
        "checkout_closed",
        "offer_not_applied",
        "stripe_refused",
        "stripe_unavailable",
    ),
    slow=True,
    idempotent=True,
    example_body={
        "reader_id": "r-81",
        "email": "reader@example.com",
        "plan": "monthly",
        "success_url": "https://www.example.com/welcome",
        "cancel_url": "https://www.example.com/offer",
    },
    example_answer={
        "id": "chk_4Zq8w1Yh2mXn7LrP",
        "url": "https://checkout.stripe.com/c/pay/cs_test_...",
        "expires_at": "2026-11-11T09:00:00Z",
        "trial": {"eligible": True, "days": 30, "reason": "first_trial"},
        "disclosure": {
            "due_today": {"amount": 0, "currency": "usd", "display": "$0.00"},
            "first_charge": {"amount": 290, "currency": "usd", "display": "$2.90"},
            "first_charge_at": "2026-12-10T09:00:00Z",
            "renewal": (
                "From 10 December 2026, renews automatically at $2.90 per month until you cancel. One trial per "
                "reader and card: if your card has had a trial before, the first $2.90 is charged today."
            ),
            "cancel": "You can cancel anytime. Cancel before 10 December 2026 and you will not be charged.",
        },
    },
)

SHOW_CHECKOUT = Operation(
    method="GET",
    path="/v1/checkouts/{checkout_id}",
    name="show_checkout",
    tag="For the site",
    summary="Where a checkout stands",
    description="For the page the reader returns to: it needs no webhook, for the customer is synced if necessary.",
    access=Scope.BILLING,
    view=show_checkout,
    path_schema=schemas.CheckoutPath,
    answers={200: shapes.CheckoutOutcome},
    problems=("no_checkout", "stripe_refused", "stripe_unavailable"),
    slow=True,
)
