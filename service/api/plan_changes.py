"""`/v1/readers/{reader_id}/plan-changes`: what another plan would cost now, and the change itself."""

from __future__ import annotations

from service.api import present, schemas, shapes
from service.api.operations import Call, Operation, Reply, answer
from service.api.services import Services
from service.store.api_keys import Scope


def change_plan(services: Services, call: Call) -> Reply:
    """Preview the change, or make it."""
    reader_id, plan, preview = call.path["reader_id"], call.body["plan"], call.body["preview"]
    if preview:
        found = services.plan_changes.preview(reader_id, plan)
    else:
        found = services.plan_changes.change(reader_id, plan, quoted_at=call.body["quoted_at"])
    return answer(200, present.plan_change(found, preview=preview))


CHANGE_PLAN = Operation(
    method="POST",
    path="/v1/readers/{reader_id}/plan-changes",
    name="change_plan",
    tag="For the site",
    summary="Change a reader's plan",
    description=(
        "At once: what is left of the old period is credited to the cent, and the new plan's period begins. A trial "
        "is kept to its end instead, and nothing is due now. With `preview` nothing changes; hand its `quoted_at` back "
        "within the hour, and exactly what it said is billed. `credit` stays on the reader's account at Stripe and is "
        "taken off the next charges. A refused card (402) changes nothing. `payment_outstanding` (409): the running "
        "period is not paid for yet, for about an hour after a renewal, or since a card was refused."
    ),
    access=Scope.BILLING,
    view=change_plan,
    path_schema=schemas.ReaderPath,
    body_schema=schemas.PlanChangeCreate,
    answers={200: shapes.PlanChange},
    problems=(
        "unknown_plan",
        "quote_expired",
        "no_subscription",
        "same_plan",
        "subscription_ending",
        "payment_outstanding",
        "access_held",
        "subscription_paused",
        "payment_failed",
        "authentication_required",
        "offer_not_applied",
        "stripe_refused",
        "stripe_unavailable",
    ),
    slow=True,
    idempotent=True,
    example_body={"plan": "annual", "preview": True},
    example_answer={
        "plan": "annual",
        "preview": True,
        "quoted_at": "2026-11-25T09:00:00Z",
        "due_now": {"amount": 1845, "currency": "usd", "display": "$18.45"},
        "credit": {"amount": 0, "currency": "usd", "display": "$0.00"},
        "renewal": {"amount": 1990, "currency": "usd", "display": "$19.90"},
        "renews_at": "2027-11-25T09:00:00Z",
        "lines": [
            {
                "description": "Unused time on Newsstand",
                "amount": {"amount": -145, "currency": "usd", "display": "-$1.45"},
            },
            {
                "description": "1 × Newsstand (at $19.90 / year)",
                "amount": {"amount": 1990, "currency": "usd", "display": "$19.90"},
            },
        ],
    },
)
